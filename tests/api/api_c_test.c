/* The public header as C99, and the library used from C. Exit status 0: all is well. */
#include <swiglu/swiglu.h>

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;

static void expect(int condition, const char* what) {
  if (!condition) {
    char message[1024];
    swiglu_last_error(message, sizeof message, NULL);
    fprintf(stderr, "failed: %s (last error: %s)\n", what, message);
    ++failures;
  }
}

static void count_reports(void* user, const char* json) {
  (void)json;
  ++*(int*)user;
}

static void on_log(void* user, swiglu_log_level level, const char* message) {
  (void)user;
  (void)level;
  (void)message;
}

int main(void) {
  /* out = silu(x Wg) * (x Wu) for x = [1 2], Wg = [1; 1], Wu = [1; 0.5]: g = 3, u = 2. */
  const uint16_t one = 0x3f80, two = 0x4000, half = 0x3f00;
  const uint16_t x[2] = {one, two};
  const uint16_t w_gate[2] = {one, one};
  const uint16_t w_up[2] = {one, half};
  float out = 0;
  swiglu_plan_desc desc;
  float dx[2] = {0, 0}, dw_gate[2] = {1, 2}, dw_up[2] = {0, 0}, dout = 1, g = 3, u = 2, workspace[8];
  double s = 1 / (1 + exp(-3.0));
  swiglu_forward_args args;
  swiglu_backward_args backward;
  swiglu_plan* plan = NULL;
  char text[4096];
  size_t bytes = 1;
  int major = -1, reports = 0;

  memset(&desc, 0, sizeof desc);
  desc.struct_size = sizeof desc;
  desc.dtype = SWIGLU_BF16;
  desc.out_dtype = SWIGLU_F32;
  desc.accum = SWIGLU_ACCUM_F32;
  desc.weight_layout = SWIGLU_KN;
  desc.d_model = 2;
  desc.d_intermediate = 1;
  desc.device = SWIGLU_DEVICE_CPU;
  desc.passes = SWIGLU_PASS_FORWARD | SWIGLU_PASS_BACKWARD | SWIGLU_PASS_BACKWARD_RECOMPUTE;
  expect(swiglu_plan_create(&plan, &desc) == SWIGLU_OK, "swiglu_plan_create");
  expect(swiglu_plan_prepare(plan, 1) == SWIGLU_OK, "swiglu_plan_prepare");
  expect(swiglu_plan_workspace_size(plan, SWIGLU_PASS_FORWARD, 1, &bytes) == SWIGLU_OK && bytes == 0, "workspace");
  expect(swiglu_plan_describe(plan, 1, text, sizeof text, NULL) == SWIGLU_OK && text[0] == '{', "describe");

  memset(&args, 0, sizeof args);
  args.struct_size = sizeof args;
  args.m = 1;
  args.x = x;
  args.w_gate = w_gate;
  args.w_up = w_up;
  args.out = &out;
  expect(swiglu_execute(plan, &args, NULL) == SWIGLU_OK, "swiglu_execute");
  expect(fabs((double)out - 3 / (1 + exp(-3.0)) * 2) < 1e-5, "the value: silu(3) * 2");

  /* dg = dout u (s + g s (1 - s)), du = dout g s; dx = dg Wg' + du Wu'; dWg = x' dg, here added to [1; 2]. */
  memset(&backward, 0, sizeof backward);
  backward.struct_size = sizeof backward;
  backward.m = 1;
  backward.dout = &dout;
  backward.x = x;
  backward.w_gate = w_gate;
  backward.w_up = w_up;
  backward.g = &g;
  backward.u = &u;
  backward.dx = dx;
  backward.dw_gate = dw_gate;
  backward.dw_up = NULL;
  backward.dw_beta = 1;
  expect(swiglu_execute_backward(plan, &backward, NULL) == SWIGLU_WORKSPACE_TOO_SMALL, "a workspace is wanted");
  expect(swiglu_plan_workspace_size(plan, SWIGLU_PASS_BACKWARD, 1, &bytes) == SWIGLU_OK && bytes <= 16 && bytes > 0,
         "workspace of the backward pass");
  backward.workspace = (void*)(((uintptr_t)workspace + 15) / 16 * 16);
  backward.workspace_size = bytes;
  expect(swiglu_execute_backward(plan, &backward, NULL) == SWIGLU_OK, "swiglu_execute_backward");
  expect(fabs((double)dx[0] - (2 * (s + 3 * s * (1 - s)) + 3 * s)) < 1e-5, "dx[0]");
  expect(fabs((double)dx[1] - (2 * (s + 3 * s * (1 - s)) + 3 * s * 0.5)) < 1e-5, "dx[1]");
  expect(fabs((double)dw_gate[1] - (2 + 2 * 2 * (s + 3 * s * (1 - s)))) < 1e-5, "dw_gate[1]");
  expect(dw_up[0] == 0, "dw_up was not wanted");
  backward.g = backward.u = NULL;
  backward.dw_gate = NULL;
  backward.dw_up = dw_up;
  backward.dw_beta = 0;
  expect(swiglu_execute_backward(plan, &backward, NULL) == SWIGLU_OK, "swiglu_execute_backward, g and u recomputed");
  expect(fabs((double)dw_up[1] - 2 * 3 * s) < 1e-5, "dw_up[1]");
  swiglu_plan_destroy(plan);

  desc.d_model = 0;
  expect(swiglu_plan_create(&plan, &desc) == SWIGLU_INVALID_ARGUMENT, "d_model = 0 is refused");
  expect(swiglu_last_error(text, sizeof text, NULL) == SWIGLU_OK && strstr(text, "d_model is 0") != NULL, "last error");
  expect(strcmp(swiglu_status_name(SWIGLU_OK), "SWIGLU_OK") == 0, "status name");
  expect(strlen(swiglu_status_string(SWIGLU_NO_DRIVER)) > 0, "status string");
  expect(swiglu_version(&major, NULL, NULL) == SWIGLU_OK && major == SWIGLU_VERSION_MAJOR, "version");
  expect(swiglu_info(text, sizeof text, NULL) == SWIGLU_OK && text[0] == '{', "info");
  desc.out_dtype = SWIGLU_BF16;
  desc.passes = SWIGLU_PASS_FORWARD;
  expect(swiglu_compile(&desc, "sm_80", 0, count_reports, &reports) == SWIGLU_INVALID_ARGUMENT, "compile");
  expect(reports == 0, "no report of a refused call");
  expect(swiglu_set_log_callback(on_log, NULL, SWIGLU_LOG_ERROR) == SWIGLU_OK, "log callback");
  expect(swiglu_set_log_callback(NULL, NULL, SWIGLU_LOG_WARNING) == SWIGLU_OK, "log callback to stderr");
  return failures == 0 ? 0 : 1;
}
