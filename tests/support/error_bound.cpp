#include "support/error_bound.h"

#include <algorithm>
#include <cmath>

#include "support/block_bound.h"
#include "support/number_format.h"
#include "support/text.h"

namespace swiglu_test {
namespace {

constexpr double kElementsForUnfused = 4096;

struct Element {
  double expected;  // float64, not rounded
  double got;
  double half_unit;    // (1): the most that one rounding loses
  double accumulator;  // (2)
};

// Sums over a block, and the rule.
struct Sums : BlockSums {
  double unfused2 = 0;

  void add(const NumberFormat& format, const Element& element, double unfused) {
    BlockSums::add(format, element.expected, element.got, element.accumulator);
    unfused2 += (unfused - element.expected) * (unfused - element.expected);
  }

  void add(const Sums& other) {
    BlockSums::add(other);
    unfused2 += other.unfused2;
  }

  double bound(bool random_data) const { return std::sqrt(rounding2(random_data)) + accumulators(); }
};

class Comparer {
 public:
  Comparer(const MatrixView& result, Output output, swiglu_accum accum, const Reference& reference,
           const CompareOptions& options)
      : result_(result),
        output_(output),
        reference_(reference),
        options_(options),
        format_(format_of(result.matrix->dtype())),
        loss_(accumulator_loss(accum, reference.d_model) / std::sqrt(static_cast<double>(reference.d_model))) {}

  Comparison run() {
    Sums whole;
    const auto rows = static_cast<std::int64_t>(reference_.rows.size());
    for (std::int64_t row = 0; row < rows; row += kBlock) {
      for (std::int64_t column = 0; column < reference_.d_intermediate; column += kBlock) {
        whole.add(
            block(row, std::min(row + kBlock, rows), column, std::min(column + kBlock, reference_.d_intermediate)));
      }
    }
    finish(whole);
    return comparison_;
  }

 private:
  Sums block(std::int64_t row_begin, std::int64_t row_end, std::int64_t column_begin, std::int64_t column_end) {
    Sums sums;
    for (std::int64_t row = row_begin; row < row_end; ++row) {
      for (std::int64_t column = column_begin; column < column_end; ++column) {
        const Element element = at(row, column);
        if (is_bad(element)) {
          note_bad(element, row, column);
        }
        if (std::isfinite(element.expected) && std::isfinite(element.got)) {
          sums.add(format_, element, output_ == Output::out ? unfused(row, column) : element.expected);
        }
      }
    }
    if (sums.elements > 0 && !options_.exact) {
      const double bound = sums.bound(options_.random_data);
      const double error = std::sqrt(sums.error2);
      comparison_.worst_block = std::max(comparison_.worst_block, bound > 0 ? error / bound : error);
      if (error > bound && bad_block_.empty()) {
        bad_block_ =
            text("%s block [%lld, %lld] .. [%lld, %lld]: error %.3e of norm %.3e, allowed %.3e", name_of(output_),
                 static_cast<long long>(reference_.rows[static_cast<std::size_t>(row_begin)]),
                 static_cast<long long>(column_begin),
                 static_cast<long long>(reference_.rows[static_cast<std::size_t>(row_end - 1)]),
                 static_cast<long long>(column_end - 1), error, std::sqrt(sums.expected2), bound);
      }
    }
    return sums;
  }

  std::size_t index(std::int64_t row, std::int64_t column) const {
    return static_cast<std::size_t>(row * reference_.d_intermediate + column);
  }

  Element at(std::int64_t row, std::int64_t column) const {
    const std::size_t i = index(row, column);
    const double g = reference_.g[i];
    const double u = reference_.u[i];
    const double scale = loss_ * reference_.x_norm[static_cast<std::size_t>(row)];
    const double dg = scale * reference_.gate_norm[static_cast<std::size_t>(column)];
    const double du = scale * reference_.up_norm[static_cast<std::size_t>(column)];
    Element element{};
    element.got = result_.at(reference_.rows[static_cast<std::size_t>(row)], column);
    if (output_ == Output::out) {
      element.expected = reference_.out[i];
      if (std::isfinite(g) && std::isfinite(u)) {
        element.accumulator = 1.1 * std::fabs(u) * dg + std::fabs(silu(g)) * du + dg * du +
                              0x1p-20 * (1 + std::fabs(g)) * std::fabs(element.expected) + std::fabs(g * u) * 0x1p-126;
      }
    } else {
      element.expected = output_ == Output::g ? g : u;
      element.accumulator = output_ == Output::g ? dg : du;
    }
    element.half_unit = half_unit(format_, element.expected);
    return element;
  }

  bool is_bad(const Element& element) const {
    if (options_.exact && std::isfinite(element.expected)) {
      return !(element.got == round_to(format_, element.expected));
    }
    return is_wrong(element.expected, element.got, element.half_unit + 4 * element.accumulator, format_.max);
  }

  // What separate 16-bit operations would have stored.
  double unfused(std::int64_t row, std::int64_t column) const {
    const std::size_t i = index(row, column);
    const double activated = round_to(format_, silu(round_to(format_, reference_.g[i])));
    const double product = round_to(format_, activated * round_to(format_, reference_.u[i]));
    return std::isfinite(product) ? product : reference_.out[i];
  }

  void note_bad(const Element& element, std::int64_t row, std::int64_t column) {
    if (++bad_elements_ == 1) {
      first_bad_ =
          text("%s[%lld, %lld]: expected %.9g, got %.9g, error %.3e, allowed %.3e", name_of(output_),
               static_cast<long long>(reference_.rows[static_cast<std::size_t>(row)]), static_cast<long long>(column),
               round_to(format_, element.expected), element.got, std::fabs(element.got - element.expected),
               options_.exact ? 0.0 : element.half_unit + 4 * element.accumulator);
    }
  }

  void finish(const Sums& whole) {
    const double norm = std::sqrt(whole.expected2);
    const double error = std::sqrt(whole.error2);
    comparison_.error = norm > 0 ? error / norm : error;
    comparison_.unfused = norm > 0 ? std::sqrt(whole.unfused2) / norm : 0;
    if (bad_elements_ > 0) {
      comparison_.failure = first_bad_ + text(" (the first of %lld bad of %lld elements); ", bad_elements_,
                                              static_cast<long long>(reference_.out.size()));
    }
    comparison_.failure += bad_block_;
    if (whole.elements > 0 && !options_.exact) {
      if (error > whole.bound(options_.random_data)) {
        comparison_.failure += text("; %s as a whole: error %.3e of norm %.3e, allowed %.3e", name_of(output_), error,
                                    norm, whole.bound(options_.random_data));
      }
      if (output_ == Output::out && whole.elements >= kElementsForUnfused && options_.random_data &&
          error > std::sqrt(whole.unfused2) + whole.accumulators()) {
        comparison_.failure += text("; out as a whole: error %.3e is worse than an unfused computation's %.3e", error,
                                    std::sqrt(whole.unfused2));
      }
    }
    if (!comparison_.failure.empty()) {
      comparison_.failure +=
          text("; relative error of %s %.3e (unfused: %.3e)", name_of(output_), comparison_.error, comparison_.unfused);
    }
  }

  const MatrixView& result_;
  Output output_;
  const Reference& reference_;
  CompareOptions options_;
  const NumberFormat& format_;
  double loss_;  // accumulator's loss per unit of |x row| |w column|
  Comparison comparison_;
  std::string bad_block_;
  std::string first_bad_;
  long long bad_elements_ = 0;
};

}  // namespace

const char* name_of(Output output) { return output == Output::out ? "out" : output == Output::g ? "g" : "u"; }

double accumulator_loss(swiglu_accum accum, std::int64_t d_model) {
  const auto depth = static_cast<double>(d_model);
  const double f32 = 0x1p-24 * (8 + depth / 8);
  switch (accum) {
    case SWIGLU_ACCUM_F32:
      return f32;
    case SWIGLU_ACCUM_F16:
      return 0x1p-11 * (2 + std::sqrt(depth));
    case SWIGLU_ACCUM_F16_PROMOTED:
      return 0x1p-11 * (2 + std::sqrt(std::min(depth, 64.0))) + f32;
    case SWIGLU_ACCUM_F64:
      return 0x1p-53 * (8 + depth / 8);
  }
  return 0;
}

Comparison compare(const MatrixView& result, Output output, swiglu_accum accum, const Reference& reference,
                   const CompareOptions& options) {
  return Comparer(result, output, accum, reference, options).run();
}

}  // namespace swiglu_test
