// The generator against its golden copies, byte for byte. To write them anew after a wanted change:
//   SWIGLU_UPDATE_GOLDEN=1 unit_jit --test-case='generated units*'      then review the diff
#include <doctest/doctest.h>

#include "jit/source.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/spelling.h"
#include "swiglu/validity.h"

namespace swiglu {
namespace {

const std::filesystem::path kInstances =
    std::filesystem::path(__FILE__).parent_path() / "../../../kernel_templates/instances";

// One of each: family, layout, accumulator, pass, alignment.
const std::vector<std::string> kConfigs = {
    "bf16_f32_4096x14336_kn/simt/64x32x32_s1_w8x1_g8",
    "f16_f16_4097x11007_nk_gu_a2/simt/64x32x32_s1_w8x1_g8",
    "bf16_f32_4096x14336_nk/mma_sm80/128x128x64_s4_w2x4_g16",
    "bf16_f32_4096x14336_kn/mma_sm80/128x128x64_s3_w2x4_g16",
    "f16_f16_4096x14336_nk/mma_sm80/192x128x64_s3_w4x2_g8",
    "f16_f16_promoted_4096x14336_kn_gu/mma_sm80/96x128x64_s4_w2x4_g16",
    "bf16_f32_4096x14336_nk/wgmma_sm90/128x104x64_s4_w4x1_g16",
    "bf16_f32_4096x14336_kn_gu/wgmma_sm90/208x64x64_s4_w1x4_g8",
    "bf16_f32_4096x14336_nk_recompute/wgmma_sm90/128x88x64_s5_w4x1_g16",
    "bf16_f32_4096x14336_nk_dx/wgmma_sm90/128x128x64_s4_w8x1_g16",
    "bf16_f32_4096x14336_kn_dgate_dx/wgmma_sm90/128x128x64_s4_w8x1_g16",
    "bf16_f32_1024x3072_nk_dgate_dw/wgmma_sm90/128x192x64_s3_w8x1_g8",
    "bf16_f32_4096x14336_kn_dw/wgmma_sm90/192x128x64_s3_w1x8_g8",
    "bf16_f32_4096x14336_kn_recompute/mma_sm80/128x128x64_s3_w2x4_g16",
    "bf16_f32_4096x14336_nk_dx/mma_sm80/128x128x64_s3_w2x4_g16",
    "bf16_f32_4096x14336_nk_dw/mma_sm80/128x128x64_s3_w2x4_g16",
    "f16_f32_4096x14336_kn_dw_single_to_f32/simt/64x32x32_s1_w8x1_g8",
    "bf16_f32_4096x14336_kn_dgate/streaming/1x2048x1_s1_w8x1_g1",
    "bf16_f32_4096x14336_kn_dw_sum_to_f32_a8/streaming/1x2048x1_s1_w8x1_g1",
    "bf16_f32_4097x14337_kn_pad_a2/streaming/1x2048x1_s1_w8x1_g1",
};

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::filesystem::path golden_path(std::string spelling) {
  std::replace(spelling.begin(), spelling.end(), '/', '-');
  return kInstances / (spelling + ".cu");
}

TEST_CASE("generated units are their golden copies") {
  for (const std::string& spelling : kConfigs) {
    CAPTURE(spelling);
    const auto config = parse_config(spelling);
    REQUIRE(config.has_value());
    const char* why = why_invalid(*config);
    CHECK_MESSAGE(why == nullptr, why);
    const std::filesystem::path path = golden_path(spelling);
    if (std::getenv("SWIGLU_UPDATE_GOLDEN") != nullptr) {
      std::ofstream(path, std::ios::binary) << generate_source(*config);
    }
    CHECK(generate_source(*config) == read(path));
  }
}

TEST_CASE("every kept unit is one that the test above holds") {
  for (const auto& entry : std::filesystem::directory_iterator(kInstances)) {
    if (entry.path().extension() != ".cu") {
      continue;
    }
    const bool known = std::any_of(kConfigs.begin(), kConfigs.end(), [&](const std::string& spelling) {
      return golden_path(spelling).filename() == entry.path().filename();
    });
    CHECK_MESSAGE(known, entry.path().string());
  }
}

TEST_CASE("a unit names its kernel and says the largest extents in full") {
  auto config = parse_config(kConfigs.front());
  REQUIRE(config.has_value());
  config->problem.d_model = 2147483647;
  const std::string source = generate_source(*config);
  CHECK(source.find(".d_model = 2147483647,") != std::string::npos);
  CHECK(source.find(std::string(kKernelName) + "(") != std::string::npos);
  CHECK(source.find("extern \"C\"") != std::string::npos);
}

}  // namespace
}  // namespace swiglu
