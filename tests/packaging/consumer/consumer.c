/* A C99 user of the library: one element computed on the CPU device, with a known answer. */
#include <stdio.h>
#include <string.h>
#include <swiglu/swiglu.h>

static int failed(const char* what) {
  char message[512];
  swiglu_last_error(message, sizeof message, NULL);
  fprintf(stderr, "%s: %s\n", what, message);
  return 1;
}

int main(void) {
  /* x = [1, 2], Wg = [1, 1], Wu = [3, 0.5]: g = 3, u = 4, out = 3 / (1 + exp(-3)) * 4 = 11.43088952... */
  const unsigned short x[2] = {0x3f80, 0x4000}, w_gate[2] = {0x3f80, 0x3f80}, w_up[2] = {0x4040, 0x3f00};
  double out = 0;
  swiglu_plan_desc desc;
  swiglu_forward_args args;
  swiglu_plan* plan = NULL;
  int major = -1;

  memset(&desc, 0, sizeof desc);
  desc.struct_size = sizeof desc;
  desc.dtype = SWIGLU_BF16;
  desc.out_dtype = SWIGLU_F64;
  desc.accum = SWIGLU_ACCUM_F64;
  desc.weight_layout = SWIGLU_NK;
  desc.d_model = 2;
  desc.d_intermediate = 1;
  desc.device = SWIGLU_DEVICE_CPU;
  if (swiglu_version(&major, NULL, NULL) != SWIGLU_OK || major != SWIGLU_VERSION_MAJOR) return failed("version");
  if (swiglu_plan_create(&plan, &desc) != SWIGLU_OK) return failed("plan");

  memset(&args, 0, sizeof args);
  args.struct_size = sizeof args;
  args.m = 1;
  args.x = x;
  args.w_gate = w_gate;
  args.w_up = w_up;
  args.out = &out;
  if (swiglu_execute(plan, &args, NULL) != SWIGLU_OK) return failed("execute");
  swiglu_plan_destroy(plan);
  if (out < 11.4308895 || out > 11.4308896) {
    fprintf(stderr, "out is %.9f, not 11.43088952\n", out);
    return 1;
  }
  return 0;
}
