// What is left of a store whose process was killed, whose disk was full, whose bits were flipped.

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <thread>

#include "base/random.h"
#include "store_testing.h"

namespace isobar::features {
namespace {

constexpr const char* kChildFolder = "ISOBAR_STORE_CHILD_FOLDER";
constexpr const char* kChildSeed = "ISOBAR_STORE_CHILD_SEED";
constexpr int kAckFd = 3;  // where the child says what was acknowledged
constexpr std::uint64_t kKeys = 7;
const PartitionId kEvents{"events", "0"};

/// Event n, from 1, is of key n mod 7, and is counted there: all there is to know of a store is the position up to which it has events.
Commit events(std::optional<Position> after, std::uint64_t upto, ViewId view) {
  Commit commit;
  commit.advances = {{kEvents, after, {upto}}};
  for (std::uint64_t n = (after ? after->major : 0) + 1; n <= upto; ++n) {
    const auto key = static_cast<std::int64_t>(n % kKeys), number = static_cast<std::int64_t>(n);
    commit.rows.push_back(row(view, key, {at(number), at(number), n}, number));
    commit.states.push_back({.view = view, .key = key_of(key), .state = fmt::format("{}", n / kKeys + (key > 0 ? 1 : 0))});
  }
  return commit;
}

std::uint64_t count_upto(std::uint64_t position, std::uint64_t key) {
  return position / kKeys + (key > 0 && position % kKeys >= key ? 1 : 0);
}

/// Whether the store holds exactly the events up to where it says it stands.
testing::AssertionResult holds_exactly(const Snapshot& snapshot, ViewId view, std::uint64_t position) {
  std::uint64_t rows = 0;
  std::string wrong;
  const auto scanned = snapshot.scan_history(view, [&](const HistoryRow& found) {
    const auto number = static_cast<std::int64_t>(found.order.sequence);
    if (found.order.sequence > position || found.row != row_of(number) || found.key != key_of(number % static_cast<std::int64_t>(kKeys)))
      wrong = fmt::format("event {} is not as it was, or is beyond", number);
    ++rows;
    return wrong.empty();
  });
  if (!scanned.ok()) return testing::AssertionFailure() << scanned.error().message();
  if (!wrong.empty() || rows != position) return testing::AssertionFailure() << wrong << "; " << rows << " events of " << position;
  for (std::uint64_t key = 0; key < kKeys; ++key) {
    const std::uint64_t count = count_upto(position, key);
    const std::string bytes = key_of(static_cast<std::int64_t>(key));
    const RowKey of{view, bytes};
    const auto state = snapshot.state(of, 0, 0);
    const auto latest = snapshot.latest({&of, 1});
    if (!state.ok() || !latest.ok()) return testing::AssertionFailure() << "key " << key << " cannot be read";
    const std::uint64_t newest = count == 0 ? 0 : key + kKeys * (key > 0 ? count - 1 : count);
    if (*state != (count == 0 ? std::nullopt : std::optional(fmt::format("{}", count))))
      return testing::AssertionFailure() << "key " << key << " counts " << state->value_or("nothing") << ", and should " << count;
    if (latest->front().order.sequence != newest)
      return testing::AssertionFailure() << "key " << key << " has " << latest->front().order.sequence << " last, and should have "
                                         << newest;
  }
  return testing::AssertionSuccess();
}

/// Only as the process that the test below starts and kills: checks what is there, replays the last of it, goes on until it is killed.
TEST(StoreChild, GoesOnFromWhereTheStoreStands) {
  const char* folder = std::getenv(kChildFolder);
  if (folder == nullptr) GTEST_SKIP() << "is run by StoreCrash";
  Random random(std::strtoull(std::getenv(kChildSeed), nullptr, 10));
  SystemClock clock;
  auto config = at_once();
  config.group_delay.value = random.chance(0.5) ? 0ms : 1ms;
  const auto store = opened(folder, clock, config);
  const ViewId view = features::view(*store, "events");
  std::optional<Position> stands = *store->snapshot()->offset(kEvents);
  ASSERT_TRUE(holds_exactly(*store->snapshot(), view, stands ? stands->major : 0));
  if (stands) {
    const auto before = stands->major > 1 ? std::optional(Position{stands->major - 1}) : std::nullopt;
    ASSERT_EQ(*store->commit(events(before, stands->major, view)), Outcome::kReplayed);
  }
  std::uint64_t acknowledged = stands ? stands->major : 0;
  while (::write(kAckFd, &acknowledged, sizeof acknowledged) == sizeof acknowledged) {
    std::vector<std::pair<std::uint64_t, std::future<Result<Outcome>>>> under_way;  // several, so that some share a group
    for (auto left = random.below(4) + 1; left > 0; --left) {
      const std::uint64_t upto = (stands ? stands->major : 0) + random.below(20) + 1;
      under_way.emplace_back(upto, store->submit(events(stands, upto, view)).value());
      stands = Position{upto};
    }
    for (auto& [upto, done] : under_way) {
      ASSERT_EQ(*done.get(), Outcome::kApplied);
      acknowledged = upto;
    }
  }
}

struct Child {
  pid_t pid = 0;
  Fd acks;
};

Child start_child(const fs::path& folder, std::uint64_t seed) {
  std::array<int, 2> ends{};
  CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
  std::string filter = "--gtest_filter=StoreChild.*", brief = "--gtest_brief=1", seed_text = fmt::format("{}", seed),
              path = folder.string();
  std::string program = fs::read_symlink("/proc/self/exe").string();
  std::vector<std::string> environment{fmt::format("{}={}", kChildFolder, path), fmt::format("{}={}", kChildSeed, seed_text),
                                       fmt::format("TMPDIR={}", fs::temp_directory_path().string())};
  std::vector<char*> words{program.data(), filter.data(), brief.data(), nullptr}, entries;
  for (auto& entry : environment) entries.push_back(entry.data());
  entries.push_back(nullptr);
  const pid_t pid = ::vfork();
  CHECK(pid >= 0);
  if (pid == 0) {
    ::dup2(ends[1], kAckFd);
    ::execve(program.c_str(), words.data(), entries.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  return {pid, Fd(ends[0])};
}

/// The last position that the child acknowledged before it was killed. It is killed while it opens the store, or some milliseconds later.
std::uint64_t kill_at_some_point(const Child& child, Random& random, std::uint64_t before) {
  std::uint64_t acknowledged = before, read = 0;
  if (random.chance(0.8)) CHECK(::read(child.acks.get(), &read, sizeof read) == sizeof read, "the child gave up");
  acknowledged = std::max(acknowledged, read);
  std::this_thread::sleep_for(std::chrono::microseconds(random.below(read > 0 ? 8'000 : 30'000)));
  ::kill(child.pid, SIGKILL);
  while (::read(child.acks.get(), &read, sizeof read) == sizeof read) acknowledged = std::max(acknowledged, read);
  int status = 0;
  CHECK(::waitpid(child.pid, &status, 0) == child.pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, status);  // else it found something wrong, and said so
  return acknowledged;
}

TEST(StoreCrash, OfAKilledProcessAllThatWasAcknowledgedIsThereOnce) {
  const int kills = std::getenv("ISOBAR_LONG") != nullptr ? 1000 : 50, kills_of_one_store = 50;
  Random random(11);
  SystemClock clock;
  for (int done = 0; done < kills; done += kills_of_one_store) {
    TemporaryFolder folder;
    std::uint64_t acknowledged = 0;
    for (int i = 0; i < kills_of_one_store; ++i)
      acknowledged = kill_at_some_point(start_child(folder / "store", random.next()), random, acknowledged);
    const auto store = opened(folder / "store", clock);
    const auto stands = *store->snapshot()->offset(kEvents);
    ASSERT_TRUE(stands.has_value());
    EXPECT_GE(stands->major, acknowledged);
    EXPECT_GT(acknowledged, 0U);
    EXPECT_TRUE(holds_exactly(*store->snapshot(), features::view(*store, "events"), stands->major));
  }
}

TEST(StoreCrash, AFullDiskIsAnErrorAndLosesNothing) {
  TemporaryFolder folder;
  SetClock clock;
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const auto usual = std::exchange(limit.rlim_cur, 300 << 10);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  std::uint64_t acknowledged = 0;
  {
    const auto store = opened(folder / "store", clock);
    const ViewId view = features::view(*store, "events");
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    const auto next = [&] {
      return store->commit(events(acknowledged > 0 ? std::optional(Position{acknowledged}) : std::nullopt, acknowledged + 50, view));
    };
    auto outcome = next();
    for (; outcome.ok(); outcome = next()) acknowledged += 50;
    EXPECT_TRUE(has_code(outcome, Code::kExhausted, "nothing more is written until the store is opened again"));
    limit.rlim_cur = usual;
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    EXPECT_TRUE(has_code(next(), Code::kExhausted, "until the store is opened again"));  // though there is room now
    EXPECT_TRUE(holds_exactly(*store->snapshot(), view, acknowledged));                  // reads go on
  }
  ::signal(SIGXFSZ, handler);
  const auto store = opened(folder / "store", clock);
  const auto stands = *store->snapshot()->offset(kEvents);
  ASSERT_TRUE(stands.has_value());
  EXPECT_GE(stands->major, acknowledged);
  EXPECT_TRUE(holds_exactly(*store->snapshot(), features::view(*store, "events"), stands->major));
  EXPECT_EQ(*store->commit(events(stands, stands->major + 1, features::view(*store, "events"))), Outcome::kApplied);
}

/// The files of a store that was closed, each read once.
std::vector<std::pair<fs::path, std::string>> files_of(const fs::path& folder) {
  std::vector<std::pair<fs::path, std::string>> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.file_size() > 0) files.emplace_back(fs::relative(entry.path(), folder), *read_file(entry.path()));
  std::ranges::sort(files);
  return files;
}

void flip_a_bit(std::string& bytes, std::uint64_t bit) { bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8)); }

/// Opens a folder with these files and reads all: either it is told that something is wrong, or all is as it was.
testing::AssertionResult told_or_harmless(const std::vector<std::pair<fs::path, std::string>>& files, std::uint64_t position) {
  TemporaryFolder folder;
  for (const auto& [path, bytes] : files) {
    CHECK(make_folders((folder / "copy" / path).parent_path()).ok());
    CHECK(write_file(folder / "copy" / path, bytes, Durability::kCache).ok());
  }
  SetClock clock;
  const auto store = Store::open(folder / "copy", at_once(), clock);
  if (!store.ok()) return testing::AssertionSuccess();
  const auto views = (*store)->registry().views;
  if (views.size() != 1) return testing::AssertionFailure() << views.size() << " views";
  const auto snapshot = (*store)->snapshot();
  const auto offset = snapshot->offset(kEvents);
  const auto scanned = snapshot->scan_history(views[0].id, [](const HistoryRow&) { return true; });
  const auto states = snapshot->scan_states(views[0].id, [](const StoredState&) { return true; });
  const std::string bytes = key_of(1);
  const RowKey key{views[0].id, bytes};
  for (const auto& error : {scanned, states})
    if (!error.ok()) return has_code(error, Code::kDataLoss, "restore the store from a checkpoint");
  if (!offset.ok() || !snapshot->latest({&key, 1}).ok()) return testing::AssertionSuccess();
  if (*offset != Position{position}) return testing::AssertionFailure() << "the offset is another";
  return holds_exactly(*snapshot, views[0].id, position);
}

TEST(StoreCrash, AFlippedBitIsToldAndNeverServed) {
  constexpr std::uint64_t kCount = 300;
  TemporaryFolder folder;
  SetClock clock;
  {
    const auto store = opened(folder / "store", clock);
    ASSERT_TRUE(store->commit(events({}, kCount, features::view(*store, "events"))).ok());
  }
  const auto whole = files_of(folder / "store");
  ASSERT_TRUE(told_or_harmless(whole, kCount));
  const int flips = std::getenv("ISOBAR_LONG") != nullptr ? 2000 : 25;
  Random random(5);
  for (int i = 0; i < flips; ++i) {
    auto files = whole;
    auto& [path, bytes] = files[random.below(files.size())];
    const std::uint64_t bit = random.below(bytes.size() * 8);
    flip_a_bit(bytes, bit);
    ASSERT_TRUE(told_or_harmless(files, kCount)) << path << " bit " << bit;
  }
}

TEST(StoreCrash, TablesThatLostTheirEndAreToldByTheSeal) {
  TemporaryFolder folder;
  SetClock clock;
  fs::path now = folder / "store", before = folder / "before";
  { features::view(*opened(now, clock), "events"); }
  fs::copy(now / "tables", before, fs::copy_options::recursive);
  {
    const auto store = opened(now, clock);
    ASSERT_TRUE(store->commit(events({}, 5, store->registry().views[0].id)).ok());
  }
  fs::remove_all(now / "tables");
  fs::rename(before, now / "tables");  // whole in itself, and older
  EXPECT_TRUE(has_code(Store::open(now, at_once(), clock), Code::kDataLoss, "the store was closed after write"));
  EXPECT_TRUE(has_code(Store::open(now, at_once(), clock), Code::kDataLoss, "the store was closed after write"));  // and again
}

}  // namespace
}  // namespace isobar::features
