// Tuning records on disk, as their users see them.
#include "store/tuning_store.h"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cerrno>
#include <fstream>

#include "support/faulty_files.h"
#include "support/log_capture.h"
#include "support/outcome.h"
#include "support/scratch_directory.h"
#include "support/tuning_entries.h"

namespace swiglu {
namespace {

using test::FaultyFiles;
using test::LogCapture;
using test::made_up_environment;
using test::made_up_tuning;
using test::outcome_of;
using test::ScratchDirectory;
namespace fs = std::filesystem;

SearchPath in(const fs::path& user, std::vector<fs::path> read_only = {}) {
  SearchPath path;
  if (!user.empty()) {
    path.user_directory = user;
  }
  path.read_only_directories = std::move(read_only);
  return path;
}

std::optional<TuningStore::Found> find(TuningStore& store, const TuningEntry& like) {
  return store.find(like.environment, like.record.config.problem, like.record.first_m, like.record.last_m);
}

void write(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  fs::permissions(path.parent_path(), fs::perms::owner_all);
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

fs::path only_record(TuningStore& store) {
  const auto listed = store.list();
  REQUIRE(listed.size() == 1);
  return listed.front().path;
}

TEST_CASE("put, find, replace; looking creates nothing") {
  ScratchDirectory scratch;
  const LogCapture log;
  TuningStore store(in(scratch.path() / "cache"));
  TuningEntry entry = made_up_tuning();
  CHECK_FALSE(find(store, entry));
  CHECK_FALSE(fs::exists(scratch.path() / "cache"));
  CHECK(store.put(entry));
  REQUIRE(find(store, entry));
  CHECK(find(store, entry)->entry == entry);
  CHECK(find(store, entry)->origin == TuningStore::Origin::user);
  entry.record.config.tile.n = 96;
  entry.record.microseconds = 2200;
  CHECK(store.put(entry));
  CHECK(find(store, entry)->entry == entry);
  CHECK(store.list().size() == 1);
  CHECK(log.count() == 0);
}

TEST_CASE("a tuning that was cut short does not take the place of one that was not") {
  ScratchDirectory scratch;
  TuningStore store(in(scratch.path() / "cache"));
  const TuningEntry finished = made_up_tuning();
  TuningEntry cut_short = finished;
  cut_short.record.finished = false;
  cut_short.record.microseconds = 1;
  TuningEntry longer = cut_short;
  longer.record.microseconds = 2;
  const auto found = [&] { return find(store, finished)->entry; };
  CHECK(store.put(cut_short));
  CHECK(store.put(longer));
  CHECK(found() == longer);
  CHECK(store.put(finished));
  CHECK(store.put(cut_short));
  CHECK(found() == finished);
}

TEST_CASE("layout and permissions on disk, with a manifest for readers") {
  ScratchDirectory scratch;
  const fs::path root = scratch.path() / "cache";
  TuningStore store(in(root));
  REQUIRE(store.put(made_up_tuning()));
  const fs::path path = only_record(store);
  CHECK(path.parent_path().parent_path() == root / "v1" / "tuned");
  CHECK(path.parent_path().filename().string().size() == 16);
  CHECK(path.stem().string().size() == 32);
  CHECK((fs::status(path).permissions() & fs::perms::all) == (fs::perms::owner_read | fs::perms::owner_write));
  CHECK((fs::status(path.parent_path()).permissions() & fs::perms::all) == fs::perms::owner_all);
  std::ifstream manifest(path.parent_path() / "environment.json");
  std::string text;
  std::getline(manifest, text);
  CHECK(text + "\n" == encode_manifest(made_up_environment()));
  CHECK(fs::is_empty(root / "v1" / "tmp"));
}

TEST_CASE("every part of the key makes another record") {
  ScratchDirectory scratch;
  TuningStore store(in(scratch.path()));
  const TuningEntry entry = made_up_tuning();
  REQUIRE(store.put(entry));
  TuningEntry other = entry;
  SUBCASE("gpu") { other.environment.gpu = "NVIDIA H100"; }
  SUBCASE("compute capability") { other.environment.compute_capability = 100; }
  SUBCASE("multiprocessors") { other.environment.multiprocessors = 114; }
  SUBCASE("generator") { other.environment.generator = 2; }
  SUBCASE("compiler") { other.environment.compiler = "another"; }
  SUBCASE("policy") { other.environment.policy = "another"; }
  SUBCASE("dtype") { other.record.config.problem.dtype = DType::f16; }
  SUBCASE("layout") { other.record.config.problem.layout = Layout::kn; }
  SUBCASE("pass") { other.record.config.problem.pass = Pass::forward_store; }
  SUBCASE("d_model") { other.record.config.problem.d_model = 4104; }
  SUBCASE("d_intermediate") { other.record.config.problem.d_intermediate = 14344; }
  SUBCASE("access_bytes") { other.record.config.problem.access_bytes = 8; }
  SUBCASE("first m") { other.record.first_m = 4098; }
  SUBCASE("last m") { other.record.last_m = 0; }
  CHECK_FALSE(find(store, other));
}

TEST_CASE("the user's record comes first, then read-only directories in order") {
  ScratchDirectory user;
  ScratchDirectory first;
  ScratchDirectory second;
  TuningEntry entry = made_up_tuning();
  const auto put_in = [&](const fs::path& path, double microseconds) {
    entry.record.microseconds = microseconds;
    TuningStore store(in(path));
    REQUIRE(store.put(entry));
  };
  TuningStore store(in(user.path(), {first.path(), second.path()}));
  put_in(second.path(), 3);
  CHECK(find(store, entry)->entry.record.microseconds == 3);
  CHECK(find(store, entry)->origin == TuningStore::Origin::shared);
  put_in(first.path(), 2);
  CHECK(find(store, entry)->entry.record.microseconds == 2);
  put_in(user.path(), 1);
  CHECK(find(store, entry)->entry.record.microseconds == 1);
}

TEST_CASE("a record that does not suit hides none of other directories, other NVRTCs or collections") {
  ScratchDirectory user;
  ScratchDirectory shared;
  TuningEntry unsuitable = made_up_tuning();
  unsuitable.record.microseconds = 1;
  TuningEntry sound = made_up_tuning();
  TuningStore store(in(user.path(), {shared.path()}));
  REQUIRE(store.put(unsuitable));
  TuningStore other(in(shared.path()));
  SUBCASE("of the same NVRTC") {}
  SUBCASE("of another") {
    REQUIRE(other.put(unsuitable));
    sound.environment.compiler = "another";
  }
  SUBCASE("in a collection") { write(shared.path() / "tuned" / "some.json", encode_document({sound})); }
  if (!fs::exists(shared.path() / "tuned")) {
    REQUIRE(other.put(sound));
  }
  const TuningEntry wanted = made_up_tuning();
  const auto find_suiting = [&](double at_least) {
    return store.find(wanted.environment, wanted.record.config.problem, wanted.record.first_m, wanted.record.last_m,
                      false, [&](const TuningRecord& record) { return record.microseconds >= at_least; });
  };
  REQUIRE(find_suiting(2));
  CHECK(find_suiting(2)->entry == sound);
  CHECK(find_suiting(2)->origin == TuningStore::Origin::shared);
  CHECK(find_suiting(1)->entry == unsuitable);
  CHECK_FALSE(find_suiting(1e6));
}

TEST_CASE("another NVRTC's record serves from elsewhere, and everywhere where there is no NVRTC") {
  ScratchDirectory elsewhere;
  ScratchDirectory user;
  TuningEntry entry = made_up_tuning();
  {
    TuningStore other(in(elsewhere.path()));
    REQUIRE(other.put(entry));
    TuningStore own(in(user.path()));
    REQUIRE(own.put(entry));
  }
  TuningEntry wanted = entry;
  wanted.environment.compiler = "newer";
  TuningStore mine(in(user.path()));
  CHECK_FALSE(find(mine, wanted));  // this machine can measure again
  TuningStore shared(in("", {elsewhere.path()}));
  CHECK(find(shared, wanted)->entry == entry);
  wanted.environment.compiler = "";
  CHECK(find(mine, wanted)->entry == entry);
  wanted.environment.gpu = "NVIDIA H100";
  CHECK_FALSE(find(mine, wanted));
  CHECK_FALSE(find(shared, wanted));
}

TEST_CASE("documents that ship serve from read-only directories") {
  ScratchDirectory installed;
  ScratchDirectory user;
  const TuningEntry entry = made_up_tuning();
  TuningEntry exact = entry;
  exact.environment.compiler = "mine";
  exact.record.microseconds = 7;
  write(installed.path() / "tuned" / "h200.json", encode_document({made_up_tuning(512), entry}));
  TuningStore store(in(user.path(), {installed.path()}));
  TuningEntry wanted = entry;
  wanted.environment.compiler = "mine";
  REQUIRE(find(store, wanted));
  CHECK(find(store, wanted)->entry == entry);
  CHECK(find(store, wanted)->origin == TuningStore::Origin::shared);
  CHECK_FALSE(find(store, made_up_tuning(640)));
  CHECK_FALSE(fs::exists(user.path() / "v1"));  // a hit is not copied
  write(installed.path() / "tuned" / "more.json", encode_document({exact}));
  TuningStore again(in(user.path(), {installed.path()}));
  CHECK(find(again, wanted)->entry == exact);  // measured with the very same NVRTC
}

TEST_CASE("bad files are ignored with a warning, and the rest is used") {
  ScratchDirectory scratch;
  ScratchDirectory shared;
  const TuningEntry entry = made_up_tuning();
  TuningStore store(in(scratch.path(), {shared.path()}));
  REQUIRE(store.put(entry));
  const fs::path path = only_record(store);
  const std::string sound = encode_entry(entry);
  write(shared.path() / "tuned" / "a.json", "{\"format\":2,\"environments\":");
  write(shared.path() / "tuned" / "b.json", encode_document({made_up_tuning(512)}));
  TuningEntry foreign = entry;
  foreign.environment.gpu = "NVIDIA B200";
  for (const std::string& text :
       {std::string(), std::string("{"), sound.substr(0, sound.size() / 2), std::string(1 << 20, '['),
        std::string(1 << 20, ' '), encode_entry(made_up_tuning(512)), encode_entry(foreign)}) {
    const LogCapture log;
    write(path, text);
    TuningStore fresh(in(scratch.path(), {shared.path()}));
    CHECK_FALSE(find(fresh, entry));
    CHECK(find(fresh, made_up_tuning(512)));
    REQUIRE(log.count() == 2);
    CHECK(log.lines()[0].find(path.string()) != std::string::npos);
    CHECK(log.lines()[1].find("a.json") != std::string::npos);
    CHECK_FALSE(find(fresh, entry));
    CHECK(log.count() == 2);  // told once
    CHECK(fs::exists(path));  // never removed: it may be of a later version
    bool problem = false;
    for (const auto& listed : fresh.list()) {
      problem = problem || (listed.path == path && !listed.problem.empty());
    }
    CHECK(problem);
    REQUIRE(fresh.put(entry));  // a new measurement heals it
    CHECK(find(fresh, entry)->entry == entry);
  }
}

TEST_CASE("a flipped bit never makes a record of another problem, and never a crash") {
  ScratchDirectory scratch;
  const LogCapture log(SWIGLU_LOG_OFF);
  const TuningEntry entry = made_up_tuning();
  TuningStore store(in(scratch.path()));
  REQUIRE(store.put(entry));
  const fs::path path = only_record(store);
  const std::string sound = encode_entry(entry);
  for (std::size_t i = 0; i < sound.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = sound;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      write(path, flipped);
      TuningStore fresh(in(scratch.path()));
      const auto found = find(fresh, entry);
      CHECK((!found || (same_key(found->entry.record, entry.record) && found->entry.environment == entry.environment)));
    }
  }
}

TEST_CASE("whom it trusts") {
  ScratchDirectory scratch;
  const LogCapture log;
  const TuningEntry entry = made_up_tuning();
  TuningStore store(in(scratch.path()));
  REQUIRE(store.put(entry));
  fs::permissions(only_record(store), fs::perms::others_write, fs::perm_options::add);
  CHECK_FALSE(find(store, entry));
  REQUIRE(log.count() == 1);
  CHECK(log.last().find("others may write") != std::string::npos);
  FaultyFiles files;
  files.directory_owner = 12345;
  TuningStore foreign(in(scratch.path()), files);
  CHECK_FALSE(find(foreign, entry));
  CHECK_FALSE(foreign.put(entry));
  CHECK(log.last().find("belongs to user 12345") != std::string::npos);
}

TEST_CASE("no failing system call is an error, or leaves half a record") {
  const TuningEntry entry = made_up_tuning();
  for (const int error : {ENOSPC, EROFS, EACCES, EIO, ESTALE}) {
    for (int at = 1;; ++at) {
      ScratchDirectory scratch;
      const LogCapture log(SWIGLU_LOG_OFF);
      FaultyFiles files;
      files.fail_at = at;
      files.error = error;
      TuningStore store(in(scratch.path() / "cache"), files);
      const bool stored = store.put(entry);
      if (files.failed_call.empty()) {
        CHECK(stored);
        break;
      }
      TuningStore fresh(in(scratch.path() / "cache"));
      const auto found = find(fresh, entry);
      CAPTURE(files.failed_call);
      CHECK((found.has_value() || !stored));
      CHECK((!found || found->entry == entry));
      CHECK(files.open_descriptors == 0);
      REQUIRE(at < 200);
    }
  }
}

TEST_CASE("import adds what is missing, keeps what is known, and is all or nothing") {
  ScratchDirectory scratch;
  TuningEntry known = made_up_tuning(512);
  std::vector<TuningEntry> entries = {made_up_tuning(256), made_up_tuning(512), made_up_tuning(1024)};
  known.record.microseconds = 1;
  {
    TuningStore store(in(scratch.path()));
    REQUIRE(store.put(known));
    const auto result = store.import(entries);
    CHECK(result.added == 2);
    CHECK(result.known == 1);
    CHECK(find(store, known)->entry == known);
    CHECK(store.list().size() == 3);
    CHECK(store.import(entries).added == 0);
  }
  for (int at = 1;; ++at) {
    ScratchDirectory fresh;
    FaultyFiles files;
    {
      TuningStore store(in(fresh.path()));
      REQUIRE(store.put(known));
    }
    files.fail_at = at;
    files.error = ENOSPC;
    TuningStore store(in(fresh.path()), files);
    const auto outcome = outcome_of([&] { store.import(entries); });
    TuningStore after(in(fresh.path()));
    const std::size_t count = after.list().size();
    CAPTURE(files.failed_call);
    CHECK(count == (outcome.status == SWIGLU_OK ? 3 : 1));
    CHECK((outcome.status == SWIGLU_OK || outcome.status == SWIGLU_IO_ERROR));
    CHECK(find(after, known)->entry == known);
    if (files.failed_call.empty()) {
      break;
    }
    REQUIRE(at < 300);
  }
  TuningStore nowhere(in(""));
  CHECK(outcome_of([&] { nowhere.import(entries); }).status == SWIGLU_IO_ERROR);
}

}  // namespace
}  // namespace swiglu
