#include "plan/exchange.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "base/arch.h"
#include "base/error.h"
#include "base/log.h"
#include "base/settings.h"
#include "cuda/device.h"
#include "kernels/cubins.h"
#include "plan/cache_admin.h"
#include "plan/json.h"
#include "store/pack.h"
#include "tune/tuned.h"

namespace swiglu {
namespace {

// Of every device of this machine, equal cards once; none where there is no driver.
std::vector<TuningEnvironment> own_environments() {
  std::vector<TuningEnvironment> all;
  try {
    const int count = Device::count();
    for (int ordinal = 0; ordinal < count; ++ordinal) {
      try {
        TuningEnvironment environment = environment_of(Device::get(ordinal));
        if (std::find(all.begin(), all.end(), environment) == all.end()) {
          all.push_back(std::move(environment));
        }
      } catch (const Error&) {
        continue;  // a device that the library does not support
      }
    }
  } catch (const Error&) {
    all.clear();
  }
  return all;
}

// Those of this machine. Others are no reason to refuse these: a store holds what was measured with an earlier NVRTC
// or version of the kernels, or on other cards that share it, and exports all of it.
std::vector<TuningEntry> own_entries(const std::vector<TuningEntry>& entries) {
  const std::vector<TuningEnvironment> own = own_environments();
  std::vector<TuningEntry> found;
  std::copy_if(entries.begin(), entries.end(), std::back_inserter(found), [&](const TuningEntry& entry) {
    return std::find(own.begin(), own.end(), entry.environment) != own.end();
  });
  if (found.empty() && !entries.empty()) {
    std::string here;
    for (const TuningEnvironment& environment : own) {
      here += (here.empty() ? "" : "; ") + print(environment);
    }
    fail(SWIGLU_WRONG_ENVIRONMENT,
         "none of the text's {} records is of this machine: the first is of {}, and this machine has {}. Nothing was "
         "imported; SWIGLU_TUNING_IMPORT_FOREIGN takes records for other machines",
         entries.size(), print(entries.front().environment), here.empty() ? "no CUDA device" : here);
  }
  return found;
}

// Every file of a pack, by what it is.
struct Contents {
  std::map<std::string, std::string> kernels;  // by key, their names in the pack
  std::uint64_t kernel_bytes = 0;
  std::vector<std::string> compilers;
  std::vector<TuningEntry> records;
};

constexpr std::string_view kKernels = "v1/kernels/";
constexpr std::string_view kTuned = "v1/tuned/";
constexpr std::string_view kCompilers = "v1/compilers/";

DecodeResult read_kernel(const Pack& pack, const std::string& name) {
  const ReadResult read = pack.read(name, std::numeric_limits<std::size_t>::max());
  return read.error != 0 ? DecodeResult{std::nullopt, error_text(read.error)} : decode_entry(read.bytes);
}

TuningEntry read_record(const Pack& pack, const std::string& path, const std::string& name) {
  const ReadResult read = pack.read(name, kMaxTuningFileBytes + 1);
  const std::string_view text(reinterpret_cast<const char*>(read.bytes.data()), read.bytes.size());  // NOLINT
  DecodedEntry decoded = decode_tuning_entry(text);
  if (!decoded.entry) {
    fail(SWIGLU_INVALID_ARGUMENT, "{} in {} is no sound tuning record: {}. Nothing was imported", name, path,
         read.error != 0 ? error_text(read.error) : decoded.why_not);
  }
  return std::move(*decoded.entry);
}

// Changes nothing.
Contents check_contents(const Pack& pack, const std::string& path) {
  Contents contents;
  for (const std::string& name : pack.names()) {
    if (name.starts_with(kKernels) && name.ends_with(".swk")) {
      const DecodeResult decoded = read_kernel(pack, name);
      if (!decoded.entry) {
        fail(SWIGLU_INVALID_ARGUMENT, "{} in {} is no sound kernel entry: {}. Nothing was imported", name, path,
             decoded.why_not);
      }
      contents.kernels.emplace(decoded.entry->key, name);
      contents.kernel_bytes += pack.read(name, 0).status.size;
    } else if (name.starts_with(kCompilers)) {
      contents.compilers.push_back(name.substr(kCompilers.size()));
    } else if (name.starts_with(kTuned) && name.ends_with(".json") && !name.ends_with("/environment.json")) {
      contents.records.push_back(read_record(pack, path, name));
    }
  }
  const std::uint64_t most = settings().cache_max_bytes;
  if (contents.kernel_bytes > most) {
    fail(SWIGLU_IO_ERROR,
         "the {} kernels of {} have {} bytes, more than the {} that {} is kept under. Nothing was imported: raise "
         "SWIGLU_CACHE_MAX_BYTES, or name the pack in SWIGLU_CACHE_PATH, where it serves as it is",
         contents.kernels.size(), path, contents.kernel_bytes, most, cache_directory());
  }
  return contents;
}

// How many are in the user's directory then.
std::size_t import_kernels(const Pack& pack, const std::map<std::string, std::string>& kernels) {
  std::vector<std::string> written;
  for (const auto& [key, name] : kernels) {
    const DecodeResult decoded = read_kernel(pack, name);
    if (!decoded.entry) {
      log().warn("{} is not imported: it was sound, and is no longer: {}", name, decoded.why_not);
    } else if (kernel_store().put(*decoded.entry)) {
      written.push_back(key);
    }
  }
  // Later ones, or what others use meanwhile, may have evicted earlier ones.
  return static_cast<std::size_t>(
      std::count_if(written.begin(), written.end(), [](const std::string& key) { return kernel_store().has(key); }));
}

// The name that kernels asked for by `arch` have in the user's store. Those for a device between two architectures of
// the table are stored under a name without suffix, which elsewhere means the one with it.
std::string arch_in_store(const std::string& arch) {
  const std::vector<KernelStore::Listed> all = kernel_store().list(false);
  const bool is_stored =
      std::any_of(all.begin(), all.end(), [&](const auto& entry) { return entry.writable && entry.arch == arch; });
  return is_stored ? arch : known_arch(arch).name;
}

}  // namespace

std::string export_tuning() {
  std::vector<TuningEntry> entries = measured_entries();
  for (TuningStore::Listed& listed : tuning_store().list()) {
    if (listed.writable) {
      std::move(listed.entries.begin(), listed.entries.end(), std::back_inserter(entries));
    }
  }
  // On disk as well as in memory: once.
  std::vector<TuningEntry> once;
  for (const TuningEntry& entry : entries) {
    const bool known = std::any_of(once.begin(), once.end(), [&](const TuningEntry& other) {
      return other.environment == entry.environment && same_key(other.record, entry.record);
    });
    if (!known) {
      once.push_back(entry);
    }
  }
  return encode_document(once);
}

void import_tuning(std::string_view text, bool foreign, const Report& report) {
  const DecodedDocument document = decode_document(text);
  if (!document.why_not.empty()) {
    fail(SWIGLU_INVALID_ARGUMENT, "the text is no sound collection of tuning records: {}. Nothing was imported",
         document.why_not);
  }
  const std::vector<TuningEntry> wanted = foreign ? document.entries : own_entries(document.entries);
  const TuningStore::ImportResult result = tuning_store().import(wanted);
  report(to_text(
      {{"added", result.added}, {"known", result.known}, {"skipped", document.entries.size() - wanted.size()}}));
}

void export_cache(const std::string& path, const std::string& arch, const Report& report) {
  cache_directory();  // says why there is none
  const std::string wanted = arch.empty() ? arch : arch_in_store(arch);
  PackWriter writer(system_files(), path);
  const std::size_t kernels = kernel_store().pack(writer, wanted);
  if (kernels == 0 && !wanted.empty()) {
    fail(SWIGLU_NOT_CACHED,
         "{} holds no kernels for {}, so nothing was exported: swiglu_compile puts them there, and arch NULL exports "
         "what there is",
         cache_directory(), wanted);
  }
  const std::size_t records = tuning_store().pack(writer);
  if (const int error = writer.finish(); error != 0) {
    fail(SWIGLU_IO_ERROR, "cannot write {}: {}", path, error_text(error));
  }
  report(to_text({{"path", path}, {"kernels", kernels}, {"records", records}}));
}

void import_cache(const std::string& path, const Report& report) {
  cache_directory();
  std::string why_not;
  const auto pack = Pack::open(system_files(), path, why_not);
  if (pack == nullptr) {
    fail(SWIGLU_INVALID_ARGUMENT, "{} cannot be imported: {}", path, why_not);
  }
  const Contents contents = check_contents(*pack, path);
  // The records first: of them all or none are written, and after a failure there nothing has changed.
  const TuningStore::ImportResult records = tuning_store().import(contents.records);
  const std::size_t kernels = import_kernels(*pack, contents.kernels);
  for (const std::string& compiler : contents.compilers) {
    kernel_store().note_compiler(compiler);
  }
  report(to_text({{"path", path}, {"kernels", kernels}, {"records", records.added}, {"known_records", records.known}}));
  if (kernels < contents.kernels.size()) {
    fail(SWIGLU_IO_ERROR,
         "{} of {} kernels of {} are not in {}: they could not be written (then the log says why), or "
         "SWIGLU_CACHE_MAX_BYTES, {}, had no room for them beside kernels used later. The other kernels and the tuning "
         "records are there; mend that and import again",
         contents.kernels.size() - kernels, contents.kernels.size(), path, cache_directory(),
         settings().cache_max_bytes);
  }
}

}  // namespace swiglu
