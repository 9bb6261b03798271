#include "new_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace isobar::features {

namespace {
constexpr std::size_t kWriteBytes = std::size_t{1} << 18;
}  // namespace

Result<NewFile> NewFile::create(const fs::path& path) {
  std::error_code ignored;
  if (path.filename().empty() || fs::is_directory(path, ignored)) return invalid(path.string() + ": this is a folder; name a file");
  std::string name = (path.parent_path() / ("." + path.filename().string() + ".XXXXXX")).string();
  Fd fd(::mkostemp(name.data(), O_CLOEXEC));
  if (!fd) return errno_error("write " + path.string());
  return NewFile(path, name, std::move(fd));
}

NewFile::~NewFile() {
  if (fd_) ::unlink(temporary_.c_str());
}

Status NewFile::flush() {
  TRY(write_all(fd_.get(), waiting_).context("write " + path_.string()));
  waiting_.clear();
  return {};
}

Status NewFile::write(std::string_view bytes) {
  waiting_ += bytes;
  return waiting_.size() < kWriteBytes ? Status() : flush();
}

Status NewFile::finish() {
  TRY(flush());
  if (::fchmod(fd_.get(), 0644) != 0 || ::fsync(fd_.get()) != 0) return errno_error("write " + path_.string());
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return errno_error("write " + path_.string());
  fd_.reset();
  return {};
}

}  // namespace isobar::features
