/* libswiglu: out = silu(x Wg) * (x Wu), the gate/up projection of a SwiGLU layer, as one fused kernel; and its
 * gradients.
 *
 * Shapes      x [m, d_model]; Wg, Wu [d_model, d_intermediate] (KN) or [d_intermediate, d_model] (NK, as nn.Linear);
 *             out, and optionally the pre-activations g = x Wg and u = x Wu, [m, d_intermediate]. Gradients have the
 *             shape of what they are the gradient of, dWg and dWu the weights' layout too. All row-major; a leading
 *             dimension is the distance between rows in ELEMENTS. m (tokens) is chosen at execution.
 *
 * Conventions 1. Every function returns a swiglu_status; output arguments are written only on SWIGLU_OK, except where
 *                SWIGLU_BUFFER_TOO_SMALL says otherwise. A function that fails has changed nothing.
 *             2. swiglu_last_error() tells what was asked, what was found and what to do about it.
 *             3. Every struct begins with struct_size = sizeof(the struct as the caller compiled it). Fields are only
 *                ever added at the end, and zero always means "default": older callers work with newer libraries.
 *             4. Text goes into the caller's buffer, always NUL-terminated; *needed (may be NULL) receives the bytes
 *                wanted, the NUL included. Too small: SWIGLU_BUFFER_TOO_SMALL, and as much as fits is there.
 *             5. A `stream` is a CUstream / cudaStream_t passed as void*, NULL being the default stream.
 *             6. The library never prints to stdout, exits, aborts, or lets a C++ exception out.
 *
 * Threads     Every function may be called from any thread at any time, except swiglu_plan_destroy() on a plan that is
 *             still in use by another call. One plan may be executed from many threads and streams at once. */
#ifndef SWIGLU_SWIGLU_H
#define SWIGLU_SWIGLU_H

#include <stddef.h>
#include <stdint.h>

#if defined(SWIGLU_STATIC)
#define SWIGLU_API
#else
#define SWIGLU_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define SWIGLU_VERSION_MAJOR 0
#define SWIGLU_VERSION_MINOR 1
#define SWIGLU_VERSION_PATCH 0

/* ---- Status ------------------------------------------------------------------------------------------------- */

/* Values are pinned: a new status takes a new number. */
typedef enum swiglu_status {
  SWIGLU_OK = 0,
  SWIGLU_INVALID_ARGUMENT = 1, /* an argument is wrong by itself or together with another */
  SWIGLU_NOT_SUPPORTED = 2,    /* a valid request that this device or this build cannot serve */
  SWIGLU_OUT_OF_MEMORY = 3,    /* host or device memory ran out */
  SWIGLU_NO_DRIVER = 4,        /* libcuda.so.1 was not found, or is too old */
  SWIGLU_NO_COMPILER = 5,      /* NVRTC was not found, or its builtins do not match it */
  SWIGLU_NO_DEVICE = 6,        /* there is no CUDA device of this ordinal */
  SWIGLU_COMPILE_FAILED = 7,   /* NVRTC refused a kernel; the last error holds the end of its log */
  SWIGLU_NOT_CACHED = 8,       /* SWIGLU_TUNING_CACHED_ONLY, and the kernel is in no store */
  SWIGLU_NOT_PREPARED = 9,     /* the stream is being captured and this m was not prepared; the capture stays valid */
  SWIGLU_CUDA_ERROR = 10,      /* the driver returned an error, an earlier asynchronous one included */
  SWIGLU_WORKSPACE_TOO_SMALL = 11,
  SWIGLU_BUFFER_TOO_SMALL = 12,
  SWIGLU_IO_ERROR = 13,         /* cache administration could not read or write a directory */
  SWIGLU_INTERNAL = 14,         /* a defect of the library: please report it with the last error */
  SWIGLU_WRONG_ENVIRONMENT = 15 /* tuning records of another GPU, kernel version or NVRTC */
} swiglu_status;

/* The enumerator's name ("SWIGLU_OK") and a one-line description. Static strings, never NULL. */
SWIGLU_API const char* swiglu_status_name(swiglu_status status);
SWIGLU_API const char* swiglu_status_string(swiglu_status status);

/* The message of the last function that failed on this thread ("" if none has). Does not change the last error. */
SWIGLU_API swiglu_status swiglu_last_error(char* buffer, size_t size, size_t* needed);

/* The version of the library in use, which may differ from the header's. Any pointer may be NULL. */
SWIGLU_API swiglu_status swiglu_version(int* major, int* minor, int* patch);

/* ---- Plans -------------------------------------------------------------------------------------------------- */

typedef enum swiglu_dtype { SWIGLU_BF16 = 1, SWIGLU_F16 = 2, SWIGLU_F32 = 3, SWIGLU_F64 = 4 } swiglu_dtype;

/* What products of 16-bit inputs are accumulated in. The activation is computed in f32 whatever this is (f64 for F64).
 * F16 and F16_PROMOTED need dtype F16. F16 overflows to Inf above 65504 and loses about 1e-3 relative per 1000 terms;
 * F16_PROMOTED adds each chunk of 64 products to an f32 sum and loses nearly nothing. Of the gradients both hold for
 * dx, where F16 is promoted too; dWg and dWu, sums over tokens, are accumulated in f32 always. On the CPU device both
 * are computed with f32 accumulators. F64 is for the CPU device alone. */
typedef enum swiglu_accum {
  SWIGLU_ACCUM_F32 = 1,
  SWIGLU_ACCUM_F16 = 2,
  SWIGLU_ACCUM_F16_PROMOTED = 3,
  SWIGLU_ACCUM_F64 = 4
} swiglu_accum;

/* Weight layout: KN = [d_model, d_intermediate], NK = [d_intermediate, d_model] (nn.Linear). */
typedef enum swiglu_layout { SWIGLU_KN = 1, SWIGLU_NK = 2 } swiglu_layout;

typedef enum swiglu_activation { SWIGLU_ACTIVATION_SILU = 0 } swiglu_activation;

/* Passes a plan shall serve; may be or-ed. FORWARD_STORE also writes g and u. BACKWARD computes the gradients from
 * them, BACKWARD_RECOMPUTE computes them again from x: half again as many operations, and nothing but x to keep. */
enum {
  SWIGLU_PASS_FORWARD = 1,
  SWIGLU_PASS_FORWARD_STORE = 2,
  SWIGLU_PASS_BACKWARD = 4,
  SWIGLU_PASS_BACKWARD_RECOMPUTE = 8
};

typedef enum swiglu_tuning {
  SWIGLU_TUNING_ESTIMATE = 0,    /* choose kernels on paper, compile what is not cached */
  SWIGLU_TUNING_CACHED_ONLY = 1, /* never compile: SWIGLU_NOT_CACHED instead */
  SWIGLU_TUNING_MEASURE = 2 /* measure what no tuning record tells, on streams and in memory of the library's own */
} swiglu_tuning;            /* in every mode a tuning record decides where there is one, but for IGNORE_RECORDS */

enum {
  /* One kernel for all m, chosen on paper: a row of the output is the same bit by bit whatever rows are computed with
   * it (from pointers aligned alike, and with the workspace always lent or never). */
  SWIGLU_OPTION_BATCH_INVARIANT = 1,
  /* Choose on paper as if there were no tuning records: alike on every machine with such a device, whatever was
   * measured there. Not with MEASURE. */
  SWIGLU_OPTION_IGNORE_RECORDS = 2
};

/* Computes on the host: any machine, any thread count, f32 or f64 accumulation; all pointers are host pointers and the
 * stream is ignored (execution is synchronous). */
#define SWIGLU_DEVICE_CPU (-1)

typedef struct swiglu_plan_desc {
  size_t struct_size;
  swiglu_dtype dtype;     /* of x, Wg, Wu, g, u and out: BF16 or F16 */
  swiglu_dtype out_dtype; /* of out, g, u, dout, dx: 0 = dtype; F32 and F64 on the CPU device only */
  swiglu_accum accum;
  swiglu_layout weight_layout;
  swiglu_activation activation;
  uint32_t passes;        /* SWIGLU_PASS_* or-ed; 0 = SWIGLU_PASS_FORWARD */
  int64_t d_model;        /* 1 .. 2^31 - 1 */
  int64_t d_intermediate; /* 1 .. 2^31 - 1 */
  int64_t ld_x;           /* leading dimensions in elements; 0 = the row's length */
  int64_t ld_w_gate;
  int64_t ld_w_up;
  int64_t ld_out;
  int64_t ld_g;
  int64_t ld_u;
  int32_t device; /* CUDA ordinal, or SWIGLU_DEVICE_CPU */
  swiglu_tuning tuning;
  uint32_t options;     /* SWIGLU_OPTION_* or-ed */
  float tuning_seconds; /* MEASURE: the most that choosing one kernel may take; 0: SWIGLU_TUNING_SECONDS, else 3 */
  int64_t ld_dout;      /* from here on for the backward passes */
  int64_t ld_dx;
  int64_t ld_dw_gate;
  int64_t ld_dw_up;
  swiglu_dtype dw_dtype; /* of dWg, dWu: 0 = out_dtype; dtype or F32; F64 on the CPU device only */
  uint32_t reserved;     /* 0 */
} swiglu_plan_desc;

typedef struct swiglu_plan swiglu_plan; /* opaque */

/* Creates a plan: checks the description, opens the device, compiles nothing yet. Errors: INVALID_ARGUMENT,
 * NOT_SUPPORTED, NO_DRIVER, NO_DEVICE, CUDA_ERROR, OUT_OF_MEMORY. The caller's current context is left as it was. */
SWIGLU_API swiglu_status swiglu_plan_create(swiglu_plan** plan, const swiglu_plan_desc* desc);

/* Waits for nothing: work already enqueued keeps its kernels alive. NULL is fine. */
SWIGLU_API void swiglu_plan_destroy(swiglu_plan* plan);

/* Finds or compiles, and loads, every kernel that executing this m may want, for every pass of the plan and any
 * pointer alignment. m = 0 prepares what a backward pass without tokens wants, m < 0 nothing. After it, executing any m
 * of the same bucket (swiglu_plan_describe) neither compiles, allocates, locks nor synchronises. Errors:
 * COMPILE_FAILED, NO_COMPILER, NOT_CACHED, CUDA_ERROR. */
SWIGLU_API swiglu_status swiglu_plan_prepare(swiglu_plan* plan, int64_t m);

/* Bytes of workspace that suffice to execute `pass` (one SWIGLU_PASS_*) at m and at every smaller m: 16-byte aligned,
 * on the plan's device. For the forward passes mostly 0; where rows do not start at multiples of 16 bytes and copies of
 * such matrices in rows that do are worth their time on paper, those. For the backward passes dg and du, [m,
 * d_intermediate] each, a few counters, and where m is split for dWg and dWu their parts in f32, of which a smaller m
 * may have more: then some m take less than this (swiglu_plan_describe). What it holds before and after an execution is
 * of no meaning. Takes microseconds, unless the weights are tiny and m is huge. */
SWIGLU_API swiglu_status swiglu_plan_workspace_size(swiglu_plan* plan, uint32_t pass, int64_t m, size_t* bytes);

/* A JSON object: "problem", "device" {"kind": "cuda" or "cpu", "name", ...}, "m", "bucket" {"first", "last": null where
 * open}, and "kernels", one for each pass and pointer alignment: "pass", "alignment" (bytes), "config", "family",
 * "tile", "threads", "why" (it was chosen), "choice" ("estimate", "forced", "measured" by this process, "user record"
 * or "shared record"), "tunable" (whether measuring may choose it), "microseconds" (measured, else null), "registers",
 * "spill_bytes", "shared_bytes", "origin" ("user" or "shared" store, or "compiled") and "compile_milliseconds"; on the
 * CPU device "pass", "family", "accumulate" and "why". Of a plan with backward passes also "backward", one for each:
 * "pass", "workspace_bytes" (at this m), "kept_bytes": of x, and of g and u where they are stored, which have to be
 * kept since the forward pass, and on CUDA devices "token_splits": the parts that m is split into where dWg and dWu are
 * both wanted. Where a forward pass wants a workspace also "padded", one for each such pass: "pass", "workspace_bytes"
 * (at this m), and "steps", the "pass" of the kernels that run then, in order, the product's being that of
 * alignment 16. Prepares m >= 1 first. */
SWIGLU_API swiglu_status swiglu_plan_describe(swiglu_plan* plan, int64_t m, char* buffer, size_t size, size_t* needed);

/* ---- Execution ---------------------------------------------------------------------------------------------- */

typedef struct swiglu_forward_args {
  size_t struct_size;
  int64_t m;          /* tokens >= 0; 0 succeeds and does nothing */
  const void* x;      /* [m, d_model], element-aligned; fastest when rows are 16-byte aligned, as all of these */
  const void* w_gate; /* two pointers and pitches: a packed gate|up or up|gate matrix needs no repacking */
  const void* w_up;
  void* out; /* [m, d_intermediate] */
  void* g;   /* both NULL: PASS_FORWARD; both set: PASS_FORWARD_STORE */
  void* u;
  void* workspace; /* swiglu_plan_workspace_size() bytes, 16-byte aligned, or NULL: see swiglu_execute */
  size_t workspace_size;
} swiglu_forward_args;

/* Enqueues the forward pass on `stream`, which must belong to the plan's device (its primary context). Outputs must not
 * overlap each other or an input; columns of one padded matrix with the same pitch are fine. Bytes between rows are
 * neither read as data nor written. On a prepared m it may be captured in a CUDA graph; an unprepared m is prepared
 * first, or answered with NOT_PREPARED under capture.
 * On devices from 9.0 up kernels are launched programmatically: they begin before the kernel in front of them has ended
 * and wait for it before they touch memory. If that is one of yours that began likewise, it must have waited for those
 * in front of it (griddepcontrol.wait).
 * A workspace is for speed alone: with NULL, or less than swiglu_plan_workspace_size() says of this m, another kernel
 * may read and write the rows as they are. Its results may differ in the last bits: for the same bits, always lend it
 * or never. One that is lent must overlap nothing else, and executions that may run at the same time need one each;
 * pointers to matrices that need no copy must then be 16-byte aligned and the others as aligned as the pitches, or it
 * is not used.
 */
SWIGLU_API swiglu_status swiglu_execute(swiglu_plan* plan, const swiglu_forward_args* args, void* stream);

typedef struct swiglu_backward_args {
  size_t struct_size;
  int64_t m;          /* tokens >= 0; 0 writes zeros to dw_gate and dw_up where dw_beta is 0 */
  const void* dout;   /* [m, d_intermediate], element-aligned; fastest when rows are 16-byte aligned, as all of these */
  const void* x;      /* [m, d_model]; of PASS_BACKWARD not read, and may be NULL, where neither dw is wanted */
  const void* w_gate; /* of PASS_BACKWARD not read, and may be NULL, where dx is not wanted; w_up likewise */
  const void* w_up;
  const void* g; /* [m, d_intermediate], as PASS_FORWARD_STORE wrote them: PASS_BACKWARD */
  const void* u; /* both NULL: PASS_BACKWARD_RECOMPUTE */
  void* dx;      /* [m, d_model]; NULL: not wanted, and not computed */
  void* dw_gate; /* as w_gate, in dw_dtype; NULL: not wanted, and not computed */
  void* dw_up;
  int32_t dw_beta; /* 0: dw_gate and dw_up are written; 1: the gradients are added to them (dx is always written) */
  void* workspace; /* swiglu_plan_workspace_size() bytes, 16-byte aligned */
  size_t workspace_size;
} swiglu_backward_args;

/* Enqueues the backward pass on `stream`: with s = sigmoid(g)
 *     du = dout g s,  dg = dout u (s + g s (1 - s)),  dx = dg Wg' + du Wu',  dWg = x' dg,  dWu = x' du.
 * dg and du are rounded to dtype in between (not on the CPU device). dWg or dWu wanted alone may differ in the last
 * bits from the same wanted with the other: m may be split into other parts. What swiglu_execute says of streams,
 * overlaps, bytes between rows, preparation and capture holds here; the workspace must overlap nothing else, and
 * executions that may run at the same time need one each. Errors: INVALID_ARGUMENT, WORKSPACE_TOO_SMALL, NOT_PREPARED,
 * and those of swiglu_plan_prepare. */
SWIGLU_API swiglu_status swiglu_execute_backward(swiglu_plan* plan, const swiglu_backward_args* args, void* stream);

/* ---- Compiling ahead, without a GPU --------------------------------------------------------------------------- */

/* Receives one JSON object as text, valid during the call. Called on the thread that called the library. */
typedef void (*swiglu_report_callback)(void* user, const char* json);

enum {
  SWIGLU_COMPILE_ALL_CANDIDATES = 1, /* every tile that suits the problem, not only those chosen for some m */
  SWIGLU_COMPILE_FORCE = 2           /* compile even what the stores already hold */
};

/* Compiles a problem's kernels for a named architecture ("sm_80", "sm_90a"; desc->device is ignored), publishes them in
 * the user's store and reports each: {"config", "arch", "ok", "origin", "registers", "spill_bytes", "shared_bytes",
 * "milliseconds"}, or where "ok" is false {"config", "arch", "ok", "message"}. Goes on after a kernel that fails, and
 * then returns COMPILE_FAILED; with SWIGLU_TUNING_CACHED_ONLY it only looks for them, which needs no NVRTC, and returns
 * NOT_CACHED if one is missing. `callback` may be NULL. */
SWIGLU_API swiglu_status swiglu_compile(const swiglu_plan_desc* desc, const char* arch, uint32_t flags,
                                        swiglu_report_callback callback, void* user);

/* ---- Tuning records ------------------------------------------------------------------------------------------- */

/* What measuring has found out, as a JSON text to carry to other processes and machines: the records of the user's
 * store, whatever GPU, kernel version and NVRTC they are of, and those of this process that could not be written
 * there. */
SWIGLU_API swiglu_status swiglu_tuning_export(char* buffer, size_t size, size_t* needed);

enum {
  SWIGLU_TUNING_IMPORT_FOREIGN = 1 /* also records that are not of this machine, for others that share the store */
};

/* Adds those records of such a text that are of this machine (one of its GPUs, this library's kernel version, its
 * NVRTC) to the user's store and skips the others; one that is there already stays. All or nothing: where one of the
 * text is not sound (INVALID_ARGUMENT), none is of this machine (WRONG_ENVIRONMENT), or one cannot be written
 * (IO_ERROR), nothing has changed. `size` is the text's length, without a NUL. Plans made afterwards go by them.
 * Reports {"added", "known", "skipped"}; `callback` may be NULL. */
SWIGLU_API swiglu_status swiglu_tuning_import(const char* text, size_t size, uint32_t flags,
                                              swiglu_report_callback callback, void* user);

/* ---- Environment and cache ------------------------------------------------------------------------------------ */

/* A JSON object: "library", "nvrtc" and "driver" {"found", "version", "path"; or "reason"}, "devices", "cpu", "cache"
 * (directories) and "environment" (what is wrong in it). Never fails for a missing part. */
SWIGLU_API swiglu_status swiglu_info(char* buffer, size_t size, size_t* needed);

/* The directory compiled kernels are written to, made when the first is; IO_ERROR (with the reason) where memory alone
 * is used, as none is known, it cannot be made or written to, or others may change what is in it. */
SWIGLU_API swiglu_status swiglu_cache_directory(char* buffer, size_t size, size_t* needed);

/* One report per kernel entry of every directory searched: {"path", "writable", "config", "arch", "bytes", "used"}. */
SWIGLU_API swiglu_status swiglu_cache_list(swiglu_report_callback callback, void* user);

/* Reads every entry and tuning record whole and reports those that are damaged or foreign: {"path", "problem"}.
 * IO_ERROR if there were any. `callback` may be NULL. */
SWIGLU_API swiglu_status swiglu_cache_verify(swiglu_report_callback callback, void* user);

/* Removes least recently used entries of the user's directory until at most max_bytes remain; 0 removes all.
 * *removed_bytes and *remaining_bytes may be NULL. */
SWIGLU_API swiglu_status swiglu_cache_prune(uint64_t max_bytes, uint64_t* removed_bytes, uint64_t* remaining_bytes);

/* Packs the user's store, kernels (of one architecture, named as for swiglu_compile, or NULL: of all) and tuning
 * records, into one file: a tar archive that serves in SWIGLU_CACHE_PATH as it is, also on machines without NVRTC, or
 * unpacked. Reports {"path", "kernels", "records"}; `callback` may be NULL. The file is replaced as a whole or not at
 * all (IO_ERROR; NOT_CACHED: the store has no kernels of that architecture). */
SWIGLU_API swiglu_status swiglu_cache_export(const char* path, const char* arch, swiglu_report_callback callback,
                                             void* user);

/* Adds a pack's contents to the user's store, after all of it was checked. INVALID_ARGUMENT where it is not sound, and
 * IO_ERROR where its kernels exceed SWIGLU_CACHE_MAX_BYTES or its records cannot be written: nothing has changed. Where
 * at the end kernels are missing, IO_ERROR as well, the others and the records stay, and importing again is fine.
 * Reports {"path", "kernels" (those there at the end), "records", "known_records"}; `callback` may be NULL. */
SWIGLU_API swiglu_status swiglu_cache_import(const char* path, swiglu_report_callback callback, void* user);

typedef enum swiglu_log_level {
  SWIGLU_LOG_DEBUG = 0,
  SWIGLU_LOG_INFO = 1,
  SWIGLU_LOG_WARNING = 2,
  SWIGLU_LOG_ERROR = 3,
  SWIGLU_LOG_OFF = 4
} swiglu_log_level;

typedef void (*swiglu_log_callback)(void* user, swiglu_log_level level, const char* message);

/* Sends log lines of `level` and above to `callback` instead of stderr; NULL restores stderr. The callback may be
 * called from any thread, and must not call the library. */
SWIGLU_API swiglu_status swiglu_set_log_callback(swiglu_log_callback callback, void* user, swiglu_log_level level);

#ifdef __cplusplus
}
#endif
#endif
