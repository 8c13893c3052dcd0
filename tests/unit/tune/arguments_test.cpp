// Arguments as matrices: extents, pitches and token ranges of every pass.
#include "tune/arguments.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "tune/split.h"

namespace swiglu {
namespace {

constexpr int kMultiprocessors = 132;

Problem problem_of(Pass pass, Layout layout, int access_bytes = 16) {
  return {DType::f16, Accum::f32, layout, pass, 100, 60, access_bytes};
}

// Places every matrix at an address of its own, far from the others.
Arguments placed(const Problem& problem, std::int64_t m) {
  Arguments arguments = make_arguments(problem, m, kMultiprocessors);
  std::uintptr_t address = std::uintptr_t{1} << 32;
  for (const Matrix& matrix : matrices_of(problem, arguments)) {
    *matrix.pointer = reinterpret_cast<void*>(address);
    *matrix.ld = pitch_of(matrix);
    address += std::uintptr_t{1} << 32;
  }
  return arguments;
}

std::map<std::string, Matrix> by_name(const Problem& problem, Arguments& arguments) {
  std::map<std::string, Matrix> named;
  for (const Matrix& matrix : matrices_of(problem, arguments)) {
    named.emplace(matrix.name, matrix);
  }
  return named;
}

TEST_CASE("each pass has the matrices it reads and writes") {
  const std::map<Pass, std::string> names = {
      {Pass::forward, "out w_gate w_up x "},          {Pass::forward_store, "g out u w_gate w_up x "},
      {Pass::recompute, "dg dout du w_gate w_up x "}, {Pass::dx, "dg du dx w_gate w_up "},
      {Pass::dw, "dg du dw_gate dw_up x "},           {Pass::dw_single, "dg dw_gate x "}};
  for (const auto& [pass, expected] : names) {
    for (const Layout layout : {Layout::kn, Layout::nk}) {
      const Problem problem = problem_of(pass, layout);
      Arguments arguments = placed(problem, 50);
      std::string found;
      for (const auto& [name, matrix] : by_name(problem, arguments)) {
        found += name + " ";
        const bool weight = name[0] == 'w' || name.substr(0, 2) == "dw";
        CHECK(matrix.has_token_rows == !weight);
        CHECK(matrix.rows == (!weight ? 50 : layout == Layout::kn ? 100 : 60));
        const bool wide = name == "x" || name == "dx";
        CHECK(matrix.columns == (weight ? (layout == Layout::kn ? 60 : 100) : wide ? 100 : 60));
        CHECK(*matrix.ld == (matrix.columns + 7) / 8 * 8);
      }
      CHECK(found == expected);
    }
  }
}

TEST_CASE("pitches are as aligned as the problem says and no better") {
  for (const auto& [access, pitch] : std::map<int, int>{{16, 104}, {8, 100}, {4, 100}, {2, 100}}) {
    const Problem problem = problem_of(Pass::forward, Layout::nk, access);
    Arguments arguments = placed(problem, 50);
    CHECK(*by_name(problem, arguments).at("x").ld == pitch);
  }
  Problem problem = problem_of(Pass::dw, Layout::kn, 2);
  problem.gradient = Gradient::f32;
  Arguments arguments = placed(problem, 50);
  CHECK(by_name(problem, arguments).at("dw_up").type == ElementType::f32);
  CHECK(bytes_of(by_name(problem, arguments).at("dw_up")) == 100 * 60 * 4);
}

TEST_CASE("tokens are rows, and gradients of few tokens go where the parts of many would have gone") {
  const Problem forward = problem_of(Pass::forward, Layout::nk);
  Arguments arguments = placed(forward, 50);
  Arguments part = tokens_of(forward, arguments, 10, 7, kMultiprocessors);
  CHECK(std::get<ForwardParams>(part).m == 7);
  const auto distance = [](const void* from, const void* to) {
    return static_cast<const std::byte*>(to) - static_cast<const std::byte*>(from);
  };
  CHECK(distance(std::get<ForwardParams>(arguments).x, std::get<ForwardParams>(part).x) == 10 * 104 * 2);
  CHECK(distance(std::get<ForwardParams>(arguments).out, std::get<ForwardParams>(part).out) == 10 * 64 * 2);
  CHECK(std::get<ForwardParams>(arguments).w_up == std::get<ForwardParams>(part).w_up);

  const Problem dw = problem_of(Pass::dw, Layout::kn);
  const std::int64_t many = 2 * kMostTokens;
  Arguments split = placed(dw, many);
  const auto matrices = by_name(dw, split);
  REQUIRE(matrices.count("partials") == 1);
  CHECK(matrices.at("partials").rows == std::get<BackwardParams>(split).splits * 2 * 100);
  Arguments few = tokens_of(dw, split, 10, 64, kMultiprocessors);
  const auto& params = std::get<BackwardParams>(few);
  CHECK(params.splits == 1);
  CHECK(static_cast<const void*>(params.dw_gate) == params.partials);
  CHECK(distance(params.dw_gate, params.dw_up) == 100 * 64 * 2);
  CHECK(params.ld_dw_up == 64);
  CHECK(distance(std::get<BackwardParams>(split).dg, params.dg) == 10 * 64 * 2);
}

}  // namespace
}  // namespace swiglu
