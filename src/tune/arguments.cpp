#include "tune/arguments.h"

#include <algorithm>
#include <cmath>
#include <type_traits>
#include <utility>

#include "tune/split.h"

namespace swiglu {
namespace {

constexpr int kPartialRowBytes = 16;  // BackwardParams

int bytes_of(ElementType type) { return type == ElementType::f32 ? 4 : kElementBytes; }

// Collects matrices of one pass.
class List {
 public:
  explicit List(const Problem& problem)
      : problem_(problem), element_(problem.dtype == DType::bf16 ? ElementType::bf16 : ElementType::f16) {}

  // [m, columns]
  template <typename Pointer>
  void tokens(const char* name, Pointer*& pointer, long long& ld, std::int64_t m, std::int64_t columns, bool output) {
    add(name, pointer, ld, m, columns, output, true, 1, element_, problem_.access_bytes);
  }
  template <typename Pointer>
  void weight(const char* name, Pointer*& pointer, long long& ld) {
    add(name, pointer, ld, weight_rows(problem_), weight_columns(problem_), false, false,
        1 / std::sqrt(static_cast<double>(problem_.d_model)), element_, problem_.access_bytes);
  }
  void gradient(const char* name, void*& pointer, long long& ld) {
    const ElementType type = problem_.gradient == Gradient::f32 ? ElementType::f32 : element_;
    add(name, pointer, ld, weight_rows(problem_), weight_columns(problem_), true, false, 0, type,
        problem_.access_bytes);
  }
  void partials(float*& pointer, long long& ld, std::int64_t parts) {
    add("partials", pointer, ld, parts * weight_rows(problem_), weight_columns(problem_), true, false, 0,
        ElementType::f32, kPartialRowBytes);
  }

  std::vector<Matrix> take() { return std::move(all_); }

 private:
  template <typename Pointer>
  void add(const char* name, Pointer*& pointer, long long& ld, std::int64_t rows, std::int64_t columns, bool output,
           bool has_token_rows, double deviation, ElementType type, int row_bytes) {
    auto* const place = reinterpret_cast<void**>(const_cast<std::remove_const_t<Pointer>**>(&pointer));
    all_.push_back({name, place, &ld, rows, columns, output, has_token_rows, deviation, type,
                    std::max(row_bytes, bytes_of(type))});
  }

  const Problem& problem_;
  ElementType element_;
  std::vector<Matrix> all_;
};

std::vector<Matrix> forward_matrices(const Problem& problem, ForwardParams& p) {
  List list(problem);
  list.tokens("x", p.x, p.ld_x, p.m, problem.d_model, false);
  list.weight("w_gate", p.w_gate, p.ld_w_gate);
  list.weight("w_up", p.w_up, p.ld_w_up);
  list.tokens("out", p.out, p.ld_out, p.m, problem.d_intermediate, true);
  if (problem.pass == Pass::forward_store) {
    list.tokens("g", p.g, p.ld_g, p.m, problem.d_intermediate, true);
    list.tokens("u", p.u, p.ld_u, p.m, problem.d_intermediate, true);
  }
  return list.take();
}

std::vector<Matrix> backward_matrices(const Problem& problem, BackwardParams& p) {
  List list(problem);
  const Pass pass = problem.pass;
  const bool computes_dg = pass == Pass::recompute;
  if (pass == Pass::recompute) {
    list.tokens("dout", p.dout, p.ld_dout, p.m, problem.d_intermediate, false);
  }
  if (pass == Pass::recompute || is_dw(pass)) {
    list.tokens("x", p.x, p.ld_x, p.m, problem.d_model, false);
  }
  if (!is_dw(pass)) {
    list.weight("w_gate", p.w_gate, p.ld_w_gate);
    list.weight("w_up", p.w_up, p.ld_w_up);
  }
  list.tokens("dg", p.dg, p.ld_dg, p.m, problem.d_intermediate, computes_dg);
  if (pass != Pass::dw_single) {
    list.tokens("du", p.du, p.ld_dg, p.m, problem.d_intermediate, computes_dg);
  }
  if (pass == Pass::dx) {
    list.tokens("dx", p.dx, p.ld_dx, p.m, problem.d_model, true);
  }
  if (is_dw(pass) && p.splits > 1) {
    list.partials(p.partials, p.ld_partials, std::int64_t{p.splits} * (is_dw_of_both(pass) ? 2 : 1));
  } else if (is_dw(pass)) {
    list.gradient("dw_gate", p.dw_gate, p.ld_dw_gate);
    if (pass == Pass::dw) {
      list.gradient("dw_up", p.dw_up, p.ld_dw_up);
    }
  }
  return list.take();
}

void set_tokens(const Problem& problem, Arguments& arguments, std::int64_t m, int multiprocessors) {
  std::visit([&](auto& params) { params.m = m; }, arguments);
  if (is_dw(problem.pass)) {
    auto& params = std::get<BackwardParams>(arguments);
    const TokenSplit split = split_tokens(problem, is_dw_of_both(problem.pass) ? 2 : 1, m, multiprocessors);
    params.splits = static_cast<int>(split.splits);
    params.split_tokens = split.tokens;
  }
}

}  // namespace

bool has_arguments(const Problem& problem) { return is_product(problem.pass) && !has_gradients_ahead(problem.pass); }

Arguments make_arguments(const Problem& problem, std::int64_t m, int multiprocessors) {
  Arguments arguments = is_forward(problem.pass) ? Arguments(ForwardParams{}) : Arguments(BackwardParams{});
  set_tokens(problem, arguments, m, multiprocessors);
  return arguments;
}

std::vector<Matrix> matrices_of(const Problem& problem, Arguments& arguments) {
  if (auto* forward = std::get_if<ForwardParams>(&arguments)) {
    return forward_matrices(problem, *forward);
  }
  return backward_matrices(problem, std::get<BackwardParams>(arguments));
}

std::int64_t pitch_of(const Matrix& matrix) {
  const std::int64_t elements = matrix.row_bytes / bytes_of(matrix.type);
  return ceil_div(matrix.columns, elements) * elements;
}

std::size_t bytes_of(const Matrix& matrix) {
  return static_cast<std::size_t>(matrix.rows) * static_cast<std::size_t>(pitch_of(matrix)) *
         static_cast<std::size_t>(bytes_of(matrix.type));
}

Arguments tokens_of(const Problem& problem, const Arguments& arguments, std::int64_t first, std::int64_t count,
                    int multiprocessors) {
  Arguments part = arguments;
  for (const Matrix& matrix : matrices_of(problem, part)) {
    if (matrix.has_token_rows) {
      *matrix.pointer = static_cast<std::byte*>(*matrix.pointer) +
                        first * *matrix.ld * static_cast<std::int64_t>(bytes_of(matrix.type));
    }
  }
  if (!is_dw(problem.pass)) {
    set_tokens(problem, part, count, multiprocessors);
    return part;
  }
  // Fewer tokens may be split no longer: then the gradients go where the parts were to go, which is larger.
  const bool had_parts = std::get<BackwardParams>(part).splits > 1;
  set_tokens(problem, part, count, multiprocessors);
  auto& params = std::get<BackwardParams>(part);
  if (had_parts && params.splits == 1) {
    auto* place = reinterpret_cast<std::byte*>(params.partials);
    for (const Matrix& matrix : matrices_of(problem, part)) {
      if (matrix.is_output) {
        *matrix.pointer = place;
        *matrix.ld = pitch_of(matrix);
        place += (bytes_of(matrix) + kPartialRowBytes - 1) / kPartialRowBytes * kPartialRowBytes;
      }
    }
  }
  return part;
}

void launch(const Kernel& kernel, const Arguments& arguments, void* stream) {
  std::visit([&](const auto& params) { kernel.launch(params, stream); }, arguments);
}

}  // namespace swiglu
