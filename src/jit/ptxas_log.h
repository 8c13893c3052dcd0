// What ptxas says of a compile, read from NVRTC's log (it is there on success too, with --ptxas-options=-v).
#pragma once

#include <string>
#include <string_view>

namespace swiglu {

struct PtxasReport {
  int registers = 0;
  int spill_bytes = 0;  // stores + loads
  int stack_bytes = 0;  // local memory that is no spill: an array indexed by what the compiler does not know
  int static_shared_bytes = 0;
  std::string defect;  // empty, or the first reason not to use the cubin: a spill, a C75xx or C76xx advisory
};

PtxasReport read_ptxas_log(std::string_view log);

}  // namespace swiglu
