// The kernels of a trial, kept and healed as all others are.
#include "kernels/trial_kernels.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/files.h"
#include "store/entry.h"
#include "support/stand_in_driver/stand_in.h"
#include "support/stand_in_driver/stand_in_nvrtc.h"
#include "unit/kernels/environment.h"

namespace swiglu {
namespace {

const test::StandInEnvironment kEnvironment;

KernelEntry stored_trial() {
  const auto listed = kernel_store().list(true);
  const auto found =
      std::find_if(listed.begin(), listed.end(), [](const auto& each) { return each.config == "trial"; });
  REQUIRE(found != listed.end());
  const ReadResult read = read_file(system_files(), found->path, 1 << 20, [](const FileStatus&) { return ""; });
  DecodeResult decoded = decode_entry(read.bytes);
  REQUIRE(decoded.entry.has_value());
  return std::move(*decoded.entry);
}

TEST_CASE("a stored cubin without the trial's kernels is compiled again, and the store is healed") {
  stand_in_reset();
  stand_in_nvrtc_reset();
  TrialKernels::get(Device::get(0));
  const KernelEntry sound = stored_trial();
  // As another process would find it: sound as a file, but of other kernels.
  forget_cubin({"trial", "", 0}, sound.arch, {sound, Origin::user});
  KernelEntry wrong = sound;
  wrong.cubin.resize(64);  // an ELF header alone, which says so: no sections, no segments
  std::fill(wrong.cubin.begin() + 32, wrong.cubin.end(), std::byte{0});
  REQUIRE(kernel_store().put(wrong));
  TrialKernels::get(Device::get(1));
  CHECK(stand_in_nvrtc_compiles() == 2);
  CHECK(stored_trial().cubin == sound.cubin);
}

}  // namespace
}  // namespace swiglu
