#include "content_type.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "base/text.h"

namespace isobar::storage {

std::string_view content_type_of(std::string_view name) {
  using Entry = std::pair<std::string_view, std::string_view>;
  static constexpr std::array kTypes = std::to_array<Entry>({
      {"7z", "application/x-7z-compressed"},
      {"avi", "video/x-msvideo"},
      {"avif", "image/avif"},
      {"bin", "application/octet-stream"},
      {"bmp", "image/bmp"},
      {"bz2", "application/x-bzip2"},
      {"css", "text/css"},
      {"csv", "text/csv"},
      {"gif", "image/gif"},
      {"gz", "application/gzip"},
      {"html", "text/html"},
      {"htm", "text/html"},
      {"ico", "image/vnd.microsoft.icon"},
      {"jpeg", "image/jpeg"},
      {"jpg", "image/jpeg"},
      {"js", "text/javascript"},
      {"json", "application/json"},
      {"jsonl", "application/jsonl"},
      {"m4a", "audio/mp4"},
      {"md", "text/markdown"},
      {"mjs", "text/javascript"},
      {"mov", "video/quicktime"},
      {"mp3", "audio/mpeg"},
      {"mp4", "video/mp4"},
      {"ogg", "audio/ogg"},
      {"parquet", "application/vnd.apache.parquet"},
      {"pdf", "application/pdf"},
      {"png", "image/png"},
      {"svg", "image/svg+xml"},
      {"tar", "application/x-tar"},
      {"tif", "image/tiff"},
      {"tiff", "image/tiff"},
      {"tsv", "text/tab-separated-values"},
      {"txt", "text/plain"},
      {"wasm", "application/wasm"},
      {"wav", "audio/wav"},
      {"webm", "video/webm"},
      {"webp", "image/webp"},
      {"xml", "application/xml"},
      {"xz", "application/x-xz"},
      {"yaml", "application/yaml"},
      {"yml", "application/yaml"},
      {"zip", "application/zip"},
      {"zst", "application/zstd"},
  });
  const auto dot = name.rfind('.');
  if (dot != std::string_view::npos && name.find('/', dot) == std::string_view::npos) {
    const std::string extension = to_lower(name.substr(dot + 1));
    const auto found = std::find_if(kTypes.begin(), kTypes.end(), [&](const Entry& entry) { return entry.first == extension; });
    if (found != kTypes.end()) return found->second;
  }
  return "application/octet-stream";
}

}  // namespace isobar::storage
