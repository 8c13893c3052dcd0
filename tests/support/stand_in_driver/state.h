// What the stand-in driver knows, behind one mutex. The control functions of stand_in.h (state.cpp) and the driver's
// own (call.h) are the only users. Objects handed out as handles live until the process ends.
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

struct Function;

// Executions that a capture has collected.
struct Graph {
  Context* context;
  double microseconds = 0;
  bool exists = true;
};

struct Stream {
  Context* context;
  bool capturing = false;
  bool capture_valid = true;
  bool exists = true;
  double microseconds = 0;  // what was executed on it has taken
  Graph graph{nullptr};     // of the capture
};

struct Event {
  Context* context;
  bool recorded = false;
  double microseconds = 0;
  bool exists = true;
};

// Of launches of kernels whose image holds `text`, the last that matches; an empty text matches all.
struct Behaviour {
  std::string text;
  double value;
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
  std::deque<Event> events;
  std::deque<Graph> graphs;
  std::map<std::uintptr_t, std::size_t> memory;  // address -> bytes, of what is allocated
  std::size_t free_memory;
  std::vector<Behaviour> durations;  // microseconds
  std::vector<Behaviour> errors;     // squared relative error of every block
  const Function* last_computed;     // launched last, of the kernels that compute something
  double block_error = 0;            // what swiglu_block_errors found last
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
double behaviour(const std::vector<Behaviour>& all, const Function* function, double otherwise);

}  // namespace stand_in
