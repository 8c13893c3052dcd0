// Any text as a tuning record and as a document of many: the parsers must not crash, and what they accept must be
// storable and read back as itself.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "store/tuning_record.h"

namespace {

void require(bool condition) {
  if (!condition) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const swiglu::DecodedEntry one = swiglu::decode_tuning_entry(text);
  require(one.entry.has_value() == one.why_not.empty());
  if (one.entry) {
    require(swiglu::why_not_storable(*one.entry).empty());
    const swiglu::DecodedEntry again = swiglu::decode_tuning_entry(swiglu::encode_entry(*one.entry));
    require(again.entry && *again.entry == *one.entry);
  }
  const swiglu::DecodedDocument many = swiglu::decode_document(text);
  require(many.entries.empty() || many.why_not.empty());
  if (!many.entries.empty()) {
    const std::string encoded = swiglu::encode_document(many.entries);
    const swiglu::DecodedDocument again = swiglu::decode_document(encoded);
    require(again.why_not.empty() && again.entries.size() == many.entries.size());
    require(swiglu::encode_document(again.entries) == encoded);
  }
  const swiglu::Problem problem{
      swiglu::DType::bf16, swiglu::Accum::f32, swiglu::Layout::nk, swiglu::Pass::forward, 4096, 14336, 16};
  for (const swiglu::TuningEntry& entry : swiglu::decode_problem(text, problem).entries) {
    require(swiglu::why_not_storable(entry).empty() && entry.record.config.problem == problem);
  }
  return 0;
}
