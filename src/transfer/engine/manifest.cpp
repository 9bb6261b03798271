#include "manifest.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "crypto/crc32c.h"
#include "crypto/encoding.h"

namespace isobar::transfer {

namespace {

boost::json::value text_of(std::string_view bytes) {
  if (is_utf8(bytes)) return boost::json::string(bytes);
  return boost::json::object{{"base64", crypto::to_base64(bytes)}};
}

// A run that was killed may have left half a line: what would be added to it could not be read any more.
Status drop_torn_line(const fs::path& path) {
  const Fd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!file) return errno_error("open");
  off_t end = ::lseek(file.get(), 0, SEEK_END);
  char piece[4096];
  while (end > 0) {
    const off_t begin = std::max<off_t>(0, end - static_cast<off_t>(sizeof piece));
    const ssize_t got = ::pread(file.get(), piece, static_cast<std::size_t>(end - begin), begin);
    if (got <= 0) return errno_error("read");
    const auto newline = std::string_view(piece, static_cast<std::size_t>(got)).rfind('\n');
    if (newline != std::string_view::npos) {
      end = begin + static_cast<off_t>(newline) + 1;
      break;
    }
    end = begin;
  }
  if (::ftruncate(file.get(), end) != 0) return errno_error("cut");
  return {};
}

}  // namespace

Result<Manifest> Manifest::open(const fs::path& path) {
  Manifest manifest;
  if (path.empty()) return manifest;
  // What is no file (a pipe, /dev/stdout) has no earlier lines.
  if (fs::is_regular_file(path)) TRY(drop_torn_line(path).context("manifest " + path.string()));
  manifest.file_.reset(std::fopen(path.c_str(), "ae"));
  if (!manifest.file_) return errno_error("open manifest " + path.string());
  return manifest;
}

void Manifest::add(const ObjectEnded& ended, const std::vector<storage::Location>& targets) {
  if (!file_) return;
  for (std::size_t i = 0; i < ended.item.target_keys.size(); ++i) {
    boost::json::object line{{"source", text_of(ended.item.source.key)},
                             {"target", text_of(targets[i].text_of(ended.item.target_keys[i]))}};
    if (!ended.outcome.ok()) {
      line["error"] = text_of(ended.outcome.error().message());
    } else {
      line["bytes"] = ended.item.source.bytes;
      line["source_version"] = ended.item.source.version;
      if (ended.crc32c) line["crc32c"] = crypto::crc32c_to_base64(*ended.crc32c);
      if (i < ended.receipts.size()) line["target_version"] = ended.receipts[i].version;
      if (ended.was_done_before) line["earlier"] = true;
    }
    const std::string text = boost::json::serialize(line) + "\n";
    std::fwrite(text.data(), 1, text.size(), file_.get());
  }
}

Status Manifest::flush() {
  if (file_ && std::fflush(file_.get()) != 0) return errno_error("write manifest");
  return {};
}

}  // namespace isobar::transfer
