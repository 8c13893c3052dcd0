#include "cuda/driver.h"

#include <dlfcn.h>
#include <pthread.h>

#include <atomic>
#include <mutex>

#include "base/error.h"
#include "base/settings.h"

namespace swiglu {
namespace {

std::atomic<const DriverTable*> initialised_driver{nullptr};
std::atomic<bool> forked_after_initialisation{false};

template <typename Function>
Function symbol(void* library, const char* name) {
  return reinterpret_cast<Function>(dlsym(library, name));
}

template <typename Function>
bool look_up(PFN_cuGetProcAddress_v12000 get, const char* name, int since, Function& function) {
  void* address = nullptr;
  CUdriverProcAddressQueryResult status{};
  const CUresult result = get(name, &address, since, CU_GET_PROC_ADDRESS_LEGACY_STREAM, &status);
  function = reinterpret_cast<Function>(address);
  return result == CUDA_SUCCESS && address != nullptr;
}

void initialise(const DriverTable& table) {
  const CUresult result = table.init(0);
  if (result != CUDA_SUCCESS && result != CUDA_ERROR_NO_DEVICE) {
    fail(SWIGLU_CUDA_ERROR, "cuInit of the driver {} (CUDA {}) failed: {}", table.path.string(),
         version_text(table.version), describe(table, result));
  }
  pthread_atfork(nullptr, nullptr, [] { forked_after_initialisation.store(true, std::memory_order_relaxed); });
}

}  // namespace

DriverTable load_driver(const std::optional<std::filesystem::path>& library) {
  const std::string name = library ? library->string() : "libcuda.so.1";
  void* const handle = dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL);  // never closed: the table points into it
  if (handle == nullptr) {
    const char* reason = dlerror();
    fail(SWIGLU_NO_DRIVER,
         "no CUDA driver: {} could not be loaded{} ({}). Install the NVIDIA driver, or use the CPU device", name,
         library ? " (SWIGLU_CUDA_LIBRARY)" : " from the loader's path",
         reason != nullptr ? reason : "no reason given");
  }
  DriverTable table;
  Dl_info info{};
  const auto get_version = symbol<PFN_cuDriverGetVersion_v2020>(handle, "cuDriverGetVersion");
  if (get_version == nullptr || get_version(&table.version) != CUDA_SUCCESS) {
    fail(SWIGLU_NO_DRIVER, "{} was loaded but is no CUDA driver: it does not answer cuDriverGetVersion", name);
  }
  table.path = dladdr(reinterpret_cast<void*>(get_version), &info) != 0 ? info.dli_fname : name;
  const auto get = symbol<PFN_cuGetProcAddress_v12000>(handle, "cuGetProcAddress_v2");
  if (table.version < kMinimumDriverVersion || get == nullptr) {
    fail(SWIGLU_NO_DRIVER,
         "the CUDA driver {} is too old: it serves CUDA {}, and this library needs {} or later. Update it",
         table.path.string(), version_text(table.version), version_text(kMinimumDriverVersion));
  }
#define SWIGLU_REQUIRE(member, name_after_cu, since)                                                         \
  if (!look_up(get, "cu" #name_after_cu, since, table.member)) {                                             \
    fail(SWIGLU_NO_DRIVER, "the CUDA driver {} (CUDA {}) has no cu" #name_after_cu " of CUDA {}. Update it", \
         table.path.string(), version_text(table.version), version_text(since));                             \
  }
  SWIGLU_DRIVER_FUNCTIONS(SWIGLU_REQUIRE)
#undef SWIGLU_REQUIRE
#define SWIGLU_TRY(member, name_after_cu, since) look_up(get, "cu" #name_after_cu, since, table.member);
  SWIGLU_OPTIONAL_DRIVER_FUNCTIONS(SWIGLU_TRY)
#undef SWIGLU_TRY
  return table;
}

const DriverTable& driver() {
  if (forked_after_initialisation.load(std::memory_order_relaxed)) {
    fail(SWIGLU_CUDA_ERROR,
         "this process was forked after CUDA had been initialised in its parent, and CUDA does not work in such a "
         "child. "
         "Fork before the first plan, start the child by exec (Python: the spawn method), or use the CPU device");
  }
  if (const DriverTable* table = initialised_driver.load(std::memory_order_acquire)) {
    return *table;
  }
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  if (const DriverTable* table = initialised_driver.load(std::memory_order_acquire)) {
    return *table;
  }
  DriverTable table = load_driver(settings().cuda_library);
  initialise(table);
  const auto* kept = new DriverTable(std::move(table));
  initialised_driver.store(kept, std::memory_order_release);
  return *kept;
}

std::string version_text(int version) { return fmt::format("{}.{}", version / 1000, version % 1000 / 10); }

std::string describe(const DriverTable& table, CUresult result) {
  const char* name = nullptr;
  const char* text = nullptr;
  const bool named = table.get_error_name(result, &name) == CUDA_SUCCESS && name != nullptr;
  const bool told = table.get_error_string(result, &text) == CUDA_SUCCESS && text != nullptr;
  return fmt::format("{} ({}): {}", named ? name : "unnamed driver error", static_cast<int>(result),
                     told ? text : "no description");
}

void check(CUresult result, const char* what) {
  if (result != CUDA_SUCCESS) {
    fail(result == CUDA_ERROR_OUT_OF_MEMORY ? SWIGLU_OUT_OF_MEMORY : SWIGLU_CUDA_ERROR, "{} failed: {}", what,
         describe(driver(), result));
  }
}

RelaxedCapture::RelaxedCapture() {
  check(driver().exchange_stream_capture_mode(&mode_), "relaxing the thread's stream capture mode");
}

RelaxedCapture::~RelaxedCapture() {
  if (const DriverTable* table = initialised_driver.load(std::memory_order_acquire)) {
    table->exchange_stream_capture_mode(&mode_);
  }
}

}  // namespace swiglu
