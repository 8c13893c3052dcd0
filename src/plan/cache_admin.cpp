#include "plan/cache_admin.h"

#include "base/error.h"
#include "base/settings.h"
#include "kernels/cubins.h"
#include "plan/json.h"
#include "tune/tuned.h"

namespace swiglu {

std::string cache_directory() {
  if (settings().disable_cache) {
    fail(SWIGLU_IO_ERROR, "kernels are kept in memory alone, as SWIGLU_DISABLE_CACHE is set");
  }
  if (!settings().cache_directory) {
    fail(SWIGLU_IO_ERROR, "kernels are kept in memory alone: {}. Set SWIGLU_CACHE_DIR to a directory of your own",
         settings().cache_directory_reason);
  }
  return settings().cache_directory->string();
}

std::string writable_cache_directory() {
  std::string directory = cache_directory();
  if (const std::string why_not = kernel_store().why_not_writable(); !why_not.empty()) {
    fail(SWIGLU_IO_ERROR, "kernels are kept in memory alone: {}. Set SWIGLU_CACHE_DIR to a directory of your own",
         why_not);
  }
  return directory;
}

void list_cache(const Report& report) {
  for (const KernelStore::Listed& entry : kernel_store().list(false)) {
    Json json{{"path", entry.path.string()}, {"writable", entry.writable}, {"config", entry.config},
              {"arch", entry.arch},          {"bytes", entry.bytes},       {"used", entry.used_unix_seconds}};
    if (!entry.problem.empty()) {
      json["problem"] = entry.problem;
    }
    report(to_text(json));
  }
}

void verify_cache(const Report& report) {
  std::size_t entries = 0;
  std::size_t damaged = 0;
  for (const KernelStore::Listed& entry : kernel_store().list(true)) {
    ++entries;
    if (!entry.problem.empty()) {
      ++damaged;
      report(to_text({{"path", entry.path.string()}, {"problem", entry.problem}}));
    }
  }
  for (const TuningStore::Listed& listed : tuning_store().list()) {
    ++entries;
    if (!listed.problem.empty()) {
      ++damaged;
      report(to_text({{"path", listed.path.string()}, {"problem", listed.problem}}));
    }
  }
  if (damaged > 0) {
    fail(SWIGLU_IO_ERROR, "{} of {} cache entries are damaged or foreign; none of them will be used", damaged, entries);
  }
}

PruneResult prune_cache(std::uint64_t max_bytes) {
  const KernelStore::Pruned pruned = kernel_store().prune(max_bytes);
  return {pruned.removed_bytes, pruned.remaining_bytes};
}

}  // namespace swiglu
