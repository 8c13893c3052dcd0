// What the library found on this machine, as the JSON text of swiglu_info. A missing part is reported, never thrown.
#pragma once

#include <string>

namespace swiglu {

std::string info();

}  // namespace swiglu
