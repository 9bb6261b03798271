// PostgreSQL's regular expressions on RE2. Both are of the same family; what differs is put into RE2's words where that can be (\m, \Z,
// flags) and refused by name where it cannot: back references and look-around, which no automaton has. Of several matches at a place
// PostgreSQL takes the longest, unless a quantifier asks for less: then RE2 takes the first, as Perl does.

#include "regular_expression.h"

#include <fmt/format.h>
#include <re2/re2.h>

#include <list>

#include "sql/ascii.h"

namespace isobar::sql {
namespace {

constexpr std::size_t kKept = 64;
constexpr std::int64_t kMemoryMost = 16 << 20;

SqlError not_supported(std::string_view what) {
  return {state::kFeatureNotSupported, fmt::format("{} in regular expressions is not supported", what)};
}
SqlError invalid(std::string_view why) { return {state::kInvalidRegularExpression, fmt::format("invalid regular expression: {}", why)}; }

/// Into RE2's words.
class Translation {
 public:
  explicit Translation(std::string_view pattern) : left_(pattern) {}
  bool lazy() const { return lazy_; }

  SqlResult<std::string> run() {
    while (!left_.empty()) {
      const char c = left_[0];
      if (c == '\\') {
        TRY(escape(false));
      } else if (c == '[') {
        TRY(bracket());
      } else if (left_.starts_with("(?=") || left_.starts_with("(?!") || left_.starts_with("(?<")) {
        return not_supported("look-around");
      } else {
        const bool quantifier = out_.ends_with('*') || out_.ends_with('+') || out_.ends_with('?') || out_.ends_with('}');
        if (c == '?' && quantifier && !after_escape_) lazy_ = true;
        if (c == '+' && quantifier && !after_escape_) return invalid("quantifier operand invalid");
        out_ += c, after_escape_ = false;
        left_.remove_prefix(1);
      }
    }
    return std::move(out_);
  }

 private:
  SqlStatus escape(bool in_bracket) {
    if (left_.size() < 2) return invalid("invalid escape \\ sequence");
    const char c = left_[1];
    left_.remove_prefix(2);
    after_escape_ = true;
    if (is_digit(c) && c != '0' && !in_bracket) return not_supported("a back reference");
    switch (c) {
      case 'm':
      case 'M': out_ += "\\b"; return {};
      case 'y': out_ += "\\b"; return {};
      case 'Y': out_ += "\\B"; return {};
      case 'Z': out_ += "\\z"; return {};
      case 'e': out_ += "\\x1b"; return {};
      case 'B': out_ += "\\\\"; return {};
      case 'u': return code_point(4);
      case 'U': return code_point(8);
      default:
        if (is_letter(c) && std::string_view("AdDwWsSnrtfvabxc").find(c) == std::string_view::npos)
          return invalid("invalid escape \\ sequence");
        if (c == 'b') return void(out_ += "\\x08"), SqlStatus();
        out_ += '\\', out_ += c;
        return {};
    }
  }
  SqlStatus code_point(std::size_t digits) {
    if (left_.size() < digits) return invalid("invalid escape \\ sequence");
    fmt::format_to(std::back_inserter(out_), "\\x{{{}}}", left_.substr(0, digits));
    left_.remove_prefix(digits);
    return {};
  }
  SqlStatus bracket() {
    out_ += '[', left_.remove_prefix(1);
    if (left_.starts_with('^')) out_ += '^', left_.remove_prefix(1);
    if (left_.starts_with(']')) out_ += "\\]", left_.remove_prefix(1);
    while (!left_.empty() && left_[0] != ']') {
      if (left_[0] == '\\') {
        TRY(escape(true));
      } else if (left_.starts_with("[:")) {
        const std::size_t end = left_.find(":]");
        if (end == std::string_view::npos) return invalid("brackets [] not balanced");
        out_ += left_.substr(0, end + 2), left_.remove_prefix(end + 2);
      } else if (left_.starts_with("[.") || left_.starts_with("[=")) {
        return not_supported("a collating element");
      } else {
        if (left_[0] == '[') out_ += '\\';
        out_ += left_[0], left_.remove_prefix(1);
      }
    }
    if (left_.empty()) return invalid("brackets [] not balanced");
    out_ += ']', left_.remove_prefix(1), after_escape_ = true;
    return {};
  }

  std::string_view left_;
  std::string out_;
  bool lazy_ = false, after_escape_ = false;
};

/// Without white space and comments, as flag x asks.
std::string condensed(std::string_view pattern) {
  std::string out;
  bool bracket = false;
  for (std::size_t place = 0; place < pattern.size(); ++place) {
    const char c = pattern[place];
    if (c == '\\' && place + 1 < pattern.size()) {
      out += c, out += pattern[++place];
      continue;
    }
    if (c == '[') bracket = true;
    if (c == ']') bracket = false;
    if (!bracket && is_space(c)) continue;
    if (!bracket && c == '#') {
      while (place + 1 < pattern.size() && pattern[place + 1] != '\n') ++place;
      continue;
    }
    out += c;
  }
  return out;
}

struct Kept {
  std::string key;
  std::shared_ptr<const Regex> regex;
};

}  // namespace

Regex::Regex() = default;
Regex::~Regex() = default;

SqlResult<RegexFlags> parse_regex_flags(std::string_view text) {
  RegexFlags flags;
  for (const char c : text) switch (c) {
      case 'g': flags.global = true; break;
      case 'i': flags.ignore_case = true; break;
      case 'c': flags.ignore_case = false; break;
      case 'n':
      case 'm': flags.newline_stops = flags.newline_anchors = true; break;
      case 'p': flags.newline_stops = true, flags.newline_anchors = false; break;
      case 'w': flags.newline_stops = false, flags.newline_anchors = true; break;
      case 's': flags.newline_stops = flags.newline_anchors = false; break;
      case 'q': flags.literal = true; break;
      case 'x': flags.extended = true; break;
      case 't': flags.extended = false; break;
      case 'e': break;
      default: return SqlError(state::kInvalidParameterValue, fmt::format("invalid regular expression option: \"{}\"", c));
    }
  return flags;
}

SqlResult<std::shared_ptr<const Regex>> Regex::compile(std::string_view pattern, const RegexFlags& flags) {
  // Statements use few patterns many times. What each thread keeps is its own, so nobody waits.
  thread_local std::list<Kept> kept;
  std::string key = fmt::format("{}{}{}{}{}:{}", int{flags.ignore_case}, int{flags.newline_stops}, int{flags.newline_anchors},
                                int{flags.literal}, int{flags.extended}, pattern);
  for (auto one = kept.begin(); one != kept.end(); ++one)
    if (one->key == key) {
      kept.splice(kept.begin(), kept, one);
      return kept.front().regex;
    }
  std::string words(pattern);
  bool lazy = false;
  re2::RE2::Options options;
  options.set_log_errors(false), options.set_max_mem(kMemoryMost), options.set_literal(flags.literal),
      options.set_case_sensitive(!flags.ignore_case);
  options.set_dot_nl(!flags.newline_stops), options.set_one_line(!flags.newline_anchors);
  if (!flags.literal) {
    const std::string plain = flags.extended ? condensed(pattern) : std::string(pattern);
    Translation translation(plain);
    TRY_ASSIGN(words, translation.run());
    lazy = translation.lazy();
    if (flags.newline_anchors) words = "(?m)" + words;
  }
  options.set_longest_match(!lazy);
  auto regex = std::shared_ptr<Regex>(new Regex());
  regex->matcher_ = std::make_unique<re2::RE2>(words, options);
  if (!regex->matcher_->ok()) return invalid(regex->matcher_->error());
  regex->groups_ = static_cast<std::size_t>(regex->matcher_->NumberOfCapturingGroups());
  kept.push_front({std::move(key), regex});
  if (kept.size() > kKept) kept.pop_back();
  return std::shared_ptr<const Regex>(std::move(regex));
}

bool Regex::matches(std::string_view text) const {
  return matcher_->Match({text.data(), text.size()}, 0, text.size(), re2::RE2::UNANCHORED, nullptr, 0);
}

bool Regex::find(std::string_view text, std::size_t from, std::vector<std::string_view>& groups) const {
  std::vector<re2::StringPiece> pieces(groups_ + 1);
  if (!matcher_->Match({text.data(), text.size()}, from, text.size(), re2::RE2::UNANCHORED, pieces.data(), static_cast<int>(pieces.size())))
    return false;
  groups.clear();
  for (const auto& piece : pieces) groups.emplace_back(piece.data(), piece.size());
  return true;
}

SqlResult<std::string> similar_to_regex(std::string_view pattern, std::string_view escape) {
  if (escape.size() > 1 && escape.size() != 1)
    return SqlError(state::kInvalidEscapeSequence, "invalid escape string").with_hint("Escape string must be empty or one character.");
  std::string out = "^(?:";
  bool bracket = false;
  for (std::size_t place = 0; place < pattern.size(); ++place) {
    const char c = pattern[place];
    if (!escape.empty() && c == escape[0]) {
      if (place + 1 >= pattern.size()) break;
      const char next = pattern[++place];
      if (next == '"')
        return SqlError(state::kFeatureNotSupported, "parts of a SIMILAR TO pattern set off by escape-double-quote are not supported");
      out += '\\', out += next;
    } else if (bracket) {
      if (c == '\\') out += '\\';
      out += c;
      bracket = c != ']';
    } else if (c == '[') {
      out += c, bracket = true;
    } else if (c == '%') {
      out += ".*";
    } else if (c == '_') {
      out += '.';
    } else if (c == '(') {
      out += "(?:";
    } else if (c == '\\' || c == '.' || c == '^' || c == '$') {
      out += '\\', out += c;
    } else {
      out += c;
    }
  }
  return out + ")$";
}

}  // namespace isobar::sql
