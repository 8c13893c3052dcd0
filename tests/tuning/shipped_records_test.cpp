// The tuning records that ship, in cache/tuned/: sound, of this version of the kernels, and of buckets as they are.
// With records of another version or of buckets that are no more nothing would be found.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "base/arch.h"
#include "base/spelling.h"
#include "plan/bucket.h"
#include "store/tuning_record.h"
#include "tune/space.h"

namespace swiglu {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void check_record(const TuningEntry& entry) {
  const TuningRecord& record = entry.record;
  CAPTURE(print(record.config));
  CAPTURE(record.first_m);
  CHECK(entry.environment.generator == kGeneratorVersion);
  const BucketRange range = bucket_range(bucket_of(record.first_m));
  CHECK(record.first_m == range.first);
  CHECK(record.last_m == range.last);
  CHECK(record.measured_m == representative(bucket_of(record.first_m)));
  CHECK(record.finished);
  const auto arch = arch_for_compute_capability(entry.environment.compute_capability);
  REQUIRE(arch);
  const auto all = candidates(record.config.problem, *arch, arch->representative);
  CHECK(std::find(all.begin(), all.end(), record.config) != all.end());
}

TEST_CASE("records that ship are sound, current, and none is there twice") {
  const fs::path folder = SHIPPED_DIRECTORY;
  REQUIRE(fs::exists(folder));
  REQUIRE_FALSE(fs::is_empty(folder));
  for (const auto& file : fs::directory_iterator(folder)) {
    const std::string text = read(file.path());
    const DecodedDocument document = decode_document(text);
    CAPTURE(file.path().string());
    REQUIRE_MESSAGE(document.why_not.empty(), document.why_not);
    CHECK(encode_document(document.entries) == text);  // as exported, a record a line: changes can be reviewed
    std::set<std::string> keys;
    for (const TuningEntry& entry : document.entries) {
      check_record(entry);
      CHECK(keys.insert(print(entry.environment) + print(entry.record.config.problem) + " " +
                        std::to_string(entry.record.first_m))
                .second);
    }
    CHECK_FALSE(document.entries.empty());
  }
}

}  // namespace
}  // namespace swiglu
