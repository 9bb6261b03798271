#include "mount_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "base/mounts.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace isobar::transfer {

namespace json = boost::json;

namespace {

constexpr std::uint64_t kLogTail = 4096;

fs::path node_home() {
  const char* set = std::getenv("HOME");
  return set && *set ? set : "/";
}

fs::path mounts_folder() { return node_home() / ".isobar" / "mounts"; }

}  // namespace

fs::path mount_point_of(const std::string& destination) {
  if (destination.starts_with("~/")) return (node_home() / destination.substr(2)).lexically_normal();
  return (node_home() / "sky_workdir" / destination).lexically_normal();  // which is the destination itself where that is absolute
}

bool is_mounted(const fs::path& point) {
  const auto mounts = mounts_below(point);
  const auto place = path_of_mount(point);
  return mounts.ok() && std::any_of(mounts->begin(), mounts->end(),
                                    [&](const Mount& mount) { return mount.point == place && mount.type.starts_with("fuse"); });
}

MountPlace place_of(const MountOrder& order) {
  return {order.store.location, order.destination, mount_point_of(order.destination), order.cached, order.read_only, order.settings, {}};
}

MountFolder MountFolder::of_point(const fs::path& point) {
  auto text = point.lexically_normal().string();
  while (text.size() > 1 && text.ends_with('/')) text.pop_back();
  return MountFolder(mounts_folder() / crypto::to_hex(crypto::sha256(text)).substr(0, 16));
}

std::vector<MountFolder> MountFolder::all() {
  std::vector<MountFolder> found;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(mounts_folder(), absent))
    if (entry.is_directory(absent)) found.emplace_back(entry.path());
  return found;
}

Result<Fd> MountFolder::hold() const {
  TRY(make_folders(path_));
  Fd lock(::open((path_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) return errno_error("open " + (path_ / "lock").string());
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return Error(Code::kAlreadyExists, "it is mounted already");
  return lock;
}

Status MountFolder::claim(int held) const {
  const auto text = fmt::format("{} {}\n", ::getpid(), start_ticks(::getpid()).value_or(0));
  if (::ftruncate(held, 0) != 0 || ::pwrite(held, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return errno_error("write " + (path_ / "lock").string());
  return {};
}

bool MountFolder::is_kept() const {
  const Fd lock(::open((path_ / "lock").c_str(), O_RDONLY | O_CLOEXEC));
  return lock && ::flock(lock.get(), LOCK_SH | LOCK_NB) != 0;
}

Result<ProcessHandle> MountFolder::keeper() const {
  TRY_ASSIGN(const auto text, read_file(path_ / "lock"));
  pid_t pid = 0;
  unsigned long ticks = 0;
  if (std::sscanf(text.c_str(), "%d %lu", &pid, &ticks) != 2) return not_found("the mount has no keeper yet");
  return ProcessHandle::open(pid, ticks);
}

Status MountFolder::write_place(const MountPlace& place) const {
  json::object settings;
  for (const auto& [name, value] : place.settings) settings[name] = value;
  json::object object{{"location", place.location}, {"destination", place.destination}, {"point", place.point.string()},
                      {"cached", place.cached},     {"read_only", place.read_only},     {"settings", settings}};
  if (place.expires) object["expires"] = place.expires->unix_nanos();
  return write_file(path_ / "place", json::serialize(object) + "\n", Durability::kCache, 0600);
}

Result<MountPlace> MountFolder::place() const {
  TRY_ASSIGN(const auto text, read_file(path_ / "place"));
  MountPlace place;
  try {
    const auto parsed = json::parse(text);
    const auto& object = parsed.as_object();
    const auto field = [&](const char* name) { return std::string(object.at(name).as_string()); };
    place = {
        field("location"), field("destination"), field("point"), object.at("cached").as_bool(), object.at("read_only").as_bool(), {}, {}};
    for (const auto& [name, value] : object.at("settings").as_object()) place.settings[std::string(name)] = std::string(value.as_string());
    if (const auto* expires = object.if_contains("expires")) place.expires = Instant::from_unix_nanos(expires->as_int64());
  } catch (const std::exception& failure) {
    return Error(Code::kDataLoss, (path_ / "place").string() + " is damaged: " + failure.what());
  }
  return place;
}

Status MountFolder::write_control(const RcloneControl& control) const {
  return write_file(path_ / "control", fmt::format("{} {} {}\n", control.url, control.user, control.password), Durability::kCache, 0600);
}

Result<RcloneControl> MountFolder::control() const {
  TRY_ASSIGN(const auto text, read_file(path_ / "control"));
  RcloneControl control;
  std::istringstream words(text);
  if (!(words >> control.url >> control.user >> control.password)) return not_found("rclone does not run");
  return control;
}

void MountFolder::remove_control() const { ::unlink((path_ / "control").c_str()); }

std::string MountFolder::last_words() const {
  const auto text = read_file(log());
  if (!text.ok()) return "";
  const auto tail = std::string_view(*text).substr(text->size() - std::min<std::size_t>(text->size(), kLogTail));
  std::string_view last;
  for (const auto line : split(tail, '\n'))
    if (!trim(line).empty()) last = trim(line);
  return std::string(last);
}

}  // namespace isobar::transfer
