#include "slurm_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"

namespace isobar::cloud {

namespace {

struct Line {
  int number = 0;
  std::string keyword;              // in lower case
  std::vector<std::string> values;  // without quotes
};

struct Block {
  std::vector<std::string> patterns;  // of its Host line; {"*"} before the first one, none of a Match
  std::optional<std::string> host_name;
  int line = 0;
};

/// Keywords that decide whether a cluster is reached at all; a slip in one of these is worth a word before ssh has its own.
const std::vector<std::string> kWatched{"Host",      "HostName",     "User",  "Port",   "IdentityFile",
                                        "ProxyJump", "ProxyCommand", "Match", "Include"};

class Parser {
 public:
  explicit Parser(const std::string& file_name) : file_name_(file_name) {}

  Result<std::vector<SlurmCluster>> parse(std::string_view text) {
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    int number = 0;
    for (const std::string_view line : split(text, '\n')) {
      line_ = ++number;
      TRY_ASSIGN(const Line words, words_of(trim(line)));
      if (!words.keyword.empty()) TRY(take(words));
    }
    return clusters();
  }

 private:
  Error wrong(std::string_view what) const { return invalid(fmt::format("{}:{}: {}", file_name_, line_, what)); }

  /// Keyword value…, Keyword=value or Keyword = value; values may stand in double quotes. An unquoted # begins a comment.
  Result<Line> words_of(std::string_view text) const {
    Line line{.number = line_};
    if (text.find('\0') != std::string_view::npos) return wrong("a zero byte; this file is not text");
    if (text.empty() || text[0] == '#') return line;
    const auto end = text.find_first_of(" \t=\"");
    line.keyword = to_lower(text.substr(0, end));
    if (line.keyword.empty()) return wrong("a keyword is missing before '" + std::string(1, text[0]) + "'; write KEYWORD VALUE");
    text = end == std::string_view::npos ? std::string_view() : trim(text.substr(end));
    if (text.starts_with('=')) text = trim(text.substr(1));
    while (!text.empty() && text[0] != '#') {
      if (text[0] == '"') {
        const auto close = text.find('"', 1);
        if (close == std::string_view::npos) return wrong("a quote is not closed; add the closing quote");
        line.values.emplace_back(text.substr(1, close - 1));
        text = trim(text.substr(close + 1));
      } else {
        const auto blank = text.find_first_of(" \t");
        line.values.emplace_back(text.substr(0, blank));
        text = blank == std::string_view::npos ? std::string_view() : trim(text.substr(blank));
      }
    }
    return line;
  }

  Status take(const Line& line) {
    TRY(check(line));
    if (line.keyword == "host") {
      for (const std::string& name : line.values) TRY(check_name(name));
      blocks_.push_back({.patterns = line.values, .line = line.number});
    } else if (line.keyword == "match") {
      blocks_.push_back({.line = line.number});
    } else if (line.keyword == "hostname" && !blocks_.back().host_name) {
      blocks_.back().host_name = line.values[0];
    }
    return {};
  }

  Status check(const Line& line) const {
    const auto same = [&](const std::string& known) { return to_lower(known) == line.keyword; };
    if (std::none_of(kWatched.begin(), kWatched.end(), same))
      if (const auto meant = closest(line.keyword, kWatched); meant && edit_distance(*meant, line.keyword) == 1)
        return wrong(fmt::format("unknown keyword \"{}\"; did you mean {}?", line.keyword, *meant));
    if (line.values.empty() || line.values[0].empty()) return wrong(fmt::format("\"{}\" has no value; write one after it", line.keyword));
    if (line.keyword == "port" && !is_port(line.values[0]))
      return wrong(fmt::format("\"{}\" is not a port; write a number from 1 to 65535", line.values[0]));
    if (line.keyword == "hostname" && line.values[0].starts_with('-'))
      return wrong(fmt::format("\"{}\" is not a host; a host's name does not begin with a dash", line.values[0]));
    return {};
  }

  static bool is_port(std::string_view text) {
    unsigned port = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
    return code == std::errc() && end == text.data() + text.size() && port >= 1 && port <= 65'535;
  }

  static bool is_pattern(std::string_view name) { return name.find_first_of("*?!") != std::string_view::npos; }

  Status check_name(std::string_view name) const {
    if (is_pattern(name)) return {};
    const auto allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
    };
    if (name.empty() || name[0] == '-' || name.size() > 128 || !std::all_of(name.begin(), name.end(), allowed))
      return wrong(fmt::format(
          "\"{}\" cannot name a cluster; use up to 128 letters, digits, dots, dashes and underscores, not a dash first, and give the "
          "address as HostName",
          name));
    return {};
  }

  std::vector<SlurmCluster> clusters() const {
    std::vector<SlurmCluster> found;
    for (const Block& block : blocks_)
      for (const std::string& name : block.patterns) {
        const auto same = [&](const SlurmCluster& cluster) { return cluster.name == name; };
        if (is_pattern(name) || std::any_of(found.begin(), found.end(), same)) continue;
        found.push_back({name, host_name_of(name) == kThisMachine, block.line});
      }
    return found;
  }

  /// As ssh finds it: the first block that fits and names one.
  std::string host_name_of(const std::string& name) const {
    for (const Block& block : blocks_)
      if (block.host_name && fits(block.patterns, name)) return *block.host_name;
    return name;
  }

  static bool fits(const std::vector<std::string>& patterns, std::string_view name) {
    bool any = false;
    for (const std::string_view pattern : patterns) {
      const bool negated = pattern.starts_with('!');
      if (!matches(negated ? pattern.substr(1) : pattern, name)) continue;
      if (negated) return false;
      any = true;
    }
    return any;
  }

  /// * stands for any text, ? for one byte. The last * is gone back to, so the cost is the product of the lengths at most.
  static bool matches(std::string_view pattern, std::string_view name) {
    std::size_t p = 0, n = 0, star = std::string_view::npos, tried = 0;
    while (n < name.size()) {
      if (p < pattern.size() && pattern[p] == '*') star = p++, tried = n;
      else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) ++p, ++n;
      else if (star == std::string_view::npos) return false;
      else p = star + 1, n = ++tried;
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
  }

  const std::string& file_name_;
  int line_ = 0;
  std::vector<Block> blocks_{{.patterns = {"*"}}};
};

}  // namespace

Result<std::vector<SlurmCluster>> parse_slurm_config(std::string_view text, const std::string& file_name) {
  return Parser(file_name).parse(text);
}

Result<std::vector<SlurmCluster>> read_slurm_config(const fs::path& path) {
  const auto text = read_file(path);
  if (!text.ok() && text.error().code() == Code::kNotFound) return std::vector<SlurmCluster>();
  if (!text.ok()) return text.error().context("the list of Slurm clusters");
  return parse_slurm_config(*text, path.string());
}

}  // namespace isobar::cloud
