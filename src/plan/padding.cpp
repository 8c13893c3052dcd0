#include "plan/padding.h"

#include <cstdint>
#include <type_traits>

#include "plan/workspace.h"

namespace swiglu {
namespace {

std::uintptr_t address(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

class Placer {
 public:
  Placer(PaddedForward& made, const PlanSpec& spec, void* workspace)
      : made_(made), pad_(problem_of(spec, Pass::pad)), unpad_(problem_of(spec, Pass::unpad)), workspace_(workspace) {}

  // The product's pointer and ld of the matrix of this number (CopyParams), in place or a copy. What a const pointer
  // points to is copied before the product, the rest after it.
  template <typename Pointee>
  void place(int number, std::int64_t given_ld, Pointee*& pointer, long long& ld) {
    constexpr bool kInput = std::is_const_v<Pointee>;
    const Problem& copying = kInput ? pad_ : unpad_;
    const bool copied = needs_padding(given_ld);
    const auto multiple = static_cast<std::uintptr_t>(copied ? copying.access_bytes : kWorkspaceRowBytes);
    made_.pointers_suit = made_.pointers_suit && address(pointer) % multiple == 0;
    ld = given_ld;
    if (!copied) {
      return;
    }
    const std::int64_t m = made_.product.m;
    const std::int64_t rows = copied_rows(copying, number, m);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): whoever asks for the size alone has no workspace to point into
    auto* const padded = reinterpret_cast<unsigned char*>(address(workspace_) + made_.bytes);
    ld = workspace_ld(copied_columns(copying, number), kElementBytes);
    made_.bytes = add_workspace(made_.bytes, workspace_bytes(rows, ld, kElementBytes, m), m);
    Copies& copies = kInput ? made_.inputs : made_.outputs;
    copies.any = true;
    if constexpr (kInput) {
      copies.params.matrices[number] = {pointer, padded, rows, given_ld, ld};
    } else {
      copies.params.matrices[number] = {padded, pointer, rows, ld, given_ld};
    }
    pointer = padded;
  }

 private:
  PaddedForward& made_;
  Problem pad_;
  Problem unpad_;
  void* workspace_;
};

}  // namespace

PaddedForward::PaddedForward(const PlanSpec& spec, Pass pass, const ForwardParams& params, void* workspace)
    : product(params) {
  Placer placer(*this, spec, workspace);
  placer.place(0, spec.ld_x, product.x, product.ld_x);
  placer.place(1, spec.ld_w_gate, product.w_gate, product.ld_w_gate);
  placer.place(2, spec.ld_w_up, product.w_up, product.ld_w_up);
  placer.place(0, spec.ld_out, product.out, product.ld_out);
  if (pass == Pass::forward_store) {
    placer.place(1, spec.ld_g, product.g, product.ld_g);
    placer.place(2, spec.ld_u, product.u, product.ld_u);
  }
}

PaddedForward padded_forward(const PlanSpec& spec, Pass pass, std::int64_t m) {
  ForwardParams params{};
  params.m = m;
  return {spec, pass, params, nullptr};
}

}  // namespace swiglu
