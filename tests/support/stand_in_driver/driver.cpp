// The stand-in's driver functions, reached through cuGetProcAddress as the real ones are. Each counts its call, honours
// an injected failure, then answers under the state's mutex.
#include <cuda.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "state.h"
#include "swiglu/params.h"

static_assert(sizeof(swiglu::ForwardParams) == STAND_IN_PARAMS_BYTES);

namespace stand_in {
namespace {

constexpr int kPlainSharedBytes = 48 * 1024;  // more must be asked for by cuFuncSetAttribute
constexpr unsigned kMaxThreads = 1024;
constexpr double kDuration = 10;  // microseconds of a kernel

// Counts the call; the injected result, or CUDA_SUCCESS. Holds the mutex while it lives.
class Call {
 public:
  explicit Call(const char* name) : lock_(state().mutex) {
    ++state().calls[name];
    for (Failure& failure : state().failures) {
      if (failure.function == name && failure.count > 0) {
        if (failure.skip > 0) {
          --failure.skip;
        } else {
          --failure.count;
          result_ = static_cast<CUresult>(failure.result);
          return;
        }
      }
    }
  }
  CUresult injected() const { return result_; }

 private:
  std::lock_guard<std::mutex> lock_;
  CUresult result_ = CUDA_SUCCESS;
};

#define STAND_IN_CALL(name)              \
  const Call call(name);                 \
  if (call.injected() != CUDA_SUCCESS) { \
    return call.injected();              \
  }

bool valid_device(CUdevice device) { return device >= 0 && device < static_cast<int>(state().devices.size()); }

const StandInDevice& device_at(CUdevice device) { return state().devices[static_cast<std::size_t>(device)]; }

// A call that a global-mode capture anywhere forbids unless the thread relaxed its mode.
CUresult spoil_captures() {
  if (thread_state().capture_mode == CU_STREAM_CAPTURE_MODE_RELAXED) {
    return CUDA_SUCCESS;
  }
  CUresult result = CUDA_SUCCESS;
  const auto spoil = [&](Stream& stream) {
    if (stream.capturing) {
      stream.capture_valid = false;
      result = CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
  };
  std::for_each(state().streams.begin(), state().streams.end(), spoil);
  spoil(state().default_stream);
  return result;
}

// Lower bound of an ELF image's size: its section table is what compilers write last but for the program headers.
std::size_t elf_bytes(const unsigned char* image) {
  std::uint64_t section_offset = 0;
  std::uint64_t program_offset = 0;
  std::uint16_t counts[4];  // e_phentsize, e_phnum, e_shentsize, e_shnum
  std::memcpy(&program_offset, image + 32, sizeof program_offset);
  std::memcpy(&section_offset, image + 40, sizeof section_offset);
  std::memcpy(counts, image + 54, sizeof counts);
  return std::max({std::size_t{64}, static_cast<std::size_t>(section_offset) + std::size_t{counts[2]} * counts[3],
                   static_cast<std::size_t>(program_offset) + std::size_t{counts[0]} * counts[1]});
}

// The architecture a cubin's ELF header names, 90 = 9.0; 0 where it names none (images made by tests).
int elf_arch(const std::string& image) {
  const auto byte = [&](std::size_t at) { return static_cast<int>(static_cast<unsigned char>(image[at])); };
  constexpr int kAbiWithWideFlags = 8;  // CUDA 13: the SM number moved to the flags' second byte
  return byte(8) >= kAbiWithWideFlags ? byte(49) : byte(48);
}

CUresult init(unsigned) {
  STAND_IN_CALL("cuInit");
  return state().devices.empty() ? CUDA_ERROR_NO_DEVICE : CUDA_SUCCESS;
}

CUresult driver_get_version(int* version) {
  STAND_IN_CALL("cuDriverGetVersion");
  *version = state().driver_version;
  return CUDA_SUCCESS;
}

CUresult device_get_count(int* count) {
  STAND_IN_CALL("cuDeviceGetCount");
  *count = static_cast<int>(state().devices.size());
  return CUDA_SUCCESS;
}

CUresult device_get(CUdevice* device, int ordinal) {
  STAND_IN_CALL("cuDeviceGet");
  *device = ordinal;
  return valid_device(ordinal) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult device_get_name(char* name, int length, CUdevice device) {
  STAND_IN_CALL("cuDeviceGetName");
  if (!valid_device(device) || length < 1) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  const std::string text = "Stand-in GPU " + std::to_string(device_at(device).compute_capability);
  std::strncpy(name, text.c_str(), static_cast<std::size_t>(length));
  name[length - 1] = '\0';
  return CUDA_SUCCESS;
}

CUresult device_get_attribute(int* value, CUdevice_attribute attribute, CUdevice device) {
  STAND_IN_CALL("cuDeviceGetAttribute");
  if (!valid_device(device)) {
    return CUDA_ERROR_INVALID_DEVICE;
  }
  const StandInDevice& properties = device_at(device);
  switch (attribute) {
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR:
      *value = properties.compute_capability / 10;
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR:
      *value = properties.compute_capability % 10;
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT:
      *value = properties.multiprocessors;
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN:
      *value = properties.shared_bytes_per_block;
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR:
      *value = properties.shared_bytes_per_block + 1024;
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR:
      *value = 65536;
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE:
      *value = 3201000;  // kHz, with the width below: 4.9 TB/s
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE:
      *value = 50 << 20;
      return CUDA_SUCCESS;
    case CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH:
      *value = 6144;
      return CUDA_SUCCESS;
    default:
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult device_total_mem(std::size_t* bytes, CUdevice device) {
  STAND_IN_CALL("cuDeviceTotalMem");
  *bytes = std::size_t{80} << 30;
  return valid_device(device) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult device_get_uuid(CUuuid* uuid, CUdevice device) {
  STAND_IN_CALL("cuDeviceGetUuid");
  std::memset(uuid->bytes, device + 1, sizeof uuid->bytes);
  return valid_device(device) ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult primary_retain(CUcontext* context, CUdevice device) {
  STAND_IN_CALL("cuDevicePrimaryCtxRetain");
  Context* primary = primary_context(device);
  if (primary == nullptr) {
    return CUDA_ERROR_INVALID_DEVICE;
  }
  ++state().retains[device];
  *context = reinterpret_cast<CUcontext>(primary);
  return CUDA_SUCCESS;
}

CUresult primary_release(CUdevice device) {
  STAND_IN_CALL("cuDevicePrimaryCtxRelease");
  if (!valid_device(device) || state().retains[device] == 0) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  --state().retains[device];
  return CUDA_SUCCESS;
}

CUresult ctx_get_current(CUcontext* context) {
  STAND_IN_CALL("cuCtxGetCurrent");
  *context = static_cast<CUcontext>(stand_in_current_context());
  return CUDA_SUCCESS;
}

CUresult ctx_push(CUcontext context) {
  STAND_IN_CALL("cuCtxPushCurrent");
  if (!known_context(context)) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  thread_state().contexts.push_back(reinterpret_cast<Context*>(context));
  return CUDA_SUCCESS;
}

CUresult ctx_pop(CUcontext* context) {
  STAND_IN_CALL("cuCtxPopCurrent");
  auto& stack = thread_state().contexts;
  if (stack.empty()) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  if (context != nullptr) {
    *context = reinterpret_cast<CUcontext>(stack.back());
  }
  stack.pop_back();
  return CUDA_SUCCESS;
}

CUresult ctx_get_device(CUdevice* device) {
  STAND_IN_CALL("cuCtxGetDevice");
  const auto* context = static_cast<Context*>(stand_in_current_context());
  if (context == nullptr) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  *device = context->device;
  return CUDA_SUCCESS;
}

CUresult library_load(CUlibrary* library, const void* code, CUjit_option*, void**, unsigned, CUlibraryOption*, void**,
                      unsigned) {
  STAND_IN_CALL("cuLibraryLoadData");
  if (const CUresult spoiled = spoil_captures(); spoiled != CUDA_SUCCESS) {
    return spoiled;
  }
  const auto* bytes = static_cast<const unsigned char*>(code);
  if (bytes == nullptr || std::memcmp(bytes,
                                      "\x7f"
                                      "ELF",
                                      4) != 0) {
    return CUDA_ERROR_INVALID_IMAGE;
  }
  Library& loaded = state().libraries.emplace_back();
  loaded.image.assign(reinterpret_cast<const char*>(bytes), elf_bytes(bytes));
  loaded.loaded = true;
  *library = reinterpret_cast<CUlibrary>(&loaded);
  return CUDA_SUCCESS;
}

CUresult library_unload(CUlibrary library) {
  STAND_IN_CALL("cuLibraryUnload");
  auto* loaded = reinterpret_cast<Library*>(library);
  if (loaded == nullptr || !loaded->loaded) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  loaded->loaded = false;
  return CUDA_SUCCESS;
}

CUresult library_get_kernel(CUkernel* kernel, CUlibrary library, const char* name) {
  STAND_IN_CALL("cuLibraryGetKernel");
  auto* loaded = reinterpret_cast<Library*>(library);
  if (loaded == nullptr || !loaded->loaded) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  if (loaded->image.find(name) == std::string::npos) {
    return CUDA_ERROR_NOT_FOUND;
  }
  *kernel = reinterpret_cast<CUkernel>(&state().functions.emplace_back(Function{loaded, name, nullptr, {}}));
  return CUDA_SUCCESS;
}

CUresult kernel_get_function(CUfunction* function, CUkernel kernel) {
  STAND_IN_CALL("cuKernelGetFunction");
  if (const CUresult spoiled = spoil_captures(); spoiled != CUDA_SUCCESS) {
    return spoiled;
  }
  auto* context = static_cast<Context*>(stand_in_current_context());
  if (context == nullptr) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  const Function* unbound = find_function(kernel);
  if (unbound == nullptr || !unbound->library->loaded) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  const int built_for = elf_arch(unbound->library->image);
  const int device = device_at(context->device).compute_capability;
  if (built_for != 0 && (built_for / 10 != device / 10 || built_for % 10 > device % 10)) {
    return CUDA_ERROR_NO_BINARY_FOR_GPU;
  }
  *function = reinterpret_cast<CUfunction>(
      &state().functions.emplace_back(Function{unbound->library, unbound->name, context, {}}));
  return CUDA_SUCCESS;
}

CUresult func_set_attribute(CUfunction handle, CUfunction_attribute attribute, int value) {
  STAND_IN_CALL("cuFuncSetAttribute");
  Function* function = find_function(handle);
  if (function == nullptr || function->context == nullptr) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  const int device = function->context->device;
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES || value < 0 ||
      value > device_at(device).shared_bytes_per_block) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  function->max_dynamic_shared_bytes.at(static_cast<std::size_t>(device)) = value;
  return CUDA_SUCCESS;
}

CUresult func_get_attribute(int* value, CUfunction_attribute attribute, CUfunction handle) {
  STAND_IN_CALL("cuFuncGetAttribute");
  const Function* function = find_function(handle);
  if (function == nullptr || function->context == nullptr) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  *value = function->max_dynamic_shared_bytes.at(static_cast<std::size_t>(function->context->device));
  return CUDA_SUCCESS;
}

CUresult func_load(CUfunction function) {
  STAND_IN_CALL("cuFuncLoad");
  if (const CUresult spoiled = spoil_captures(); spoiled != CUDA_SUCCESS) {
    return spoiled;
  }
  return find_function(function) == nullptr ? CUDA_ERROR_INVALID_HANDLE : CUDA_SUCCESS;
}

// What swiglu_block_errors finds: see stand_in.h.
CUresult judge_last() {
  state().block_error = behaviour(state().errors, state().last_computed, 0);
  return CUDA_SUCCESS;
}

CUresult launch_kernel(const CUlaunchConfig* config, CUfunction handle, void** params, void**) {
  STAND_IN_CALL("cuLaunchKernelEx");
  auto* context = static_cast<Context*>(stand_in_current_context());
  if (context == nullptr) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  const Function* function = find_function(handle);
  Stream* stream = find_stream(config->hStream);
  if (function == nullptr || stream == nullptr || function->context != context ||
      (stream->context != nullptr && stream->context != context)) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  const auto device = static_cast<std::size_t>(context->device);
  const unsigned allowed =
      static_cast<unsigned>(std::max(kPlainSharedBytes, function->max_dynamic_shared_bytes.at(device)));
  const std::uint64_t threads = std::uint64_t{config->blockDimX} * config->blockDimY * config->blockDimZ;
  if (config->gridDimX == 0 || config->gridDimX > 0x7fffffffU || config->gridDimY == 0 || config->gridDimY > 65535U ||
      config->gridDimZ == 0 || config->gridDimZ > 65535U || threads == 0 || threads > kMaxThreads ||
      config->sharedMemBytes > allowed) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  StandInLaunch launch{};
  launch.device = context->device;
  launch.context = context;
  launch.stream = config->hStream;
  launch.function = handle;
  launch.grid[0] = config->gridDimX, launch.grid[1] = config->gridDimY, launch.grid[2] = config->gridDimZ;
  launch.block[0] = config->blockDimX, launch.block[1] = config->blockDimY, launch.block[2] = config->blockDimZ;
  launch.shared_bytes = config->sharedMemBytes;
  launch.captured = stream->capturing;
  const double microseconds = behaviour(state().durations, function, kDuration);
  (stream->capturing ? stream->graph.microseconds : stream->microseconds) += microseconds;
  if (function->name == "swiglu_block_errors" && !stream->capturing) {
    return judge_last();
  }
  if (function->name == "swiglu_fill") {
    return CUDA_SUCCESS;
  }
  state().last_computed = function;
  std::memcpy(launch.params, params[0], sizeof launch.params);
  state().launches.push_back(launch);
  return CUDA_SUCCESS;
}

// ---- Measuring: streams with clocks, events, graphs, memory that is addresses alone -------------------------------

CUresult stream_create(CUstream* stream, unsigned) {
  STAND_IN_CALL("cuStreamCreate");
  auto* context = static_cast<Context*>(stand_in_current_context());
  if (context == nullptr) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  *stream = reinterpret_cast<CUstream>(&state().streams.emplace_back(Stream{context}));
  return CUDA_SUCCESS;
}

CUresult stream_destroy(CUstream handle) {
  STAND_IN_CALL("cuStreamDestroy");
  Stream* stream = find_stream(handle);
  if (stream == nullptr || handle == nullptr) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  stream->exists = false;
  return CUDA_SUCCESS;
}

CUresult stream_synchronize(CUstream handle) {
  STAND_IN_CALL("cuStreamSynchronize");
  const Stream* stream = find_stream(handle);
  if (stream == nullptr) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  return stream->capturing ? CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED : spoil_captures();
}

CUresult begin_capture(CUstream handle, CUstreamCaptureMode) {
  STAND_IN_CALL("cuStreamBeginCapture");
  Stream* stream = find_stream(handle);
  if (stream == nullptr || handle == nullptr || stream->capturing) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  stream->capturing = true;
  stream->capture_valid = true;
  stream->graph = Graph{stream->context};
  return CUDA_SUCCESS;
}

CUresult end_capture(CUstream handle, CUgraph* graph) {
  STAND_IN_CALL("cuStreamEndCapture");
  Stream* stream = find_stream(handle);
  if (stream == nullptr || !stream->capturing) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  stream->capturing = false;
  *graph = nullptr;
  if (!stream->capture_valid) {
    return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
  }
  *graph = reinterpret_cast<CUgraph>(new Graph(stream->graph));
  return CUDA_SUCCESS;
}

CUresult graph_destroy(CUgraph graph) {
  STAND_IN_CALL("cuGraphDestroy");
  delete reinterpret_cast<Graph*>(graph);
  return CUDA_SUCCESS;
}

CUresult graph_instantiate(CUgraphExec* executable, CUgraph graph, unsigned long long) {
  STAND_IN_CALL("cuGraphInstantiateWithFlags");
  *executable = reinterpret_cast<CUgraphExec>(&state().graphs.emplace_back(*reinterpret_cast<Graph*>(graph)));
  return CUDA_SUCCESS;
}

CUresult graph_launch(CUgraphExec executable, CUstream handle) {
  STAND_IN_CALL("cuGraphLaunch");
  Stream* stream = find_stream(handle);
  const auto* graph = reinterpret_cast<Graph*>(executable);
  if (stream == nullptr || graph == nullptr || !graph->exists || graph->context != stream->context) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  stream->microseconds += graph->microseconds;
  return CUDA_SUCCESS;
}

CUresult graph_exec_destroy(CUgraphExec executable) {
  STAND_IN_CALL("cuGraphExecDestroy");
  reinterpret_cast<Graph*>(executable)->exists = false;
  return CUDA_SUCCESS;
}

CUresult event_create(CUevent* event, unsigned) {
  STAND_IN_CALL("cuEventCreate");
  auto* context = static_cast<Context*>(stand_in_current_context());
  *event = reinterpret_cast<CUevent>(&state().events.emplace_back(Event{context}));
  return context == nullptr ? CUDA_ERROR_INVALID_CONTEXT : CUDA_SUCCESS;
}

CUresult event_destroy(CUevent event) {
  STAND_IN_CALL("cuEventDestroy");
  reinterpret_cast<Event*>(event)->exists = false;
  return CUDA_SUCCESS;
}

CUresult event_record(CUevent handle, CUstream on) {
  STAND_IN_CALL("cuEventRecord");
  auto* event = reinterpret_cast<Event*>(handle);
  const Stream* stream = find_stream(on);
  if (stream == nullptr || !event->exists || event->context != stream->context) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  event->recorded = true;
  event->microseconds = stream->microseconds;
  return CUDA_SUCCESS;
}

CUresult event_elapsed(float* milliseconds, CUevent begin, CUevent end) {
  STAND_IN_CALL("cuEventElapsedTime");
  const auto* first = reinterpret_cast<Event*>(begin);
  const auto* last = reinterpret_cast<Event*>(end);
  if (!first->recorded || !last->recorded) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  *milliseconds = static_cast<float>((last->microseconds - first->microseconds) * 1e-3);
  return CUDA_SUCCESS;
}

CUresult mem_alloc(CUdeviceptr* address, std::size_t bytes) {
  STAND_IN_CALL("cuMemAlloc");
  if (const CUresult spoiled = spoil_captures(); spoiled != CUDA_SUCCESS) {
    return spoiled;
  }
  if (stand_in_current_context() == nullptr) {
    return CUDA_ERROR_INVALID_CONTEXT;
  }
  if (bytes == 0 || bytes > state().free_memory) {
    return bytes == 0 ? CUDA_ERROR_INVALID_VALUE : CUDA_ERROR_OUT_OF_MEMORY;
  }
  const auto& memory = state().memory;
  const std::uintptr_t end =
      memory.empty() ? std::uintptr_t{1} << 40 : memory.rbegin()->first + memory.rbegin()->second;
  *address = (end + 511) / 512 * 512;
  state().memory.emplace(*address, bytes);
  state().free_memory -= bytes;
  return CUDA_SUCCESS;
}

CUresult mem_free(CUdeviceptr address) {
  STAND_IN_CALL("cuMemFree");
  if (const CUresult spoiled = spoil_captures(); spoiled != CUDA_SUCCESS) {
    return spoiled;
  }
  const auto found = state().memory.find(address);
  if (found == state().memory.end()) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  state().free_memory += found->second;
  state().memory.erase(found);
  return CUDA_SUCCESS;
}

CUresult mem_get_info(std::size_t* free, std::size_t* total) {
  STAND_IN_CALL("cuMemGetInfo");
  *free = state().free_memory;
  *total = std::size_t{80} << 30;
  return stand_in_current_context() == nullptr ? CUDA_ERROR_INVALID_CONTEXT : CUDA_SUCCESS;
}

// Whether these bytes lie in one allocation.
bool is_allocated(CUdeviceptr address, std::size_t bytes) {
  auto found = state().memory.upper_bound(address);
  return found != state().memory.begin() && (--found, address + bytes <= found->first + found->second);
}

CUresult mem_set(CUdeviceptr address, unsigned char, std::size_t bytes, CUstream stream) {
  STAND_IN_CALL("cuMemsetD8Async");
  return is_allocated(address, bytes) && find_stream(stream) != nullptr ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult copy_to_host(void* to, CUdeviceptr from, std::size_t bytes, CUstream stream) {
  STAND_IN_CALL("cuMemcpyDtoHAsync");
  if (!is_allocated(from, bytes) || find_stream(stream) == nullptr) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  // Sums of the block errors are all that is ever read: pairs of a squared difference and an expected square.
  auto* sums = static_cast<float*>(to);
  for (std::size_t i = 0; i + 1 < bytes / sizeof(float); i += 2) {
    sums[i] = static_cast<float>(state().block_error);
    sums[i + 1] = 1;
  }
  return CUDA_SUCCESS;
}

CUresult stream_is_capturing(CUstream handle, CUstreamCaptureStatus* status) {
  STAND_IN_CALL("cuStreamIsCapturing");
  const Stream* stream = find_stream(handle);
  if (stream == nullptr) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  *status = !stream->capturing      ? CU_STREAM_CAPTURE_STATUS_NONE
            : stream->capture_valid ? CU_STREAM_CAPTURE_STATUS_ACTIVE
                                    : CU_STREAM_CAPTURE_STATUS_INVALIDATED;
  return CUDA_SUCCESS;
}

CUresult exchange_capture_mode(CUstreamCaptureMode* mode) {
  STAND_IN_CALL("cuThreadExchangeStreamCaptureMode");
  const int previous = thread_state().capture_mode;
  thread_state().capture_mode = static_cast<int>(*mode);
  *mode = static_cast<CUstreamCaptureMode>(previous);
  return CUDA_SUCCESS;
}

// Refuses what a driver refuses of the maps this library makes. The map holds, as 64-bit numbers: base, columns, rows,
// pitch in bytes, and the box's columns and rows.
CUresult tensor_map_encode_tiled(CUtensorMap* map, CUtensorMapDataType, cuuint32_t rank, void* base,
                                 const cuuint64_t* extents, const cuuint64_t* pitches, const cuuint32_t* box,
                                 const cuuint32_t*, CUtensorMapInterleave, CUtensorMapSwizzle, CUtensorMapL2promotion,
                                 CUtensorMapFloatOOBfill) {
  STAND_IN_CALL("cuTensorMapEncodeTiled");
  if (rank != 2 || reinterpret_cast<std::uintptr_t>(base) % 16 != 0 || pitches[0] % 16 != 0 ||
      pitches[0] >= cuuint64_t{1} << 40) {
    return CUDA_ERROR_INVALID_VALUE;
  }
  for (int i = 0; i < 2; ++i) {
    if (extents[i] < 1 || extents[i] > cuuint64_t{1} << 32 || box[i] < 1 || box[i] > 256) {
      return CUDA_ERROR_INVALID_VALUE;
    }
  }
  *map = {};
  const cuuint64_t contents[] = {
      reinterpret_cast<std::uintptr_t>(base), extents[0], extents[1], pitches[0], box[0], box[1]};
  std::memcpy(map, contents, sizeof contents);
  return CUDA_SUCCESS;
}

CUresult stream_get_ctx(CUstream handle, CUcontext* context) {
  STAND_IN_CALL("cuStreamGetCtx");
  const Stream* stream = find_stream(handle);
  if (stream == nullptr) {
    return CUDA_ERROR_INVALID_HANDLE;
  }
  *context = reinterpret_cast<CUcontext>(stream->context != nullptr ? static_cast<void*>(stream->context)
                                                                    : stand_in_current_context());
  return CUDA_SUCCESS;
}

CUresult get_error_name(CUresult error, const char** text) {
  STAND_IN_CALL("cuGetErrorName");
  switch (error) {
    case CUDA_ERROR_OUT_OF_MEMORY:
      *text = "CUDA_ERROR_OUT_OF_MEMORY";
      return CUDA_SUCCESS;
    case CUDA_ERROR_INVALID_HANDLE:
      *text = "CUDA_ERROR_INVALID_HANDLE";
      return CUDA_SUCCESS;
    case CUDA_ERROR_ILLEGAL_ADDRESS:
      *text = "CUDA_ERROR_ILLEGAL_ADDRESS";
      return CUDA_SUCCESS;
    case CUDA_ERROR_INVALID_IMAGE:
      *text = "CUDA_ERROR_INVALID_IMAGE";
      return CUDA_SUCCESS;
    default:
      *text = nullptr;
      return CUDA_ERROR_INVALID_VALUE;
  }
}

CUresult get_error_string(CUresult error, const char** text) {
  STAND_IN_CALL("cuGetErrorString");
  *text = error == CUDA_ERROR_ILLEGAL_ADDRESS ? "an illegal memory access was encountered" : "the stand-in says so";
  return CUDA_SUCCESS;
}

struct Entry {
  std::string_view name;
  int since;  // the lowest version that may be asked for, as in cudaTypedefs.h
  void* function;
};

template <typename F>
void* pointer(F* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

CUresult get_proc_address(const char* symbol, void** function, int version, CUdriverProcAddressQueryResult* status) {
  static const Entry kEntries[] = {
      {"cuInit", 2000, pointer(init)},
      {"cuDriverGetVersion", 2020, pointer(driver_get_version)},
      {"cuDeviceGetCount", 2000, pointer(device_get_count)},
      {"cuDeviceGet", 2000, pointer(device_get)},
      {"cuDeviceGetName", 2000, pointer(device_get_name)},
      {"cuDeviceGetAttribute", 2000, pointer(device_get_attribute)},
      {"cuDeviceTotalMem", 3020, pointer(device_total_mem)},
      {"cuDeviceGetUuid", 9020, pointer(device_get_uuid)},
      {"cuDevicePrimaryCtxRetain", 7000, pointer(primary_retain)},
      {"cuDevicePrimaryCtxRelease", 11000, pointer(primary_release)},
      {"cuCtxGetCurrent", 4000, pointer(ctx_get_current)},
      {"cuCtxPushCurrent", 4000, pointer(ctx_push)},
      {"cuCtxPopCurrent", 4000, pointer(ctx_pop)},
      {"cuCtxGetDevice", 2000, pointer(ctx_get_device)},
      {"cuLibraryLoadData", 12000, pointer(library_load)},
      {"cuLibraryUnload", 12000, pointer(library_unload)},
      {"cuLibraryGetKernel", 12000, pointer(library_get_kernel)},
      {"cuKernelGetFunction", 12000, pointer(kernel_get_function)},
      {"cuFuncSetAttribute", 9000, pointer(func_set_attribute)},
      {"cuFuncGetAttribute", 2020, pointer(func_get_attribute)},
      {"cuFuncLoad", 12040, pointer(func_load)},
      {"cuLaunchKernelEx", 11060, pointer(launch_kernel)},
      {"cuTensorMapEncodeTiled", 12000, pointer(tensor_map_encode_tiled)},
      {"cuStreamIsCapturing", 10000, pointer(stream_is_capturing)},
      {"cuThreadExchangeStreamCaptureMode", 10010, pointer(exchange_capture_mode)},
      {"cuStreamGetCtx", 9020, pointer(stream_get_ctx)},
      {"cuStreamCreate", 2000, pointer(stream_create)},
      {"cuStreamDestroy", 4000, pointer(stream_destroy)},
      {"cuStreamSynchronize", 2000, pointer(stream_synchronize)},
      {"cuStreamBeginCapture", 10010, pointer(begin_capture)},
      {"cuStreamEndCapture", 10000, pointer(end_capture)},
      {"cuGraphDestroy", 10000, pointer(graph_destroy)},
      {"cuGraphInstantiateWithFlags", 11040, pointer(graph_instantiate)},
      {"cuGraphLaunch", 10000, pointer(graph_launch)},
      {"cuGraphExecDestroy", 10000, pointer(graph_exec_destroy)},
      {"cuEventCreate", 2000, pointer(event_create)},
      {"cuEventDestroy", 4000, pointer(event_destroy)},
      {"cuEventRecord", 2000, pointer(event_record)},
      {"cuEventElapsedTime", 2000, pointer(event_elapsed)},
      {"cuMemAlloc", 3020, pointer(mem_alloc)},
      {"cuMemFree", 3020, pointer(mem_free)},
      {"cuMemGetInfo", 3020, pointer(mem_get_info)},
      {"cuMemsetD8Async", 3020, pointer(mem_set)},
      {"cuMemcpyDtoHAsync", 3020, pointer(copy_to_host)},
      {"cuGetErrorName", 6000, pointer(get_error_name)},
      {"cuGetErrorString", 6000, pointer(get_error_string)},
  };
  STAND_IN_CALL("cuGetProcAddress");
  const auto* found =
      std::find_if(std::begin(kEntries), std::end(kEntries), [&](const Entry& e) { return e.name == symbol; });
  *function = nullptr;
  if (found == std::end(kEntries)) {
    *status = CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
    return CUDA_ERROR_NOT_FOUND;
  }
  if (version < found->since || found->since > state().driver_version) {
    *status = CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT;
    return CUDA_ERROR_NOT_FOUND;
  }
  *function = found->function;
  *status = CU_GET_PROC_ADDRESS_SUCCESS;
  return CUDA_SUCCESS;
}

CUresult driver_version(int* version) { return driver_get_version(version); }

}  // namespace stand_in

// The only names that the library may look up itself.
#undef cuGetProcAddress
STAND_IN_API CUresult cuGetProcAddress_v2(const char* symbol, void** function, int version, cuuint64_t,
                                          CUdriverProcAddressQueryResult* status) {
  CUdriverProcAddressQueryResult ignored{};
  return stand_in::get_proc_address(symbol, function, version, status != nullptr ? status : &ignored);
}

STAND_IN_API CUresult cuDriverGetVersion(int* version) { return stand_in::driver_version(version); }
