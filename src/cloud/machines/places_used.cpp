#include "cloud/places_used.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/text.h"

namespace isobar::cloud {

Result<std::set<std::string>> PlacesUsed::read() const {
  auto text = read_file(file_, 1 << 20);
  if (!text.ok() && text.error().code() == Code::kNotFound) return std::set<std::string>();
  if (!text.ok()) return text.error().context("the places used, " + file_.string());
  std::set<std::string> places;
  for (const auto line : split(*text, '\n'))
    if (!trim(line).empty()) places.emplace(trim(line));
  return places;
}

Status PlacesUsed::add(const std::string& place) const {
  TRY_ASSIGN(const auto known, read());
  if (known.contains(place)) return {};
  TRY(make_folders(file_.parent_path()));
  // Appended in one write, so that of two processes at once none loses its line; a line twice does no harm. The blank line before it
  // ends one that a crash cut short.
  const Fd file(::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!file) return errno_error("note a place in " + file_.string());
  TRY(write_all(file.get(), "\n" + place + "\n"));
  if (::fsync(file.get()) != 0) return errno_error("note a place in " + file_.string());
  const Fd folder(::open(file_.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) return errno_error("note a place in " + file_.string());
  return {};
}

}  // namespace isobar::cloud
