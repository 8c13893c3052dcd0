// A C++ user of the library: the header is C++ too, errors have words, and no exception comes out.
#include <swiglu/swiglu.h>

#include <iostream>
#include <string>

int main() {
  swiglu_plan_desc desc{};
  desc.struct_size = sizeof desc;
  desc.dtype = SWIGLU_F16;
  desc.accum = SWIGLU_ACCUM_F32;
  desc.weight_layout = SWIGLU_KN;
  desc.d_model = 64;
  desc.d_intermediate = 0;  // wrong on purpose
  desc.device = SWIGLU_DEVICE_CPU;
  swiglu_plan* plan = nullptr;
  const swiglu_status status = swiglu_plan_create(&plan, &desc);
  std::string message(1024, '\0');
  if (status != SWIGLU_INVALID_ARGUMENT || plan != nullptr ||
      swiglu_last_error(message.data(), message.size(), nullptr) != SWIGLU_OK ||
      message.find("d_intermediate") == std::string::npos) {
    std::cerr << "a plan with d_intermediate 0 gave " << swiglu_status_name(status) << ": " << message.c_str() << "\n";
    return 1;
  }
  desc.d_intermediate = 32;
  if (swiglu_plan_create(&plan, &desc) != SWIGLU_OK) {
    std::cerr << "a sound plan was refused\n";
    return 1;
  }
  swiglu_plan_destroy(plan);
  return 0;
}
