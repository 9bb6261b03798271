#include "store_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>

#include <charconv>

namespace isobar::features {

namespace {

constexpr const char* kFormatFile = "FORMAT";
constexpr const char* kSealFile = "SEAL";
constexpr const char* kLockFile = "IN_USE";
constexpr std::string_view kMagic = "isobar feature store, format ", kMade = "\n", kBeingMade = ", being made\n";
constexpr std::uint64_t kFormat = 1;

std::string format_text(bool made) { return fmt::format("{}{}{}", kMagic, kFormat, made ? kMade : kBeingMade); }

Error damaged_file(const fs::path& file) {
  return {Code::kDataLoss, fmt::format("{}: damaged: restore the store from a checkpoint", file.string())};
}

/// A number and what follows it.
std::optional<std::pair<std::uint64_t, std::string_view>> number_at(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || text.empty()) return std::nullopt;
  return std::pair(number, text.substr(static_cast<std::size_t>(end - text.data())));
}

Result<Fd> lock_folder(const fs::path& folder) {
  const fs::path file = folder / kLockFile;
  Fd lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock) return errno_error(file.string());
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno != EWOULDBLOCK) return errno_error(file.string());
  return unavailable(fmt::format("{}: another process has the store open: end it first, or open another folder", folder.string()));
}

/// Whether there is anything but a lock, which whoever was refused may have left.
bool holds_anything(const fs::path& folder) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().filename() != kLockFile) return true;
  return false;
}

/// Whether the store is whole, by its format file.
Result<bool> parse_format(const fs::path& file, std::string_view text) {
  if (!text.starts_with(kMagic)) return damaged_file(file);
  const auto format = number_at(text.substr(kMagic.size()));
  if (!format || format->first == 0) return damaged_file(file);
  if (format->first > kFormat)
    return invalid(fmt::format("{}: the store is of format {}, of a newer isobar; this one reads format {}: open it with the newer one",
                               file.parent_path().string(), format->first, kFormat));
  if (format->second != kMade && format->second != kBeingMade) return damaged_file(file);
  return format->second == kMade;
}

}  // namespace

Result<StoreFolder> StoreFolder::take(const fs::path& folder) {
  const fs::path file = folder / kFormatFile;
  std::error_code ignored;
  if (!fs::exists(file, ignored)) {
    if (holds_anything(folder))
      return invalid(fmt::format("{}: the folder holds something that is no feature store: name an empty one", folder.string()));
    TRY(make_folders(folder));
  }
  TRY_ASSIGN(Fd lock, lock_folder(folder));
  StoreFolder taken(folder, std::move(lock));
  if (!fs::exists(file, ignored)) TRY(write_file(file, format_text(false)));
  TRY_ASSIGN(const std::string text, read_file(file));
  TRY_ASSIGN(const bool made, parse_format(file, text));
  taken.being_made_ = !made;
  return taken;
}

Status StoreFolder::made() {
  if (!being_made_) return {};
  TRY(write_file(folder_ / kFormatFile, format_text(true)));
  being_made_ = false;
  return {};
}

Status StoreFolder::check_seal(std::uint64_t sequence) const {
  const fs::path file = folder_ / kSealFile;
  std::error_code ignored;
  if (!fs::exists(file, ignored)) return {};
  TRY_ASSIGN(const std::string text, read_file(file));
  const auto sealed = number_at(text);
  if (!sealed || sealed->second != "\n") return damaged_file(file);
  if (sealed->first == sequence) return {};
  return Error(Code::kDataLoss, fmt::format("{}: damaged: the store was closed after write {}, and its tables end with {}: restore it from "
                                            "a checkpoint",
                                            folder_.string(), sealed->first, sequence));
}

Status StoreFolder::break_seal() const {
  const fs::path file = folder_ / kSealFile;
  std::error_code problem;
  if (!fs::remove(file, problem)) return problem ? errno_error(file.string(), problem.value()) : Status();
  const Fd opened(::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::fsync(opened.get()) != 0) return errno_error(folder_.string());
  return {};
}

Status StoreFolder::seal(std::uint64_t sequence) const { return write_file(folder_ / kSealFile, fmt::format("{}\n", sequence)); }

Status StoreFolder::finish_copy(const fs::path& folder, std::uint64_t sequence) {
  TRY(write_file(folder / kSealFile, fmt::format("{}\n", sequence)));
  return write_file(folder / kFormatFile, format_text(true));
}

}  // namespace isobar::features
