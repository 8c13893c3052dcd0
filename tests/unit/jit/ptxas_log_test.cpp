// Logs as NVRTC 12.8 and 13.0 write them.
#include <doctest/doctest.h>

#include "jit/ptxas_log.h"

namespace swiglu {
namespace {

TEST_CASE("a clean log") {
  const PtxasReport report = read_ptxas_log(
      "ptxas info    : 0 bytes gmem\n"
      "ptxas info    : Compiling entry function 'k' for 'sm_90a'\n"
      "ptxas info    : Function properties for k\n"
      "ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
      "ptxas info    : Used 168 registers, used 1 barriers, 256 bytes smem\n"
      "ptxas info    : Compile time = 3.178 ms\n");
  CHECK(report.registers == 168);
  CHECK(report.spill_bytes == 0);
  CHECK(report.stack_bytes == 0);
  CHECK(report.static_shared_bytes == 256);
  CHECK(report.defect.empty());
}

TEST_CASE("a spill is a defect and counted once") {
  const PtxasReport report = read_ptxas_log(
      "ptxas warning : Local memory used for function 'k', size of stack frame: 744 bytes\n"
      "ptxas warning : Registers are spilled to local memory in function 'k', 1388 bytes spill stores, 1584 bytes "
      "spill "
      "loads\n"
      "ptxas         .     744 bytes stack frame, 1388 bytes spill stores, 1584 bytes spill loads\n"
      "ptxas info    : Used 32 registers, used 1 barriers, 744 bytes cumulative stack size\n");
  CHECK(report.registers == 32);
  CHECK(report.spill_bytes == 1388 + 1584);
  CHECK(report.stack_bytes == 744);
  CHECK(report.defect.find("2972") != std::string::npos);
}

TEST_CASE("local memory that is no spill is reported and no defect") {
  const PtxasReport report = read_ptxas_log(
      "ptxas         .     400 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
      "ptxas info    : Used 32 registers, used 0 barriers, 400 bytes cumulative stack size\n");
  CHECK(report.stack_bytes == 400);
  CHECK(report.static_shared_bytes == 0);
  CHECK(report.defect.empty());
}

TEST_CASE("advisories of the wgmma pipeline are defects") {
  const char* const advisory =
      "ptxas info    : (C7510) Potential Performance Loss: wgmma.mma_async instructions are serialized due to ...";
  CHECK(read_ptxas_log(advisory).defect == advisory);
  CHECK(read_ptxas_log("ptxas fatal   : (C7602) insufficient registers\n").defect.find("C7602") != std::string::npos);
  CHECK(read_ptxas_log("swiglu_kernel.cu(C75): no advisory\n").defect.empty());
  CHECK(read_ptxas_log("ptxas info    : (C7401) something else\n").defect.empty());
}

TEST_CASE("no log at all, and lines cut short") {
  CHECK(read_ptxas_log("").registers == 0);
  CHECK(read_ptxas_log("Used").registers == 0);
  CHECK(read_ptxas_log(" bytes stack frame").spill_bytes == 0);
  CHECK(read_ptxas_log("ptxas info : Used  registers").registers == 0);
  CHECK(read_ptxas_log("(C75").defect.empty());
}

}  // namespace
}  // namespace swiglu
