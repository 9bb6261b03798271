#include "transfer/mount_run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/text.h"
#include "mount_folder.h"
#include "mount_keeper.h"
#include "mount_point.h"
#include "net/http_client.h"
#include "rclone_remote.h"
#include "rclone_status.h"
#include "storage/patience.h"
#include "transfer/mount_order.h"
#include "transfer/owner_stores.h"

namespace isobar::transfer {

namespace {

constexpr auto kStartMost = std::chrono::seconds(40), kKeeperEndMost = std::chrono::seconds(5);
constexpr auto kPoll = std::chrono::milliseconds(50);
constexpr auto kJobStallMost = std::chrono::minutes(10);
constexpr std::size_t kOrderMost = 4 << 20;

Result<std::string> read_all(int fd) {
  std::string text;
  std::array<char, 64 << 10> buffer;
  for (;;) {
    const auto got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno_error("read");
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kOrderMost) return invalid("what is to be mounted is told in too many words");
  }
}

// ---- what a node must have ----

bool in_path(std::string_view program) {
  const char* path = std::getenv("PATH");
  for (const auto folder : split(path && *path ? path : "/usr/bin:/bin", ':'))
    if (::access((fs::path(folder) / program).c_str(), X_OK) == 0) return true;
  return false;
}

Status check_node() {
  std::string missing;
  const auto need = [&](bool there, const std::string& what) {
    if (!there) missing += (missing.empty() ? "" : " and ") + what;
  };
  need(in_path("rclone"), "rclone");
  need(in_path("fusermount3") || in_path("fusermount"), "fusermount3");
  if (!missing.empty())
    return invalid(fmt::format(
        "a mount needs {} there: install them (on Debian and Ubuntu, `sudo apt-get install rclone fuse3`), or write `mode: COPY`",
        missing));
  if (::access("/dev/fuse", R_OK | W_OK) != 0)
    return invalid(
        "a mount needs /dev/fuse there, which is missing or not for this user: a container must be given it, or write `mode: COPY`");
  return {};
}

// ---- mounting ----

struct Prepared {
  RcloneRemote remote;
  fs::path ca_bundle;
};

/// Whether the store lets one in and has the bucket: FUSE would tell of neither before the first file is asked for.
Status check_bucket(OwnerStores& stores, const MountOrder& order) {
  TRY_ASSIGN(const auto location, storage::parse_location(order.store.location));
  TRY_ASSIGN(const auto store, stores.open(order.store));
  storage::ListRequest request{.prefix = location.key};
  return storage::await_patiently<storage::ListPage>([&](auto done) { store->list(request, done); }).and_then([](auto&&) {
    return Status();
  });
}

Result<Prepared> prepare(const MountFolder& folder, const MountOrder& order) {
  TRY_ASSIGN(const auto stores, OwnerStores::create(order.surroundings));
  const SystemClock clock;
  TRY(check_bucket(*stores, order));
  Prepared prepared;
  TRY_ASSIGN(prepared.remote, rclone_remote(order, stores->surroundings(), stores->transport(), clock));
  if (const auto bundle = stores->surroundings().variable("AWS_CA_BUNDLE"); bundle && !bundle->empty()) {
    TRY_ASSIGN(const auto pem, stores->surroundings().read_file(*bundle));
    prepared.ca_bundle = folder.path() / "ca.pem";
    TRY(write_file(prepared.ca_bundle, pem, Durability::kCache, 0600));
  }
  return prepared;
}

/// Becomes the keeper, apart from whoever asked for it: a session of its own, nobody waits for it.
[[noreturn]] void become_keeper(const MountFolder& folder, const MountPlace& place, RcloneStart start, const Fd& lock, Fd verdict) {
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nothing, stream);
  if (::chdir("/") != 0) ::_exit(1);
  ::_exit(keep_mount(folder, place, std::move(start), lock, std::move(verdict)));
}

Status start_keeper(const MountFolder& folder, const MountPlace& place, RcloneStart start, const Fd& lock) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error("start the mount");
  const Fd heard(ends[0]);
  Fd verdict(ends[1]);
  if (::fork() == 0) become_keeper(folder, place, std::move(start), lock, std::move(verdict));
  verdict.reset();
  pollfd fd{heard.get(), POLLIN, 0};
  if (::poll(&fd, 1, static_cast<int>(std::chrono::milliseconds(kStartMost).count())) <= 0)
    return Error(Code::kDeadlineExceeded, "rclone did not mount in time");
  TRY_ASSIGN(const auto said, read_all(heard.get()));
  if (said == "ok") return {};
  return unavailable(said.empty() ? "the mount's keeper ended" : said);
}

Status mount_anew(const MountFolder& folder, MountPlace place, const MountOrder& order, const Fd& lock) {
  TRY_ASSIGN(const auto prepared, prepare(folder, order));
  place.expires = prepared.remote.expires;
  TRY(guard_mount_point(place.point));
  auto started = folder.write_place(place);
  if (started.ok()) started = start_keeper(folder, place, rclone_start(folder, place, prepared.remote, prepared.ca_bundle), lock);
  if (!started.ok()) {
    (void)release_mount_point(place.point).ok();
    std::error_code ignored;
    // What an earlier mount has not uploaded yet is worth more than order.
    if (files_left_in_cache(folder) == 0) fs::remove(folder.path() / "place", ignored);
  }
  return started;
}

/// For a keeper that is there already: as soon as its rclone has mounted.
Status await_mounted(const MountFolder& folder, const MountPlace& place) {
  const auto end = std::chrono::steady_clock::now() + kStartMost;
  while (!is_mounted(place.point) || !folder.control().ok()) {
    if (!folder.is_kept()) return unavailable("the mount's keeper ended: " + folder.last_words());
    if (std::chrono::steady_clock::now() >= end) return Error(Code::kDeadlineExceeded, "it is not mounted: " + folder.last_words());
    std::this_thread::sleep_for(kPoll);
  }
  return {};
}

Status end_keeper(const MountFolder& folder) {
  const auto keeper = folder.keeper();
  if (keeper.ok()) keeper->signal(SIGTERM);
  const auto end = std::chrono::steady_clock::now() + kKeeperEndMost;
  while (folder.is_kept()) {
    if (std::chrono::steady_clock::now() >= end) return unavailable("the mount's keeper does not end");
    std::this_thread::sleep_for(kPoll);
  }
  return {};
}

Status ensure_mounted(const MountOrder& order) {
  TRY(check_node());
  const auto place = place_of(order);
  const auto folder = MountFolder::of_point(place.point);
  auto lock = folder.hold();
  if (!lock.ok() && lock.error().code() == Code::kAlreadyExists) {
    TRY_ASSIGN(const auto there, folder.place());
    if (!there.same_mount(place))
      return Error(Code::kAlreadyExists,
                   fmt::format("{} is mounted there already, {}: mount it elsewhere, or take the cluster down first", there.location,
                               there.location == place.location ? "in another way" : "for all jobs of the cluster"));
    if (!there.expires || *there.expires > SystemClock().now()) return await_mounted(folder, place);
    TRY(end_keeper(folder));
    lock = folder.hold();
  }
  if (!lock.ok()) return lock.error();
  return mount_anew(folder, place, order, *lock);
}

// ---- waiting for uploads ----

struct Left {
  UploadsLeft uploads;
  std::string where;
};

/// Whether what is written there may be in the bucket later than it was closed.
bool is_behind(const MountPlace& place) { return place.cached && !place.read_only; }

Left look_at_all(net::HttpTransport& transport) {
  Left all;
  for (const auto& folder : MountFolder::all()) {
    const auto place = folder.place();
    if (!place.ok() || !is_behind(*place)) continue;
    const auto left = uploads_left(folder, transport);
    all.uploads.files += left.files;
    all.uploads.bytes_sent += left.bytes_sent;
    if (left.files == 0) continue;
    all.uploads.kept = all.uploads.kept && left.kept;
    all.where += (all.where.empty() ? "" : ", ") + place->location;
  }
  return all;
}

std::string sentence_of(const Left& left) {
  const auto files = fmt::format("{} {} written", left.uploads.files, left.uploads.files == 1 ? "file is" : "files are");
  return fmt::format("{} and not yet in {}{}", files, left.where, left.uploads.kept ? "" : ", which is not mounted now");
}

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

/// A file that was closed an instant ago is counted an instant later.
Left look_twice(net::HttpTransport& transport) {
  auto left = look_at_all(transport);
  if (left.uploads.files == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    left = look_at_all(transport);
  }
  return left;
}

Status await_uploads(net::HttpTransport& transport, std::chrono::seconds stall_most) {
  constexpr auto kTell = std::chrono::seconds(30);
  constexpr auto kPause = std::chrono::milliseconds(500);
  auto left = look_twice(transport);
  auto moved = std::chrono::steady_clock::now(), told = moved - kTell;
  while (left.uploads.files > 0) {
    if (std::chrono::steady_clock::now() - moved >= stall_most) return unavailable(sentence_of(left));
    if (std::chrono::steady_clock::now() - told >= kTell) {
      told = std::chrono::steady_clock::now();
      say(sentence_of(left) + "; waiting for that");
    }
    std::this_thread::sleep_for(kPause);
    auto now = look_twice(transport);
    if (now.uploads.files != left.uploads.files || now.uploads.bytes_sent != left.uploads.bytes_sent)
      moved = std::chrono::steady_clock::now();
    left = std::move(now);
  }
  return {};
}

Status await_all_uploads(std::chrono::seconds stall_most) {
  const auto folders = MountFolder::all();
  const auto may_wait = [](const MountFolder& folder) {
    return folder.place().and_then([](auto&& place) { return Result<bool>(is_behind(place)); }).value_or(true);
  };
  if (std::none_of(folders.begin(), folders.end(), may_wait)) return {};
  TRY_ASSIGN(const auto transport, net::HttpClient::create({.loops = 1}));
  return await_uploads(*transport, stall_most);
}

int say_verdict(const Status& outcome) {
  say(outcome.ok() ? "ok" : "no\n" + outcome.error().message());
  return outcome.ok() ? 0 : 1;
}

}  // namespace

int mount_what_is_ordered() {
  const auto text = read_all(STDIN_FILENO);
  const auto order = text.ok() ? decode_mount_order(*text) : text.error();
  return say_verdict(order.ok() ? ensure_mounted(*order) : Status(order.error()));
}

int flush_mounts(int stall_seconds) { return say_verdict(await_all_uploads(std::chrono::seconds(stall_seconds))); }

int settle_mounts() {
  const auto settled = await_all_uploads(kJobStallMost);
  if (settled.ok()) return 0;
  say(
      fmt::format("{}; nothing went forward for {} minutes, so the job fails. What is written is kept and still uploaded when that is "
                  "possible.",
                  settled.error().message(), kJobStallMost.count()));
  return 1;
}

}  // namespace isobar::transfer
