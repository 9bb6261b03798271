#include "storage/local_names.h"

#include "base/text.h"

namespace isobar::storage {

namespace {

constexpr std::string_view kMark = "%~", kGoesOn = "%~+";
constexpr std::size_t kNameMost = 255;

// A component of any length and content but '/'.
std::string escape(std::string_view component) {
  if (component.empty()) return std::string(kMark);
  if (component == ".") return "%~2E";
  if (component == "..") return "%~2E%~2E";
  std::string name;
  for (std::size_t i = 0; i < component.size(); ++i) {
    if (component[i] == '\0') name += "%~00";
    else if (component.substr(i, 2) == kMark) name += "%~25";
    else name += component[i];
  }
  return name;
}

// Cuts between escapes, so that each piece can be read by itself.
std::string split_long(std::string_view name) {
  std::string path;
  while (name.size() > kNameMost) {
    std::size_t cut = kNameMost - kGoesOn.size();
    for (std::size_t back = 0; back < 4; ++back)
      if (name.substr(cut - back).starts_with(kMark)) cut -= back;
    path += std::string(name.substr(0, cut)) + std::string(kGoesOn) + "/";
    name.remove_prefix(cut);
  }
  return path + std::string(name);
}

std::string unescape(std::string_view name) {
  if (name == kMark) return "";
  std::string component;
  while (!name.empty()) {
    const auto mark = name.find(kMark);
    component += name.substr(0, mark);
    if (mark == std::string_view::npos) break;
    const std::string_view code = name.substr(mark + 2, 2);
    if (code == "2E") component += '.';
    else if (code == "25") component += '%';
    else if (code == "00") component += '\0';
    const bool known = code == "2E" || code == "25" || code == "00";
    if (!known) component += kMark;
    name.remove_prefix(mark + (known ? 4 : 2));
  }
  return component;
}

}  // namespace

std::string path_of_key(std::string_view key) {
  std::string path;
  for (const std::string_view component : split(key, '/')) path += (path.empty() ? "" : "/") + split_long(escape(component));
  return path;
}

std::string key_of_path(std::string_view path) {
  std::string key;
  bool joined = true;
  for (std::string_view name : split(path, '/')) {
    if (!joined) key += '/';
    joined = name.ends_with(kGoesOn);
    if (joined) name.remove_suffix(kGoesOn.size());
    key += unescape(name);
  }
  return key;
}

}  // namespace isobar::storage
