#include "gang_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace isobar::broker {

namespace {

constexpr std::size_t kPage = 4096;

/// Where the first line of `rest` ends: the length with its ending, 0 while that is not known.
std::size_t line_length(std::string_view rest, bool at_end) {
  const auto found = rest.substr(0, kLineMax).find_first_of("\n\r");
  if (found == std::string_view::npos) return rest.size() >= kLineMax ? kLineMax : at_end ? rest.size() : 0;
  if (rest[found] == '\n') return found + 1;
  if (found + 1 < rest.size()) return found + 1 + (rest[found + 1] == '\n');
  return at_end ? found + 1 : 0;  // "\r" or the first half of "\r\n": the next byte will tell.
}

Status write_at(int fd, std::string_view bytes, std::size_t offset) {
  while (!bytes.empty()) {
    const auto wrote = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return errno_error("write the log's journal");
    offset += static_cast<std::size_t>(wrote);
    bytes.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

}  // namespace

FormattedLines format_lines(std::string_view prefix, std::string_view output, bool at_end) {
  FormattedLines out;
  while (out.consumed < output.size()) {
    const auto length = line_length(output.substr(out.consumed), at_end);
    if (length == 0) break;
    const auto line = output.substr(out.consumed, length);
    out.text.append(prefix).append(line);
    if (line.back() != '\n' && line.back() != '\r') out.text += '\n';
    out.consumed += length;
  }
  return out;
}

Result<GangLog> GangLog::open(const fs::path& log, const fs::path& journal, std::size_t sources, LogLimits limits) {
  TRY(make_folders(log.parent_path()));
  TRY_ASSIGN(auto writer, LogWriter::open(log, limits));
  Fd file(::open(journal.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!file) return errno_error("open the log's journal " + journal.string());
  GangLog gang(std::move(writer), std::move(file), sources);
  TRY(gang.recover());
  return gang;
}

/// The journal's head: where the last batch lies in the log, its size, and what it leaves consumed of each source.
std::size_t GangLog::head_bytes() const { return (2 + sources_.size()) * sizeof(std::uint64_t); }

Status GangLog::recover() {
  std::vector<std::uint64_t> head(2 + sources_.size());
  const auto got = ::pread(journal_.get(), head.data(), head_bytes(), 0);
  if (got < 0) return errno_error("read the log's journal");
  if (static_cast<std::size_t>(got) < head_bytes()) return {};  // A new log.
  for (std::size_t i = 0; i < sources_.size(); ++i) sources_[i].consumed = head[2 + i];
  const auto at = head[0], size = head[1];
  if (writer_.end() < at || writer_.end() >= at + size) return {};
  std::string text(at + size - writer_.end(), '\0');
  const auto text_at = (head_bytes() + kPage - 1) / kPage * kPage + (writer_.end() - at);
  const auto read = ::pread(journal_.get(), text.data(), text.size(), static_cast<off_t>(text_at));
  if (read != static_cast<ssize_t>(text.size())) return Error(Code::kDataLoss, "the log's journal is shorter than it says");
  writer_.append(text);
  return {};
}

std::uint64_t GangLog::offset(std::size_t source) const { return sources_[source].consumed + sources_[source].pending.size(); }

void GangLog::set_prefix(std::size_t source, std::string prefix) { sources_[source].prefix = std::move(prefix); }

Status GangLog::append(std::size_t source, std::uint64_t offset_of_bytes, std::string_view bytes) {
  const auto expected = offset(source);
  if (offset_of_bytes > expected) {
    TRY(finish(source));
    sources_[source].consumed = offset_of_bytes;
    TRY(note(fmt::format("{} bytes of output were rotated away before they could be merged", offset_of_bytes - expected)));
  } else {
    // A source that starts again may repeat what is known.
    bytes.remove_prefix(std::min<std::uint64_t>(expected - offset_of_bytes, bytes.size()));
  }
  sources_[source].pending.append(bytes);
  return flush(source, false);
}

Status GangLog::finish(std::size_t source) { return flush(source, true); }

Status GangLog::note(std::string_view sentence) { return write_batch(fmt::format("[isobar: {}]\n", sentence)); }

Status GangLog::flush(std::size_t index, bool at_end) {
  auto& source = sources_[index];
  const auto lines = format_lines(source.prefix, source.pending, at_end);
  if (lines.consumed == 0) return {};
  source.pending.erase(0, lines.consumed);
  source.consumed += lines.consumed;
  return write_batch(lines.text);
}

Status GangLog::write_batch(std::string_view text) {
  writer_.make_room();
  std::vector<std::uint64_t> head{writer_.end(), text.size()};
  for (const auto& source : sources_) head.push_back(source.consumed);
  // The text before the head that names it: a head is small enough that a dying process writes it whole or not at all.
  const auto journalled = [&]() -> Status {
    TRY(write_at(journal_.get(), text, (head_bytes() + kPage - 1) / kPage * kPage));
    return write_at(journal_.get(), {reinterpret_cast<const char*>(head.data()), head_bytes()}, 0);
  }();
  writer_.append(text);
  return journalled;
}

}  // namespace isobar::broker
