// The stand-in NVRTC. Types and names from nvrtc.h; its declarations get default visibility here.
#pragma GCC visibility push(default)
#include <nvrtc.h>
#pragma GCC visibility pop

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "stand_in_nvrtc.h"

namespace {

constexpr int kArchs[] = {75, 80, 86, 87, 89, 90, 100, 103, 110, 120, 121};
constexpr const char* kLog =
    "ptxas info    : Function properties for swiglu_kernel\n"
    "ptxas         .     0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n"
    "ptxas info    : Used 96 registers, used 1 barriers\n";

struct Program {
  std::string source;
  std::string log;
  std::string cubin;
};

struct State {
  std::mutex mutex;
  int major = 13;
  int minor = 0;
  int failures = 0;
  nvrtcResult result = NVRTC_SUCCESS;
  std::string failure_log;
  StandInCubin kind = kStandInElf;
  std::string log = kLog;
  int milliseconds = 0;
  std::uint64_t compiles = 0;
  int running = 0;
  int most_running = 0;
  std::string options;
};

State& state() {
  static State* const instance = new State;  // leaked, as a library's state that outlives static objects
  return *instance;
}

using Lock = std::lock_guard<std::mutex>;

Program& program_of(nvrtcProgram handle) { return *reinterpret_cast<Program*>(handle); }

std::string make_cubin(const std::string& source, const std::string& options) {
  switch (state().kind) {
    case kStandInEmpty:
      return "";
    case kStandInText:
      return std::string(200, 'x');
    case kStandInElf:
      break;
  }
  // A 64-byte ELF header whose section table is said to begin after the contents: that is the image's size.
  std::string image(64, '\0');
  image.replace(0, 4, "\177ELF");
  image += "swiglu_kernel " + options + "\n" + source;
  const std::uint64_t size = image.size();
  std::memcpy(image.data() + 40, &size, sizeof size);
  return image;
}

void copy_out(const std::string& text, char* out, bool terminated) {
  std::memcpy(out, text.c_str(), text.size() + (terminated ? 1 : 0));
}

}  // namespace

void stand_in_nvrtc_reset() {
  const Lock lock(state().mutex);
  state().major = 13;
  state().minor = 0;
  state().failures = 0;
  state().kind = kStandInElf;
  state().log = kLog;
  state().milliseconds = 0;
  state().compiles = 0;
  state().most_running = 0;
  state().options.clear();
}

void stand_in_nvrtc_set_version(int major, int minor) {
  const Lock lock(state().mutex);
  state().major = major;
  state().minor = minor;
}

void stand_in_nvrtc_fail(int result, const char* log, int count) {
  const Lock lock(state().mutex);
  state().result = static_cast<nvrtcResult>(result);
  state().failure_log = log;
  state().failures = count;
}

void stand_in_nvrtc_set_cubin(StandInCubin kind) {
  const Lock lock(state().mutex);
  state().kind = kind;
}

void stand_in_nvrtc_set_log(const char* log) {
  const Lock lock(state().mutex);
  state().log = log;
}

void stand_in_nvrtc_set_milliseconds(int milliseconds) {
  const Lock lock(state().mutex);
  state().milliseconds = milliseconds;
}

uint64_t stand_in_nvrtc_compiles() {
  const Lock lock(state().mutex);
  return state().compiles;
}

int stand_in_nvrtc_most_at_once() {
  const Lock lock(state().mutex);
  return state().most_running;
}

const char* stand_in_nvrtc_options() {
  const Lock lock(state().mutex);
  return state().options.c_str();
}

nvrtcResult nvrtcVersion(int* major, int* minor) {
  const Lock lock(state().mutex);
  *major = state().major;
  *minor = state().minor;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetNumSupportedArchs(int* count) {
  *count = static_cast<int>(std::size(kArchs));
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetSupportedArchs(int* archs) {
  std::copy(std::begin(kArchs), std::end(kArchs), archs);
  return NVRTC_SUCCESS;
}

const char* nvrtcGetErrorString(nvrtcResult result) {
  return result == NVRTC_SUCCESS ? "NVRTC_SUCCESS" : "the stand-in says so";
}

nvrtcResult nvrtcCreateProgram(nvrtcProgram* program, const char* source, const char*, int, const char* const*,
                               const char* const*) {
  *program = reinterpret_cast<nvrtcProgram>(new Program{source, "", ""});
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcDestroyProgram(nvrtcProgram* program) {
  delete &program_of(*program);
  *program = nullptr;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcCompileProgram(nvrtcProgram handle, int count, const char* const* options) {
  std::string joined;
  for (int i = 0; i < count; ++i) {
    joined.append(i == 0 ? "" : " ").append(options[i]);
  }
  int milliseconds = 0;
  {
    const Lock lock(state().mutex);
    ++state().compiles;
    state().most_running = std::max(state().most_running, ++state().running);
    state().options = joined;
    milliseconds = state().milliseconds;
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
  const Lock lock(state().mutex);
  --state().running;
  Program& program = program_of(handle);
  if (state().failures > 0) {
    --state().failures;
    program.log = state().failure_log;
    return state().result;
  }
  program.log = state().log;
  program.cubin = make_cubin(program.source, joined);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetProgramLogSize(nvrtcProgram program, size_t* size) {
  *size = program_of(program).log.size() + 1;
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetProgramLog(nvrtcProgram program, char* log) {
  copy_out(program_of(program).log, log, true);
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetCUBINSize(nvrtcProgram program, size_t* size) {
  *size = program_of(program).cubin.size();
  return NVRTC_SUCCESS;
}

nvrtcResult nvrtcGetCUBIN(nvrtcProgram program, char* cubin) {
  copy_out(program_of(program).cubin, cubin, false);
  return NVRTC_SUCCESS;
}
