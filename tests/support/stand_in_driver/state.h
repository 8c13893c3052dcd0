// What the stand-in driver knows, behind one mutex. The control functions of stand_in.h (state.cpp) and the driver's
// own (driver.cpp) are the only users. Objects handed out as handles live until the process ends.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "stand_in.h"

namespace stand_in {

struct Context {
  int device;
  bool primary;
};

struct Stream {
  Context* context;
  bool capturing = false;
  bool capture_valid = true;
};

struct Library {
  std::string image;
  bool loaded;
};

struct Function {
  Library* library;
  std::string name;
  Context* context;                                // null: a CUkernel, not bound to a context yet
  std::array<int, 64> max_dynamic_shared_bytes{};  // indexed by device
};

struct Failure {
  std::string function;
  int result;
  int skip;
  int count;
};

struct State {
  std::mutex mutex;
  int driver_version;
  std::vector<StandInDevice> devices;
  std::deque<Context> contexts;  // deque: addresses are handles
  std::deque<Stream> streams;
  std::deque<Library> libraries;
  std::deque<Function> functions;
  std::map<int, Context*> primary;
  std::map<int, int> retains;
  Stream default_stream{nullptr};
  std::vector<Failure> failures;
  std::map<std::string, std::uint64_t> calls;
  std::vector<StandInLaunch> launches;
};

// Of the calling thread.
struct ThreadState {
  std::vector<Context*> contexts;
  int capture_mode = 0;
};

State& state();
ThreadState& thread_state();

// These want the mutex held.
Context* primary_context(int device);
Stream* find_stream(void* handle);  // null handle: the default stream; null: no such stream
bool known_context(const void* handle);
Function* find_function(const void* handle);

}  // namespace stand_in
