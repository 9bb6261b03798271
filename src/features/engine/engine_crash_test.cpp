// An engine whose process is killed at any instant: what it acknowledged is there, and everything is there once.

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <thread>

#include "base/random.h"
#include "engine_testing.h"

namespace isobar::features {

namespace {

constexpr std::int64_t kUsers = 7;
constexpr const char *kChildFolder = "ISOBAR_ENGINE_CHILD_FOLDER", *kChildFirst = "ISOBAR_ENGINE_CHILD_FIRST";
constexpr int kToldFd = 9;

constexpr std::string_view kCounted = R"(
project: counted
entities: {user: {keys: {user_id: int64}}}
sources:
  plain: {kind: push, schema: {amount: int64, at: timestamp, user_id: int64}, timestamp: at}
  keyed: {kind: push, schema: {amount: int64, at: timestamp, id: int64, user_id: int64}, timestamp: at, key: id}
views:
  plain_view:
    source: plain
    entity: user
    features: {total: sum(amount) over unbounded, events: count(*) over unbounded, recent: sum(amount) over 24h}
  keyed_view:
    source: keyed
    entity: user
    features: {sum: sum(amount) over unbounded, most: max(amount) over 24h}
)";

EngineConfig quick() {
  EngineConfig config;
  config.store.group_delay.value = 0ms;
  config.write_behind.value = 3ms;
  return config;
}

SourceRow plain(std::int64_t n, Instant now) { return {{Value(n), Value(now), Value(n % kUsers)}}; }
/// Each id is corrected again and again, and now and then taken away.
SourceRow keyed(std::int64_t n, Instant now) {
  return {.row = {Value(n), Value(now), Value(n % 5), Value(n % 5 % kUsers)}, .deleted = n % 11 == 0};
}

Result<Taken> push(Engine& engine, std::int64_t n) {
  const Instant now = SystemClock().now();
  TRY(engine.push({.source = "keyed", .rows = {keyed(n, now)}, .id = fmt::format("{}", n)}));
  return engine.push({.source = "plain", .rows = {plain(n, now)}, .id = fmt::format("{}", n)});
}

/// Only as the process that the test below starts and kills: pushes from a number on, and tells each that was acknowledged.
TEST(EngineChild, PushesUntilItIsKilled) {
  const char* folder = std::getenv(kChildFolder);
  if (folder == nullptr) GTEST_SKIP() << "is run by EngineCrash";
  const SystemClock clock;
  auto engine = Engine::open(folder, quick(), clock);
  ASSERT_TRUE(engine.ok()) << engine.error().message();
  for (std::int64_t n = std::strtoll(std::getenv(kChildFirst), nullptr, 10);; ++n) {
    const auto pushed = push(**engine, n);
    ASSERT_TRUE(pushed.ok()) << pushed.error().message();
    if (::write(kToldFd, &n, sizeof n) != sizeof n) return;
  }
}

struct Child {
  pid_t pid = 0;
  Fd told;
};

Child start_child(const fs::path& folder, std::int64_t first) {
  std::array<int, 2> ends{};
  CHECK(::pipe2(ends.data(), O_CLOEXEC) == 0);
  std::string program = fs::read_symlink("/proc/self/exe").string(), filter = "--gtest_filter=EngineChild.*", brief = "--gtest_brief=1",
              folder_entry = fmt::format("{}={}", kChildFolder, folder.string()), first_entry = fmt::format("{}={}", kChildFirst, first);
  std::array<char*, 4> words{program.data(), filter.data(), brief.data(), nullptr};
  std::array<char*, 3> entries{folder_entry.data(), first_entry.data(), nullptr};
  const pid_t pid = ::vfork();
  CHECK(pid >= 0);
  if (pid == 0) {
    ::dup2(ends[1], kToldFd);
    ::execve(program.c_str(), words.data(), entries.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  return {pid, Fd(ends[0])};
}

std::int64_t last_told(int from) {
  std::int64_t last = 0, n = 0;
  while (::read(from, &n, sizeof n) == sizeof n) last = n;
  return last;
}

/// Whether both views are as after the pushes 1 to n, and no others.
testing::AssertionResult holds(Engine& engine, std::int64_t plains, std::int64_t keyeds) {
  std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> expected;
  for (std::int64_t n = 1; n <= plains; ++n) expected[n % kUsers].first += n, expected[n % kUsers].second += 1;
  std::map<std::int64_t, std::optional<std::int64_t>> records;
  for (std::int64_t n = 1; n <= keyeds; ++n) records[n % 5] = n % 11 == 0 ? std::nullopt : std::optional(n);
  for (const auto& [user, sums] : expected) {
    const std::string is = answered(engine, {.features = {"plain_view:total", "plain_view:events", "plain_view:recent"}}, {Value(user)});
    const std::string should = fmt::format("total={} events={} recent={}", sums.first, sums.second, sums.first);
    if (is != should) return testing::AssertionFailure() << "user " << user << " after " << plains << ": " << is << ", not " << should;
  }
  for (const auto& [user, amount] : records) {
    const std::string is = answered(engine, {.features = {"keyed_view:sum", "keyed_view:most"}}, {Value(user)});
    const std::string should = amount ? fmt::format("sum={} most={}", *amount, *amount) : "sum=NOT_FOUND most=NOT_FOUND";
    if (is != should) return testing::AssertionFailure() << "record " << user << " after " << keyeds << ": " << is << ", not " << should;
  }
  return testing::AssertionSuccess();
}

TEST(EngineCrash, KilledAtAnyInstantHasEverythingOnce) {
  const int kills = std::getenv("ISOBAR_LONG") != nullptr ? 1000 : 25;
  TestFolder folder;
  const SystemClock clock;
  {
    auto engine = Engine::open(folder / "store", quick(), clock);
    ASSERT_TRUE(engine.ok()) << engine.error().message();
    ASSERT_TRUE((*engine)->apply(definition_of(kCounted), "counted.yaml").ok());
  }
  Random random(::getpid());
  std::int64_t next = 1;
  for (int kill = 0; kill < kills; ++kill) {
    const Child child = start_child(folder / "store", next);
    std::this_thread::sleep_for(std::chrono::milliseconds(20) + std::chrono::microseconds(random.below(60'000)));
    ::kill(child.pid, SIGKILL);
    const std::int64_t told = std::max(next - 1, last_told(child.told.get()));
    int status = 0;
    ASSERT_EQ(::waitpid(child.pid, &status, 0), child.pid);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the pusher failed by itself: " << WEXITSTATUS(status);
    auto engine = Engine::open(folder / "store", quick(), clock);
    ASSERT_TRUE(engine.ok()) << engine.error().message();
    // The push that was under way may be in, in whole, or not at all; and of its two halves the first alone.
    const auto repeated = push(**engine, told + 1);
    ASSERT_TRUE(repeated.ok()) << repeated.error().message();
    ASSERT_TRUE(holds(**engine, told + 1, told + 1)) << "kill " << kill;
    next = told + 2;
    if (kill + 1 == kills) RecordProperty("pushes", static_cast<int>(told));
  }
}

}  // namespace

}  // namespace isobar::features
