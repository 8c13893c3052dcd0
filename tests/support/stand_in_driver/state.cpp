// The stand-in driver's state and the control functions that tests call.
#include "state.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace stand_in {
namespace {

constexpr int kDefaultDriverVersion = 13000;
constexpr std::size_t kDefaultMemory = std::size_t{80} << 30;

std::vector<StandInDevice> default_devices() {
  std::vector<StandInDevice> devices;
  if (const char* text = std::getenv("STAND_IN_DEVICES")) {
    StandInDevice device{};
    int read = 0;
    while (std::sscanf(text, "%d:%d:%d%n", &device.compute_capability, &device.multiprocessors,
                       &device.shared_bytes_per_block, &read) == 3) {
      devices.push_back(device);
      text += read;
      if (*text == ',') {
        ++text;
      }
    }
    return devices;
  }
  return {{90, 132, 232448}, {90, 132, 232448}, {80, 108, 166912}, {70, 80, 98304}};
}

}  // namespace

State& state() {
  static State* const instance = [] {  // leaked: the library under test may call until the process is gone
    auto* made = new State;
    made->driver_version = kDefaultDriverVersion;
    made->devices = default_devices();
    made->free_memory = kDefaultMemory;
    made->last_computed = nullptr;
    return made;
  }();
  return *instance;
}

ThreadState& thread_state() {
  static thread_local ThreadState instance;
  return instance;
}

Context* primary_context(int device) {
  State& all = state();
  if (device < 0 || device >= static_cast<int>(all.devices.size())) {
    return nullptr;
  }
  Context*& context = all.primary[device];
  if (context == nullptr) {
    context = &all.contexts.emplace_back(Context{device, true});
  }
  return context;
}

Stream* find_stream(void* handle) {
  State& all = state();
  if (handle == nullptr) {
    return &all.default_stream;
  }
  const auto found =
      std::find_if(all.streams.begin(), all.streams.end(), [&](Stream& s) { return &s == handle && s.exists; });
  return found == all.streams.end() ? nullptr : &*found;
}

bool known_context(const void* handle) {
  State& all = state();
  return std::any_of(all.contexts.begin(), all.contexts.end(), [&](Context& c) { return &c == handle; });
}

Function* find_function(const void* handle) {
  State& all = state();
  const auto found =
      std::find_if(all.functions.begin(), all.functions.end(), [&](Function& f) { return &f == handle; });
  return found == all.functions.end() ? nullptr : &*found;
}

double behaviour(const std::vector<Behaviour>& all, const Function* function, double otherwise) {
  double value = otherwise;
  for (const Behaviour& one : all) {
    if (function != nullptr && function->library->image.find(one.text) != std::string::npos) {
      value = one.value;
    }
  }
  return value;
}

}  // namespace stand_in

using stand_in::state;
using stand_in::thread_state;
using Lock = std::lock_guard<std::mutex>;

void stand_in_reset() {
  const Lock lock(state().mutex);
  state().driver_version = stand_in::kDefaultDriverVersion;
  state().devices = stand_in::default_devices();
  state().failures.clear();
  state().calls.clear();
  state().launches.clear();
  state().durations.clear();
  state().errors.clear();
  state().free_memory = stand_in::kDefaultMemory;
  state().default_stream = {nullptr};
  for (auto& stream : state().streams) {
    const bool exists = stream.exists;
    stream = {stream.context};
    stream.exists = exists;
  }
}

void stand_in_set_devices(const StandInDevice* devices, int count) {
  const Lock lock(state().mutex);
  state().devices.assign(devices, devices + count);
}

void stand_in_set_driver_version(int version) {
  const Lock lock(state().mutex);
  state().driver_version = version;
}

void stand_in_fail(const char* function, int result, int skip, int count) {
  const Lock lock(state().mutex);
  state().failures.push_back({function, result, skip, count});
}

uint64_t stand_in_calls(const char* function) {
  const Lock lock(state().mutex);
  if (function != nullptr) {
    const auto found = state().calls.find(function);
    return found == state().calls.end() ? 0 : found->second;
  }
  uint64_t sum = 0;
  for (const auto& [name, count] : state().calls) {
    sum += count;
  }
  return sum;
}

void* stand_in_primary_context(int device) {
  const Lock lock(state().mutex);
  return stand_in::primary_context(device);
}

void* stand_in_make_context(int device) {
  const Lock lock(state().mutex);
  if (device < 0 || device >= static_cast<int>(state().devices.size())) {
    return nullptr;
  }
  return &state().contexts.emplace_back(stand_in::Context{device, false});
}

void* stand_in_make_stream(void* context) {
  const Lock lock(state().mutex);
  return &state().streams.emplace_back(stand_in::Stream{static_cast<stand_in::Context*>(context)});
}

int stand_in_primary_retains(int device) {
  const Lock lock(state().mutex);
  return state().retains[device];
}

void* stand_in_current_context() { return thread_state().contexts.empty() ? nullptr : thread_state().contexts.back(); }

void stand_in_set_current_context(void* context) {
  auto& stack = thread_state().contexts;
  if (!stack.empty()) {
    stack.pop_back();
  }
  if (context != nullptr) {
    stack.push_back(static_cast<stand_in::Context*>(context));
  } else {
    stack.clear();
  }
}

int stand_in_context_depth() { return static_cast<int>(thread_state().contexts.size()); }

int stand_in_capture_mode() { return thread_state().capture_mode; }

void stand_in_begin_capture(void* stream) {
  const Lock lock(state().mutex);
  if (auto* found = stand_in::find_stream(stream)) {
    found->capturing = true;
    found->capture_valid = true;
  }
}

bool stand_in_end_capture(void* stream) {
  const Lock lock(state().mutex);
  auto* found = stand_in::find_stream(stream);
  if (found == nullptr || !found->capturing) {
    return false;
  }
  found->capturing = false;
  return found->capture_valid;
}

int stand_in_launch_count() {
  const Lock lock(state().mutex);
  return static_cast<int>(state().launches.size());
}

bool stand_in_launch(int index, StandInLaunch* launch) {
  const Lock lock(state().mutex);
  if (index < 0 || index >= static_cast<int>(state().launches.size())) {
    return false;
  }
  *launch = state().launches[static_cast<std::size_t>(index)];
  return true;
}

void stand_in_set_duration(const char* text, double microseconds) {
  const Lock lock(state().mutex);
  state().durations.push_back({text, microseconds});
}

void stand_in_set_error(const char* text, double relative) {
  const Lock lock(state().mutex);
  state().errors.push_back({text, relative * relative});
}

void stand_in_set_free_memory(size_t bytes) {
  const Lock lock(state().mutex);
  state().free_memory = bytes;
}

size_t stand_in_allocated_memory() {
  const Lock lock(state().mutex);
  std::size_t bytes = 0;
  for (const auto& [address, size] : state().memory) {
    bytes += size;
  }
  return bytes;
}

int stand_in_live_objects() {
  const Lock lock(state().mutex);
  const auto count = [](const auto& all) {
    return std::count_if(all.begin(), all.end(), [](const auto& one) { return one.exists; });
  };
  return static_cast<int>(count(state().streams) + count(state().events) + count(state().graphs));
}

int stand_in_libraries() {
  const Lock lock(state().mutex);
  return static_cast<int>(std::count_if(state().libraries.begin(), state().libraries.end(),
                                        [](const stand_in::Library& library) { return library.loaded; }));
}
