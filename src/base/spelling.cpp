// One table of names per enumeration serves printing and parsing. A parser reads tokens, then prints what it read: text
// that is not exactly its own printing (leading zeros, "_a16", a sign, trailing text) is refused.
#include "base/spelling.h"

#include <array>
#include <charconv>
#include <cstddef>
#include <utility>

#include <fmt/core.h>

namespace swiglu {
namespace {

template <typename Enum, std::size_t count>
using Names = std::array<std::pair<Enum, const char*>, count>;

// A name that is the beginning of another stands after it.
constexpr Names<DType, 2> kDTypes = {{{DType::bf16, "bf16"}, {DType::f16, "f16"}}};
constexpr Names<Accum, 3> kAccums = {{{Accum::f32, "f32"}, {Accum::f16_promoted, "f16_promoted"}, {Accum::f16, "f16"}}};
constexpr Names<Layout, 2> kLayouts = {{{Layout::kn, "kn"}, {Layout::nk, "nk"}}};
constexpr Names<Pass, kPasses> kPassNames = {{{Pass::forward, "forward"},
                                              {Pass::forward_store, "forward_store"},
                                              {Pass::recompute, "recompute"},
                                              {Pass::dgate_dx, "dgate_dx"},
                                              {Pass::dgate_dw, "dgate_dw"},
                                              {Pass::dgate, "dgate"},
                                              {Pass::dx, "dx"},
                                              {Pass::dw, "dw"},
                                              {Pass::dw_single, "dw_single"},
                                              {Pass::dw_sum, "dw_sum"},
                                              {Pass::pad, "pad"},
                                              {Pass::unpad, "unpad"}}};
// In the spelling of a problem. The forward pass has none, and so stands last.
constexpr Names<Pass, kPasses> kPassSuffixes = {{{Pass::forward_store, "_gu"},
                                                 {Pass::recompute, "_recompute"},
                                                 {Pass::dgate_dx, "_dgate_dx"},
                                                 {Pass::dgate_dw, "_dgate_dw"},
                                                 {Pass::dgate, "_dgate"},
                                                 {Pass::dx, "_dx"},
                                                 {Pass::dw_single, "_dw_single"},
                                                 {Pass::dw_sum, "_dw_sum"},
                                                 {Pass::dw, "_dw"},
                                                 {Pass::pad, "_pad"},
                                                 {Pass::unpad, "_unpad"},
                                                 {Pass::forward, ""}}};
constexpr Names<Family, 4> kFamilies = {{{Family::simt, "simt"},
                                         {Family::mma_sm80, "mma_sm80"},
                                         {Family::wgmma_sm90, "wgmma_sm90"},
                                         {Family::streaming, "streaming"}}};
constexpr Names<Gradient, 2> kGradients = {{{Gradient::element, "element"}, {Gradient::f32, "f32"}}};
constexpr const char* kToF32 = "_to_f32";

template <typename Enum, std::size_t count>
const char* find_name(const Names<Enum, count>& names, Enum value) {
  for (const auto& [candidate, text] : names) {
    if (candidate == value) {
      return text;
    }
  }
  return "?";  // not a value of the enumeration
}

// Consumes text from the front; once something did not match, stays failed.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  bool accept(std::string_view token) {
    if (failed_ || !rest_.starts_with(token)) {
      return false;
    }
    rest_.remove_prefix(token.size());
    return true;
  }
  void expect(std::string_view token) { failed_ = !accept(token) || failed_; }

  int number() {  // >= 1
    int value = 0;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    if (failed_ || error != std::errc() || value < 1) {
      failed_ = true;
      return 1;
    }
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  template <typename Enum, std::size_t count>
  Enum one_of(const Names<Enum, count>& names) {
    for (const auto& [value, text] : names) {
      if (accept(text)) {
        return value;
      }
    }
    failed_ = true;
    return names[0].first;
  }

  bool finished() const { return !failed_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

template <typename Value>
std::optional<Value> if_canonical(const Value& value, const Reader& reader, std::string_view text) {
  return reader.finished() && print(value) == text ? std::optional<Value>(value) : std::nullopt;
}

}  // namespace

const char* name(DType value) { return find_name(kDTypes, value); }
const char* name(Accum value) { return find_name(kAccums, value); }
const char* name(Layout value) { return find_name(kLayouts, value); }
const char* name(Pass value) { return find_name(kPassNames, value); }
const char* name(Family value) { return find_name(kFamilies, value); }
const char* name(Gradient value) { return find_name(kGradients, value); }

std::string print(const Problem& problem) {
  std::string text = fmt::format("{}_{}_{}x{}_{}", name(problem.dtype), name(problem.accum), problem.d_model,
                                 problem.d_intermediate, name(problem.layout));
  text += find_name(kPassSuffixes, problem.pass);
  if (problem.gradient == Gradient::f32) {
    text += kToF32;
  }
  if (problem.access_bytes != 16) {
    text += fmt::format("_a{}", problem.access_bytes);
  }
  return text;
}

std::string print(const Tile& tile) {
  return fmt::format("{}x{}x{}_s{}_w{}x{}_g{}", tile.m, tile.n, tile.k, tile.stages, tile.warps_m, tile.warps_n,
                     tile.group_m);
}

std::string print(const KernelConfig& config) {
  return fmt::format("{}/{}/{}", print(config.problem), name(config.family), print(config.tile));
}

std::optional<Problem> parse_problem(std::string_view text) {
  Reader reader(text);
  Problem problem{};
  problem.dtype = reader.one_of(kDTypes);
  reader.expect("_");
  problem.accum = reader.one_of(kAccums);
  reader.expect("_");
  problem.d_model = reader.number();
  reader.expect("x");
  problem.d_intermediate = reader.number();
  reader.expect("_");
  problem.layout = reader.one_of(kLayouts);
  problem.pass = reader.one_of(kPassSuffixes);
  problem.gradient = reader.accept(kToF32) ? Gradient::f32 : Gradient::element;
  problem.access_bytes = reader.accept("_a") ? reader.number() : 16;
  const int access = problem.access_bytes;
  if (access != 16 && access != 8 && access != 4 && access != 2) {
    return std::nullopt;
  }
  return if_canonical(problem, reader, text);
}

std::optional<Tile> parse_tile(std::string_view text) {
  Reader reader(text);
  Tile tile{};
  tile.m = reader.number();
  reader.expect("x");
  tile.n = reader.number();
  reader.expect("x");
  tile.k = reader.number();
  reader.expect("_s");
  tile.stages = reader.number();
  reader.expect("_w");
  tile.warps_m = reader.number();
  reader.expect("x");
  tile.warps_n = reader.number();
  reader.expect("_g");
  tile.group_m = reader.number();
  return if_canonical(tile, reader, text);
}

std::optional<KernelConfig> parse_config(std::string_view text) {
  const std::size_t first = text.find('/');
  const std::size_t second = first == std::string_view::npos ? first : text.find('/', first + 1);
  if (second == std::string_view::npos) {
    return std::nullopt;
  }
  const auto problem = parse_problem(text.substr(0, first));
  const auto tile = parse_tile(text.substr(second + 1));
  Reader family(text.substr(first + 1, second - first - 1));
  const Family value = family.one_of(kFamilies);
  if (!problem || !tile || !family.finished()) {
    return std::nullopt;
  }
  return KernelConfig{*problem, value, *tile};
}

}  // namespace swiglu
