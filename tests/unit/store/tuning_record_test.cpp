// Tuning records as JSON: what is accepted, and what is refused with which reason.
#include "store/tuning_record.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "support/tuning_entries.h"

namespace swiglu {
namespace {

using test::made_up_tuning;

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  const std::size_t at = text.find(what);
  REQUIRE_MESSAGE(at != std::string::npos, what);
  return text.replace(at, what.size(), with);
}

TEST_CASE("an entry reads back as it was written, and the format is pinned") {
  const TuningEntry entry = made_up_tuning();
  const std::string text = encode_entry(entry);
  CHECK(text ==
        R"({"format":2,"environment":{"gpu":"NVIDIA H200","compute_capability":90,"multiprocessors":132,"generator":1,)"
        R"("compiler":"65be0db342ad51a06876e71e210bccc5aa8322cf","policy":"burst 1"},"record":{"config":)"
        R"("bf16_f32_4096x14336_nk/wgmma_sm90/128x104x64_s4_w4x1_g16","first_m":4097,"last_m":8192,"measured_m":8192,)"
        R"("microseconds":2265.125,"paper_microseconds":2301.5,"candidates":21,"finished":true,"budget_seconds":3.0}})"
        "\n");
  const DecodedEntry decoded = decode_tuning_entry(text);
  REQUIRE_MESSAGE(decoded.entry, decoded.why_not);
  CHECK(*decoded.entry == entry);
  TuningEntry open = made_up_tuning(64, 8193, 0);
  open.record.finished = false;
  open.record.paper_microseconds = 0;
  CHECK(*decode_tuning_entry(encode_entry(open)).entry == open);
}

TEST_CASE("order and whitespace are free, for people edit these files") {
  const std::string text = encode_entry(made_up_tuning());
  const std::size_t record = text.find("\"record\"");
  const std::string swapped =
      "{ " + text.substr(record, text.size() - record - 2) + ",\n" + text.substr(1, record - 2) + " }";
  const DecodedEntry decoded = decode_tuning_entry(swapped);
  REQUIRE_MESSAGE(decoded.entry, decoded.why_not);
  CHECK(*decoded.entry == made_up_tuning());
}

TEST_CASE("whatever is not exactly a record is refused with the reason") {
  const std::string sound = encode_entry(made_up_tuning());
  const struct {
    const char* what;
    const char* with;
    const char* reason;
  } cases[] = {
      {"\"format\":2", "\"format\":1", "format is 1"},
      {"\"format\":2", "\"format\":\"2\"", "format"},
      {"\"format\":2,", "", "format is missing"},
      {"\"finished\":true", "\"finished\":true,\"extra\":1", "fields that this version does not know"},
      {"\"policy\":\"burst 1\"", "\"policy\":\"burst 1\",\"extra\":1", "fields that this version does not know"},
      {"\"finished\":true", "\"finished\":1", "finished is neither true nor false"},
      {"\"gpu\":\"NVIDIA H200\"", "\"gpu\":null", "gpu is no text"},
      {"\"gpu\":\"NVIDIA H200\"", "\"gpu\":\"\"", "no gpu"},
      {"\"gpu\":\"NVIDIA H200\"", "\"gpu\":\"a\\nb\"", "one short line"},
      {"\"compute_capability\":90", "\"compute_capability\":90.5", "compute_capability is no integer"},
      {"\"compute_capability\":90", "\"compute_capability\":-90", "below 1"},
      {"\"multiprocessors\":132", "\"multiprocessors\":4294967428", "multiprocessors is out of range"},
      {"\"multiprocessors\":132", "\"multiprocessors\":18446744073709551615", "multiprocessors is no integer"},
      {"\"multiprocessors\":132", "\"multiprocessors\":1e99", "multiprocessors is no integer"},
      {"128x104x64_s4", "999x104x64_s4", "no kernel can be made"},
      {"128x104x64_s4", "128x104x64_s04", "not the spelling"},
      {"wgmma_sm90", "wgmma_sm91", "not the spelling"},
      {"bf16_f32_4096", "bf16_f16_4096", "no kernel can be made"},
      {"bf16_f32_4096", "bf16_f32_0", "not the spelling"},
      {"\"first_m\":4097", "\"first_m\":0", "is no range"},
      {"\"first_m\":4097", "\"first_m\":8193", "is no range"},
      {"\"last_m\":8192", "\"last_m\":0", "last_m is 0"},
      {"\"last_m\":8192", "\"last_m\":-1", "is no range"},
      {"\"measured_m\":8192", "\"measured_m\":8193", "is no range"},
      {"\"measured_m\":8192", "\"measured_m\":4096", "is no range"},
      {"\"microseconds\":2265.125", "\"microseconds\":0", "not positive and finite"},
      {"\"microseconds\":2265.125", "\"microseconds\":-1", "not positive and finite"},
      {"\"microseconds\":2265.125", "\"microseconds\":1e999", "no JSON"},
      {"\"microseconds\":2265.125", "\"microseconds\":\"fast\"", "microseconds is no number"},
      {"\"paper_microseconds\":2301.5", "\"paper_microseconds\":-1", "not positive and finite"},
      {"\"candidates\":21", "\"candidates\":0", "candidates is below 1"},
      {"\"candidates\":21", "\"candidates\":true", "candidates is no integer"},
      {"}}", "}", "no JSON"},
      {"}}", "}} {}", "no JSON"},
      {"{\"format\"", "[\"format\"", "no JSON"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.what);
    CAPTURE(one.with);
    const DecodedEntry decoded = decode_tuning_entry(replaced(sound, one.what, one.with));
    CHECK_FALSE(decoded.entry);
    CHECK_MESSAGE(decoded.why_not.find(one.reason) != std::string::npos, decoded.why_not);
  }
  for (const char* text : {"", " ", "null", "1", "\"text\"", "[]", "{}", "[1]", "\xff\xfe", "{\"format\":1}"}) {
    CAPTURE(text);
    CHECK_FALSE(decode_tuning_entry(text).entry);
    CHECK_FALSE(decode_tuning_entry(text).why_not.empty());
  }
}

TEST_CASE("brackets without end are refused before anything is built of them") {
  CHECK(decode_tuning_entry(std::string(kMaxTuningFileBytes, '[')).why_not.find("nested") != std::string::npos);
  CHECK(decode_tuning_entry(std::string(kMaxTuningFileBytes + 1, ' ')).why_not.find("more than") != std::string::npos);
  CHECK(decode_document(std::string(kMaxTuningDocumentBytes, '[')).why_not.find("nested") != std::string::npos);
  CHECK(decode_document(std::string(kMaxTuningDocumentBytes + 1, '[')).why_not.find("more than") != std::string::npos);
  CHECK(decode_document("[[[[[[[[[[[\"]]]]\"").why_not.find("nested") != std::string::npos);
  CHECK(decode_document("\"[[[[[[[[[[[[\\\"[[[\"").why_not.find("nested") == std::string::npos);  // in a string
}

TEST_CASE("a document of many environments reads back, sorted as people look for things") {
  TuningEntry other = made_up_tuning(512, 1, 1);
  other.environment.gpu = "NVIDIA A100";
  const std::vector<TuningEntry> entries = {made_up_tuning(8192), made_up_tuning(1024, 1, 1), other,
                                            made_up_tuning(1024)};
  const std::string text = encode_document(entries);
  const DecodedDocument decoded = decode_document(text);
  REQUIRE(decoded.why_not == "");
  REQUIRE(decoded.entries.size() == 4);
  CHECK(decoded.entries[0] == other);
  CHECK(decoded.entries[1] == entries[1]);
  CHECK(decoded.entries[2] == entries[3]);
  CHECK(decoded.entries[3] == entries[0]);
  CHECK(encode_document(decoded.entries) == text);
  CHECK(std::count(text.begin(), text.end(), '\n') >= 6);  // a record a line
  CHECK(decode_document(encode_document({})).why_not == "");
  CHECK(decode_document(encode_document({})).entries.empty());
}

TEST_CASE("one bad record makes a bad document") {
  std::string text = encode_document({made_up_tuning(512), made_up_tuning(1024)});
  text = replaced(text, "bf16_f32_1024", "bf16_f16_1024");
  const DecodedDocument decoded = decode_document(text);
  CHECK(decoded.entries.empty());
  CHECK(decoded.why_not.find("record 2: ") == 0);
}

TEST_CASE("the records of one problem, from a collection as exported and from one that was edited") {
  TuningEntry other = made_up_tuning(4096, 1, 1);
  other.environment.gpu = "NVIDIA A100";
  const std::vector<TuningEntry> entries = {made_up_tuning(512), made_up_tuning(4096), made_up_tuning(4096, 1, 1),
                                            other};
  const Problem problem = entries[1].record.config.problem;
  const std::string exported = encode_document(entries);
  for (const std::string& text : {exported, "  " + exported, replaced(exported, "\n", " ")}) {
    const DecodedDocument found = decode_problem(text, problem);
    REQUIRE_MESSAGE(found.why_not.empty(), found.why_not);
    REQUIRE(found.entries.size() == 3);
    CHECK(found.entries[0] == other);
    CHECK(found.entries[1] == entries[2]);
    CHECK(found.entries[2] == entries[1]);
    CHECK(decode_problem(text, made_up_tuning(640).record.config.problem).entries.empty());
  }
  // What is wrong elsewhere does not matter to this problem; on its own lines, or its environment's, it does.
  const std::string elsewhere = replaced(exported, "bf16_f32_512x", "bf16_f16_512x");
  CHECK(decode_problem(elsewhere, problem).entries.size() == 3);
  CHECK(decode_problem(elsewhere, made_up_tuning(512).record.config.problem).entries.empty());
  for (const auto& [what, with] :
       std::vector<std::pair<std::string, std::string>>{{"\"measured_m\":1,", "\"measured_m\":2,"},
                                                        {"\"generator\":1", "\"generator\":\"1\""},
                                                        {"w4x1_g16", "w4x1_g17"}}) {
    CAPTURE(what);
    const DecodedDocument found = decode_problem(replaced(exported, what, with), problem);
    CHECK(found.entries.empty());
    CHECK_FALSE(found.why_not.empty());
  }
}

TEST_CASE("a million fields take no square of that time") {
  std::string text = "{\"format\":2";
  for (int i = 0; text.size() + 20 < kMaxTuningDocumentBytes; ++i) {
    text += ",\"" + std::to_string(i) + "\":1";
  }
  CHECK(decode_document(text + "}").why_not.find("missing") != std::string::npos);
}

TEST_CASE("environments are alike whatever compiled the kernels, and differ by everything else") {
  const TuningEnvironment environment = test::made_up_environment();
  TuningEnvironment other = environment;
  other.compiler = "";
  CHECK(is_like(environment, other));
  CHECK(environment != other);
  for (int field = 0; field < 5; ++field) {
    other = environment;
    switch (field) {
      case 0:
        other.gpu += " NVL";
        break;
      case 1:
        other.compute_capability = 100;
        break;
      case 2:
        other.multiprocessors = 114;
        break;
      case 3:
        ++other.generator;
        break;
      default:
        other.policy = "sustained 1";
    }
    CAPTURE(field);
    CHECK_FALSE(is_like(environment, other));
    CHECK(print(environment) != print(other));
  }
}

}  // namespace
}  // namespace swiglu
