// The key of a cubin changes with everything that decides it: each field in turn.
#include <doctest/doctest.h>

#include "kernels/cubin_key.h"

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/spelling.h"
#include "jit/source.h"
#include "jit/templates.h"
#include "kernels/cubins.h"
#include "swiglu/config.h"
#include "unit/kernels/environment.h"

namespace swiglu {
namespace {

const test::StandInEnvironment kEnvironment;

// Every field differs from every value that the flips below give it.
constexpr KernelConfig kBase{
    {DType::f16, Accum::f32, Layout::kn, Pass::forward, 4096, 14336, 16}, Family::mma_sm80, {128, 64, 32, 4, 4, 2, 8}};

CubinIngredients ingredients_of(const KernelConfig& config) {
  CubinIngredients ingredients;
  ingredients.config = print(config);
  ingredients.arch = "sm_90a";
  ingredients.source = generate_source(config);
  ingredients.templates = digest_of({{"swiglu/a.h", "text"}});
  ingredients.options = {"--one", "--two"};
  ingredients.compiler = "65be";
  ingredients.shared_bytes = shared_bytes(config);
  return ingredients;
}

// Fields of the structs, counted by what aggregate initialisation takes: a field added is a flip to be added here.
struct Anything {
  template <typename T>
  operator T() const;  // NOLINT: stands for a value of any type
};
template <typename T, typename... Fields>
constexpr int count_fields() {
  if constexpr (requires { T{Fields{}..., Anything{}}; }) {
    return count_fields<T, Fields..., Anything>();
  } else {
    return static_cast<int>(sizeof...(Fields));
  }
}

const std::vector<std::function<void(KernelConfig&)>> kProblemFlips = {
    [](KernelConfig& c) { c.problem.dtype = DType::bf16; },
    [](KernelConfig& c) { c.problem.accum = Accum::f16; },
    [](KernelConfig& c) { c.problem.layout = Layout::nk; },
    [](KernelConfig& c) { c.problem.pass = Pass::forward_store; },
    [](KernelConfig& c) { c.problem.d_model = 4095; },
    [](KernelConfig& c) { c.problem.d_intermediate = 14335; },
    [](KernelConfig& c) { c.problem.access_bytes = 8; },
    [](KernelConfig& c) { c.problem.gradient = Gradient::f32; },
};
const std::vector<std::function<void(KernelConfig&)>> kTileFlips = {
    [](KernelConfig& c) { c.tile.m = 256; },      [](KernelConfig& c) { c.tile.n = 128; },
    [](KernelConfig& c) { c.tile.k = 64; },       [](KernelConfig& c) { c.tile.stages = 3; },
    [](KernelConfig& c) { c.tile.warps_m = 2; },  [](KernelConfig& c) { c.tile.warps_n = 4; },
    [](KernelConfig& c) { c.tile.group_m = 16; },
};

TEST_CASE("every field of a configuration changes the key and its digest") {
  CHECK(kProblemFlips.size() == count_fields<Problem>());
  CHECK(kTileFlips.size() == count_fields<Tile>());
  std::vector<KernelConfig> configs = {kBase};
  for (const auto* flips : {&kProblemFlips, &kTileFlips}) {
    for (const auto& flip : *flips) {
      flip(configs.emplace_back(kBase));
    }
  }
  configs.emplace_back(kBase).family = Family::simt;
  std::set<std::string> keys;
  std::set<std::string> digests;
  std::set<std::string> process_keys;
  for (const KernelConfig& config : configs) {
    const std::string key = print_key(ingredients_of(config));
    keys.insert(key);
    digests.insert(hex(digest(key)));
    process_keys.insert(cubin_key(config, "sm_90a"));
  }
  CHECK(keys.size() == configs.size());
  CHECK(digests.size() == configs.size());
  CHECK(process_keys.size() == configs.size());
}

TEST_CASE("every other ingredient changes the key and its digest") {
  CHECK(count_fields<CubinIngredients>() == 8);
  const std::vector<std::function<void(CubinIngredients&)>> flips = {
      [](CubinIngredients&) {},
      [](CubinIngredients& i) { ++i.schema; },
      [](CubinIngredients& i) { i.config += "x"; },
      [](CubinIngredients& i) { i.arch = "sm_90"; },
      [](CubinIngredients& i) { i.source += "\n"; },
      [](CubinIngredients& i) { i.source += "\\n"; },  // an escaped newline is no newline
      [](CubinIngredients& i) {
        i.templates = digest_of({{"swiglu/a.h", "texT"}});
      },
      [](CubinIngredients& i) {
        i.options = {"--one", "--three"};
      },
      [](CubinIngredients& i) {
        i.options = {"--two", "--one"};
      },
      [](CubinIngredients& i) { i.options = {"--one"}; },
      [](CubinIngredients& i) { i.options = {"--one --two"}; },
      [](CubinIngredients& i) { i.options = {"--one\noption.01=--two"}; },
      [](CubinIngredients& i) { i.compiler = "65bf"; },
      [](CubinIngredients& i) { ++i.shared_bytes; },
  };
  std::set<std::string> keys;
  std::set<std::string> digests;
  for (const auto& flip : flips) {
    CubinIngredients ingredients = ingredients_of(kBase);
    flip(ingredients);
    keys.insert(print_key(ingredients));
    digests.insert(hex(digest(print_key(ingredients))));
  }
  CHECK(keys.size() == flips.size());
  CHECK(digests.size() == flips.size());
}

TEST_CASE("a key reads as sorted lines after its schema") {
  CubinIngredients ingredients;
  ingredients.config = "c";
  ingredients.arch = "sm_80";
  ingredients.source = "a\nb\\";
  ingredients.options = {"--x"};
  ingredients.compiler = "id";
  CHECK(print_key(ingredients) ==
        "schema=1\narch=sm_80\ncompiler=id\nconfig=c\noption.00=--x\nshared_bytes=0\nsource=a\\nb\\\\\n"
        "templates=00000000000000000000000000000000\n");
}

TEST_CASE("the process's key holds this process's templates and compiler, and the architecture") {
  const std::string key = cubin_key(kBase, "sm_90a");
  CHECK(key == cubin_key(kBase, "sm_90a"));
  CHECK(key != cubin_key(kBase, "sm_90"));
  CHECK(key.find("templates=" + hex(templates_digest()) + "\n") != std::string::npos);
  CHECK(key.find("option.00=--std=c++20\n") != std::string::npos);
  CHECK(key.find("/tmp") == std::string::npos);  // nothing of where things lie
  CHECK(key.find(STAND_IN_NVRTC_LIBRARY) == std::string::npos);
}

}  // namespace
}  // namespace swiglu
