#include "fuzz/crash_report.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "base/text.h"

namespace isobar::fuzz {
namespace {

std::string name_of_signal(int number) {
  const char* name = ::sigabbrev_np(number);
  return name != nullptr ? fmt::format("SIG{}", name) : fmt::format("signal {}", number);
}

/// "#3 0x55d0 in parse(char*) /src/a.c:12:3", "#3 0x55d0 (/bin/target+0x1234) (BuildId: …)", "#3 (/bin/target+0x1234) parse".
std::optional<Frame> read_frame(std::string_view line) {
  line = trim(line);
  if (line.size() < 3 || line[0] != '#' || line[1] < '0' || line[1] > '9') return std::nullopt;
  line.remove_prefix(std::min(line.find(' '), line.size() - 1) + 1);
  line = trim(line);
  if (line.starts_with("0x")) line = trim(line.substr(std::min(line.find(' '), line.size())));
  Frame frame;
  if (line.starts_with("in ")) {
    line.remove_prefix(3);
    const auto place = line.rfind(' ');
    frame.function = line.substr(0, place);
    if (place != std::string_view::npos) {
      std::string_view where = line.substr(place + 1);
      if (where.starts_with("(")) {
        line = where;
      } else {
        const auto colon = where.find(':');
        frame.file = where.substr(0, colon);
        if (colon != std::string_view::npos) std::from_chars(where.data() + colon + 1, where.data() + where.size(), frame.line);
        return frame;
      }
    }
  }
  if (line.starts_with("(")) {
    const auto plus = line.find("+0x"), close = line.find(')');
    if (plus == std::string_view::npos || close == std::string_view::npos || close < plus) return std::nullopt;
    frame.module = line.substr(1, plus - 1);
    std::from_chars(line.data() + plus + 3, line.data() + close, frame.offset, 16);
    const std::string_view rest = trim(line.substr(close + 1));
    if (frame.function.empty() && !rest.starts_with("(")) frame.function = rest;
  }
  return frame;
}

/// "ERROR: AddressSanitizer: heap-buffer-overflow on address …": its third word. "runtime error: signed integer overflow: …": what it says
/// before the numbers.
std::optional<std::string> read_kind(std::string_view line) {
  if (const auto at = line.find("Sanitizer: "); at != std::string_view::npos && line.find("ERROR: ") != std::string_view::npos) {
    const std::string_view rest = line.substr(at + std::strlen("Sanitizer: "));
    return std::string(rest.substr(0, rest.find_first_of(" :(")));
  }
  if (const auto at = line.find("runtime error: "); at != std::string_view::npos) {
    const std::string_view rest = line.substr(at + std::strlen("runtime error: "));
    return "undefined behaviour: " + std::string(trim(rest.substr(0, rest.find_first_of(":0123456789"))));
  }
  return std::nullopt;
}

bool says_nothing(std::string_view function) {
  static constexpr std::string_view kBeginnings[] = {
      "__asan",       "LLVMFuzzer",      "__msan", "__ubsan",        "__tsan",       "__sanitizer", "__interceptor", "__isobar",
      "isobar_",      "__libc_",         "__GI_",  "gsignal",        "raise",        "abort",       "__assert",      "pthread_kill",
      "__pthread",    "_start",          "main",   "std::terminate", "__cxxabiv1::", "__cxa_",      "run_file",      "run_path",
      "operator new", "operator delete", "malloc", "calloc",         "realloc",      "free",        "memcpy",        "memmove",
      "memset",       "memcmp",          "strlen", "strcpy",         "__mem",        "__str",       "std::__"};
  return function.empty() || function == "??" ||
         std::ranges::any_of(kBeginnings, [&](std::string_view begin) { return function.starts_with(begin); });
}

/// "ns::parse<int>(char const*) [clone .cold]" is "ns::parse".
std::string normal(std::string_view function) {
  std::string out;
  int depth = 0;
  for (const char letter : function.substr(0, function.find(" [clone"))) {
    if (letter == '<') ++depth;
    else if (letter == '>' && depth > 0) --depth;
    else if (depth == 0 && letter == '(') break;
    else if (depth == 0) out += letter;
  }
  for (const std::string_view suffix : {".cold", ".part", ".isra", ".constprop", ".llvm"})
    if (const auto at = out.find(suffix); at != std::string::npos) out.resize(at);
  return out.empty() ? std::string(function) : out;
}

}  // namespace

bool is_machinery(const Frame& frame) { return says_nothing(frame.function); }

CrashReport read_crash_report(std::string_view output, int exit_code, bool timed_out) {
  CrashReport report;
  if (timed_out) report.kind = "timeout";
  bool in_stack = false, ended = false;
  for (const std::string_view line : split(output, '\n')) {
    if (report.kind.empty() || (!timed_out && report.frames.empty()))
      if (auto kind = read_kind(line); kind && !timed_out) report.kind = std::move(*kind);
    if (ended) continue;
    if (auto frame = read_frame(line)) {
      in_stack = true;
      report.frames.push_back(std::move(*frame));
    } else if (in_stack) {
      ended = true;  // what follows are other stacks: of an allocation, of another thread
    }
  }
  if (report.kind.empty()) report.kind = exit_code > 128 ? name_of_signal(exit_code - 128) : fmt::format("exit code {}", exit_code);
  return report;
}

std::string signature(const CrashReport& report, std::size_t frames) {
  std::string out = report.kind;
  std::size_t taken = 0;
  std::string last;
  for (const Frame& frame : report.frames) {
    if (is_machinery(frame)) continue;
    std::string name = normal(frame.function);
    if (name == last) continue;  // a recursion is one function, however deep it was
    out += " < " + name;
    last = std::move(name);
    if (++taken == frames) break;
  }
  if (taken == 0)
    for (const Frame& frame : report.frames) {
      if (frame.module.empty() || ++taken > frames) break;
      out += fmt::format(" < {}+{:#x}", frame.module.substr(frame.module.rfind('/') + 1), frame.offset);
    }
  return out;
}

}  // namespace isobar::fuzz
