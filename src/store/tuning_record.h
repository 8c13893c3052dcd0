// What a tuning found out: for one problem and one range of m, in one environment, the configuration that was fastest.
// And its form as JSON (cache/README.md). No state; thread-safe.
//
// A record says by itself what it is: the whole configuration, never an index into a table. One that was read is valid
// by the rules of swiglu/config.h, and prints as it was read; whether it still is a candidate is for tune/ to say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "swiglu/config.h"

namespace swiglu {

// Where a measurement holds. One-line texts.
struct TuningEnvironment {
  std::string gpu;  // "NVIDIA H200"
  int compute_capability = 0;
  int multiprocessors = 0;
  int generator = 0;     // version of templates and tile table
  std::string compiler;  // which build of NVRTC; "" where there is none
  std::string policy;    // how was measured

  bool operator==(const TuningEnvironment&) const = default;
};

// But for the compiler: what a record from elsewhere must agree in.
bool is_like(const TuningEnvironment& a, const TuningEnvironment& b);

std::string print(const TuningEnvironment&);  // one line for a person
std::string encode_manifest(const TuningEnvironment&);

struct TuningRecord {
  KernelConfig config{};
  std::int64_t first_m = 1;  // of the bucket
  std::int64_t last_m = 0;   // 0: open
  std::int64_t measured_m = 1;
  double microseconds = 0;        // median, of one execution
  double paper_microseconds = 0;  // of the estimate's choice, by the same tuning; 0: not measured
  int candidates = 0;             // measured
  bool finished = true;           // the tuning was not cut short by its budget
  double budget_seconds = 0;      // that it had

  bool operator==(const TuningRecord&) const = default;
};

// Whether `a` is to `b` what a later result is to an earlier one of the same tuning problem.
bool same_key(const TuningRecord& a, const TuningRecord& b);

struct TuningEntry {
  TuningEnvironment environment;
  TuningRecord record;

  bool operator==(const TuningEntry&) const = default;
};

// "" if it may be written, else why not.
std::string why_not_storable(const TuningEntry& entry);

// One entry: a file of the store. Decoding accepts what encoding makes of a storable entry, whitespace and the order of
// fields aside, and says why not; it recurses nowhere and allocates a small multiple of its input (it is fuzzed).
inline constexpr std::size_t kMaxTuningFileBytes = std::size_t{16} << 10;
std::string encode_entry(const TuningEntry& entry);
struct DecodedEntry {
  std::optional<TuningEntry> entry;
  std::string why_not;
};
DecodedEntry decode_tuning_entry(std::string_view text);

// Many: what is exported, and what ships. One bad record makes a bad document.
inline constexpr std::size_t kMaxTuningDocumentBytes = std::size_t{8} << 20;
std::string encode_document(const std::vector<TuningEntry>& entries);
struct DecodedDocument {
  std::vector<TuningEntry> entries;
  std::string why_not;  // "" if it is sound
};
DecodedDocument decode_document(std::string_view text);

// The same, but only the records of one problem. Of a text that begins as encode_document() writes it nothing but their
// lines and those of their environments is looked at, as a collection of thousands takes longer to read whole than all
// else between a process's start and its first kernel.
DecodedDocument decode_problem(std::string_view text, const Problem& problem);

}  // namespace swiglu
