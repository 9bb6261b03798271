#include <fmt/format.h>

#include <charconv>
#include <map>

#include "base/child.h"
#include "base/text.h"
#include "fuzz/crash_report.h"

namespace isobar::fuzz {
namespace {

constexpr std::size_t kAddressesAtOnce = 500;

/// "function\nfile:line" for each address, in order; empty: no such tool.
std::vector<std::string_view> ask(const std::string& module, const std::vector<std::uint64_t>& offsets, std::string& answer) {
  for (const char* tool : {"llvm-symbolizer-19", "llvm-symbolizer-16", "llvm-symbolizer-14", "llvm-symbolizer", "addr2line"}) {
    std::vector<std::string> words{tool};
    if (std::string_view(tool) != "addr2line") words.insert(words.end(), {"--output-style=GNU", "--no-inlines"});
    words.insert(words.end(), {"-f", "-C", "-e", module});
    for (const std::uint64_t offset : offsets) words.push_back(fmt::format("{:#x}", offset));
    auto output = run_child(words, "", 60s);
    if (!output.ok() || output->exit_code != 0) continue;
    answer = std::move(output->out);
    auto lines = split(answer, '\n');
    if (lines.size() >= 2 * offsets.size()) return lines;
  }
  return {};
}

void fill(Frame& frame, std::string_view function, std::string_view place) {
  if (!function.empty() && function != "??") frame.function = function;
  const auto colon = place.rfind(':');
  if (colon == std::string_view::npos || place.starts_with("??")) return;
  frame.file = place.substr(0, colon);
  std::from_chars(place.data() + colon + 1, place.data() + place.size(), frame.line);
}

}  // namespace

void symbolize(std::vector<CrashReport*> reports) {
  std::map<std::string, std::map<std::uint64_t, std::vector<Frame*>>> modules;
  for (CrashReport* report : reports)
    for (Frame& frame : report->frames)
      if (!frame.module.empty() && frame.line == 0) modules[frame.module][frame.offset].push_back(&frame);
  for (auto& [module, places] : modules) {
    auto next = places.begin();
    while (next != places.end()) {
      std::vector<std::uint64_t> offsets;
      auto first = next;
      for (; next != places.end() && offsets.size() < kAddressesAtOnce; ++next) offsets.push_back(next->first);
      std::string answer;
      const auto lines = ask(module, offsets, answer);
      if (lines.empty()) break;
      for (std::size_t i = 0; i < offsets.size(); ++i, ++first)
        for (Frame* frame : first->second) fill(*frame, lines[2 * i], lines[2 * i + 1]);
    }
  }
}

}  // namespace isobar::fuzz
