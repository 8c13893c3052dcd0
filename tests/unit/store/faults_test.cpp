// Every system call of the store fails once, with every errno that file systems are known for: never an exception,
// never a wrong entry, never a leaked descriptor or temporary file, at most one warning.
#include <doctest/doctest.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include "store/kernel_store.h"
#include "support/faulty_files.h"
#include "support/kernel_entries.h"
#include "support/log_capture.h"
#include "support/scratch_directory.h"
#include "support/store_files.h"

namespace {

using namespace swiglu;
using swiglu::test::FaultyFiles;
using swiglu::test::in;
using swiglu::test::LogCapture;
using swiglu::test::made_up_entry;
using swiglu::test::made_up_key;
using swiglu::test::same;
using swiglu::test::ScratchDirectory;
namespace fs = std::filesystem;

constexpr int kErrors[] = {ENOSPC, EDQUOT, EACCES, EPERM,  EROFS,   EXDEV, ESTALE, EBUSY,
                           EIO,    EMFILE, ENOMEM, ENOENT, ENOTDIR, ELOOP, EEXIST};

bool no_temporaries(const fs::path& root) {
  return !fs::exists(root / "v1" / "tmp") || fs::is_empty(root / "v1" / "tmp");
}

// `prepare` runs on a sound store of a fresh directory, then `act` on one whose nth call fails; `check` looks at the
// disk with a sound store again. Until n is beyond the last call.
template <typename Prepare, typename Act, typename Check>
int for_every_fault(Prepare prepare, Act act, Check check) {
  int faults = 0;
  for (const int error : kErrors) {
    for (int n = 1;; ++n) {
      ScratchDirectory scratch;
      const fs::path root = scratch.path() / "cache";
      FaultyFiles no_fault;
      KernelStore sound(in(root), no_fault);
      prepare(sound);
      FaultyFiles files;
      files.fail_at = n;
      files.error = error;
      const LogCapture log;
      KernelStore store(in(root), files);
      const auto result = act(store);
      CAPTURE(n);
      CAPTURE(std::string(std::strerror(error)));
      CAPTURE(files.failed_call);
      CHECK(files.open_descriptors == 0);
      CHECK(log.count() <= 1);
      CHECK((files.failed_call == "remove" || no_temporaries(root)));
      check(result, sound, files.failed_call);
      if (files.failed_call.empty()) {
        CHECK(log.count() == 0);
        break;
      }
      ++faults;
    }
  }
  return faults;
}

TEST_CASE("put into an empty place") {
  const int faults =
      for_every_fault([](KernelStore&) {}, [](KernelStore& store) { return store.put(made_up_entry(1)); },
                      [](bool put, KernelStore& sound, const std::string& failed) {
                        const auto found = sound.find(made_up_key(1));
                        CHECK(found.has_value() == put);
                        CHECK((put || !failed.empty()));
                        CHECK((!found || same(found->entry, made_up_entry(1))));
                        CHECK(sound.put(made_up_entry(1)));  // nothing is in the way of the next one
                      });
  CHECK(faults > 150);
}

TEST_CASE("put over an older entry: the old one or the new one, whole") {
  for_every_fault([](KernelStore& sound) { REQUIRE(sound.put(made_up_entry(1, 100))); },
                  [](KernelStore& store) { return store.put(made_up_entry(1, 200)); },
                  [](bool put, KernelStore& sound, const std::string&) {
                    const auto found = sound.find(made_up_key(1));
                    REQUIRE(found.has_value());
                    CHECK(same(found->entry, made_up_entry(1, put ? 200 : 100)));
                  });
}

TEST_CASE("find: the entry or a miss, and the entry stays unless it was judged damaged") {
  for_every_fault([](KernelStore& sound) { REQUIRE(sound.put(made_up_entry(1))); },
                  [](KernelStore& store) { return store.find(made_up_key(1)); },
                  [](const std::optional<KernelStore::Found>& found, KernelStore& sound, const std::string& failed) {
                    CHECK((found.has_value() || !failed.empty()));
                    CHECK((!found || same(found->entry, made_up_entry(1))));
                    CHECK(sound.find(made_up_key(1)).has_value());
                  });
}

TEST_CASE("list, prune and remove") {
  for_every_fault([](KernelStore& sound) { REQUIRE(sound.put(made_up_entry(1))); },
                  [](KernelStore& store) {
                    store.list(true);
                    store.prune(0);
                    store.remove(made_up_key(1));
                    return 0;
                  },
                  [](int, KernelStore&, const std::string&) {});
}

TEST_CASE("ESTALE on reading is tried once more, then a miss") {
  ScratchDirectory scratch;
  KernelStore(in(scratch.path())).put(made_up_entry(1));
  for (const char* call : {"open", "read", "fstat"}) {
    FaultyFiles files;
    files.error = ESTALE;
    files.fail_only = call;
    const LogCapture log;
    KernelStore store(in(scratch.path()), files);
    CHECK_FALSE(store.find(made_up_key(1)).has_value());
    CHECK(files.made.count("open") == 2);
    CHECK(log.count() == 1);
    files.fail_only.clear();
    CHECK(store.find(made_up_key(1)).has_value());
  }
  FaultyFiles once;
  once.error = ESTALE;
  KernelStore store(in(scratch.path()), once);
  store.find(made_up_key(2));
  once.fail_at = once.calls + static_cast<int>(once.made.count("stat")) + 1;  // the next open
  CHECK(store.find(made_up_key(1)).has_value());
  CHECK(once.failed_call == "open");
}

TEST_CASE("a full or forbidden disk ends writing for the process, until something was pruned") {
  for (const int error : {ENOSPC, EDQUOT, EROFS, EACCES}) {
    ScratchDirectory scratch;
    FaultyFiles files;
    files.fail_only = "write";
    files.error = error;
    const LogCapture log;
    KernelStore store(in(scratch.path()), files);
    CHECK_FALSE(store.put(made_up_entry(1)));
    const int calls = files.calls;
    CHECK_FALSE(store.put(made_up_entry(2)));
    CHECK(files.calls == calls);  // not even tried
    CHECK(store.why_not_writable().find(error_text(error)) != std::string::npos);
    CHECK(log.count() == 1);
    files.fail_only.clear();
    store.prune(std::uint64_t{1} << 30);
    CHECK(store.why_not_writable().empty());
    CHECK(store.put(made_up_entry(2)));
  }
  ScratchDirectory scratch;
  FaultyFiles files;
  files.fail_only = "sync";
  files.error = EIO;
  KernelStore store(in(scratch.path()), files);
  const LogCapture log;
  CHECK_FALSE(store.put(made_up_entry(1)));
  files.fail_only.clear();
  CHECK(store.put(made_up_entry(1)));  // a passing error is no reason to stop
}

TEST_CASE("a directory that vanishes while it is in use is made again") {
  ScratchDirectory scratch;
  const fs::path root = scratch.path() / "cache";
  KernelStore store(in(root));
  REQUIRE(store.put(made_up_entry(1)));
  fs::remove_all(root);
  CHECK_FALSE(store.find(made_up_key(1)).has_value());
  CHECK(store.put(made_up_entry(1)));
  CHECK(store.find(made_up_key(1)).has_value());
}

TEST_CASE("an entry that is used between the walk and the removal is not evicted") {
  class UsedMeanwhile : public FaultyFiles {
   public:
    fs::path path;
    int looks = 0;
    int link_status(const fs::path& asked, FileStatus& status) override {
      const int result = FaultyFiles::link_status(asked, status);
      if (asked == path && ++looks == 2) {  // the walk looked first
        status.accessed_nanoseconds += 1;
      }
      return result;
    }
  };
  ScratchDirectory scratch;
  UsedMeanwhile files;
  KernelStore store(in(scratch.path()), files);
  REQUIRE(store.put(made_up_entry(1)));
  REQUIRE(store.put(made_up_entry(2)));
  files.path = store.list(false)[0].path;
  files.looks = 0;
  const auto pruned = store.prune(0);
  CHECK(pruned.remaining_bytes > 0);
  CHECK(fs::exists(files.path));
  CHECK(store.list(false).size() == 1);
}

}  // namespace
