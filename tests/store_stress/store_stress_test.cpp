// Processes that share one store directory: a cold start of many at once, writers killed at any moment, readers beside
// evictors. Readers must never see anything but a whole entry or a miss. A few seconds in all.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "store/kernel_store.h"
#include "support/kernel_entries.h"
#include "support/scratch_directory.h"
#include "worker.h"

extern char** environ;

namespace {

using namespace swiglu;
using namespace swiglu::test;
namespace fs = std::filesystem;

// A pipe. Workers that inherit its read end start together when this process, the only holder of the write end, closes
// that; one that inherits the write end tells with a byte that it has started.
class Gate {
 public:
  Gate() {
    if (::pipe2(ends_, O_CLOEXEC) != 0) {
      throw std::system_error(errno, std::generic_category(), "pipe2");
    }
  }
  ~Gate() {
    open();
    ::close(ends_[0]);
  }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  bool wait_for_start() {  // false: the worker ended without a byte
    open();
    char byte = 0;
    return ::read(ends_[0], &byte, 1) == 1;
  }
  void open() {
    if (ends_[1] >= 0) {
      ::close(ends_[1]);
      ends_[1] = -1;
    }
  }

 private:
  int ends_[2] = {-1, -1};
};

constexpr int kGateInWorker = 3;

pid_t start(const std::string& role, const fs::path& directory, int number, const Gate* gate) {
  const std::vector<std::string> words = {"store_stress",
                                          "--worker",
                                          role,
                                          directory.string(),
                                          std::to_string(number),
                                          gate != nullptr ? std::to_string(kGateInWorker) : "-1"};
  std::vector<char*> arguments;
  for (const std::string& word : words) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  if (gate != nullptr) {
    ::posix_spawn_file_actions_adddup2(&actions, role == "write" ? gate->write_end() : gate->read_end(), kGateInWorker);
  }
  pid_t child = -1;
  const int error = ::posix_spawn(&child, "/proc/self/exe", &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    throw std::system_error(error, std::generic_category(), "posix_spawn");
  }
  return child;
}

int exit_code_of(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int count_files(const fs::path& directory) {
  int count = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator it(directory, error), end; it != end; it.increment(error)) {
    count += it->is_regular_file() ? 1 : 0;
  }
  return count;
}

bool all_sound(const fs::path& directory) {
  KernelStore::Options options;
  options.user_directory = directory;
  for (const auto& listed : KernelStore(options).list(true)) {
    if (!listed.problem.empty()) {
      MESSAGE(listed.path.string(), ": ", listed.problem);
      return false;
    }
  }
  return true;
}

TEST_CASE("16 processes start cold on one directory at the same moment") {
  ScratchDirectory scratch;
  const fs::path directory = scratch.path() / "cache";  // does not exist: they also race to make it
  std::vector<pid_t> children;
  {
    Gate gate;
    for (int i = 0; i < 16; ++i) {
      children.push_back(start("coldstart", directory, 0, &gate));
    }
    gate.open();
  }
  for (const pid_t child : children) {
    CHECK(exit_code_of(child) == 0);
  }
  CHECK(count_files(directory / "v1" / "kernels") == kEntries);
  CHECK(count_files(directory / "v1" / "tmp") == 0);
  CHECK(all_sound(directory));
}

TEST_CASE("writers killed at any moment leave nothing that a reader could take for an entry") {
  ScratchDirectory scratch;
  const fs::path directory = scratch.path() / "cache";
  constexpr int kMilliseconds = 3000;
  KernelStore::Options options;
  options.user_directory = directory;
  REQUIRE(KernelStore(options).put(made_up_entry(0, kCubinBytes)));  // so that every reader has a hit
  const pid_t reader = start("read", directory, kMilliseconds, nullptr);
  std::minstd_rand random(1);
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kMilliseconds);
  int killed = 0;
  while (std::chrono::steady_clock::now() < end) {
    Gate gate;
    const pid_t writer = start("write", directory, 0, &gate);
    CHECK(gate.wait_for_start());  // however long it takes to load: the kill must meet it writing
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    ::kill(writer, SIGKILL);
    CHECK(exit_code_of(writer) == -SIGKILL);
    ++killed;
  }
  CHECK(exit_code_of(reader) == 0);
  CHECK(killed > 3);
  CHECK(count_files(directory / "v1" / "kernels") > 1);  // or no writer got as far as to write
  CHECK(all_sound(directory));
  MESSAGE("killed ", killed, " writers; ", count_files(directory / "v1" / "tmp"), " temporary files left, ",
          count_files(directory / "v1" / "kernels"), " entries");
  // What they left is swept once it is old; nothing but that is in the way of a later writer.
  CHECK(KernelStore(options).put(made_up_entry(1, kCubinBytes)));
}

TEST_CASE("readers beside evictors and writers") {
  ScratchDirectory scratch;
  const fs::path directory = scratch.path() / "cache";
  KernelStore::Options options;
  options.user_directory = directory;
  for (int number = 0; number < kEntries; ++number) {
    REQUIRE(KernelStore(options).put(made_up_entry(number, kCubinBytes)));
  }
  std::vector<pid_t> children;
  {
    Gate gate;
    for (const char* role : {"read", "read", "evict", "evict"}) {
      children.push_back(start(role, directory, 1500, &gate));
    }
    gate.open();
  }
  for (const pid_t child : children) {
    CHECK(exit_code_of(child) == 0);
  }
  CHECK(count_files(directory / "v1" / "tmp") == 0);
  CHECK(all_sound(directory));
}

TEST_CASE("threads of one process share one store object") {
  ScratchDirectory scratch;
  KernelStore::Options options;
  options.user_directory = scratch.path() / "cache";
  KernelStore store(options);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&store, &wrong, t] {
      for (int i = 0; i < 2 * kEntries; ++i) {
        const int number = (i * 5 + t) % kEntries;
        const auto found = store.find(made_up_key(number));
        wrong += found && !same(found->entry, made_up_entry(number, 1000)) ? 1 : 0;
        if (!found) {
          wrong += store.put(made_up_entry(number, 1000)) ? 0 : 1;
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(wrong == 0);
  CHECK(store.list(true).size() == static_cast<std::size_t>(kEntries));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "--worker") {
    return run_worker(argc, argv);
  }
  return doctest::Context(argc, argv).run();
}
