// LIKE, SIMILAR TO, and the functions of regular expressions.

#include <fmt/format.h>

#include <algorithm>

#include "built_ins.h"
#include "regular_expression.h"
#include "sql/ascii.h"
#include "sql/utf8.h"
#include "texts.h"
#include "wrap.h"

namespace isobar::sql {
namespace {

SqlError ends_in_escape() { return {state::kInvalidEscapeSequence, "LIKE pattern must not end with escape character"}; }

/// One character of a pattern that is no wildcard against one of the text; both are stepped over.
template <bool kFold>
SqlResult<bool> take_literal(std::string_view& pattern, std::string_view& text) {
  if (pattern[0] == '\\') {
    if (pattern.size() == 1) return ends_in_escape();
    pattern.remove_prefix(1);
  }
  const auto fold = [](char c) { return kFold && c >= 'A' && c <= 'Z' ? static_cast<char>(c | 32) : c; };
  if (text.empty() || fold(pattern[0]) != fold(text[0])) return false;
  pattern.remove_prefix(1), text.remove_prefix(1);
  return true;
}

/// Each % first stands for as little as it can; where that fails, the last one takes one more. So the time is the product of the lengths at
/// most.
template <bool kFold, bool kBytes>
SqlResult<bool> like(std::string_view text, std::string_view pattern) {
  std::string_view retry_pattern, retry_text;
  bool can_retry = false;
  for (;;) {
    bool fits = true;
    if (pattern.empty()) {
      if (text.empty()) return true;
      fits = false;
    } else if (pattern[0] == '%') {
      pattern.remove_prefix(1);
      retry_pattern = pattern, retry_text = text, can_retry = true;
      continue;
    } else if (pattern[0] == '_') {
      fits = !text.empty();
      if (fits) pattern.remove_prefix(1), text.remove_prefix(kBytes ? 1 : std::min(text.size(), utf8_length(text[0])));
    } else {
      TRY_ASSIGN(fits, take_literal<kFold>(pattern, text));
    }
    if (fits) continue;
    if (!can_retry || retry_text.empty()) return false;
    retry_text.remove_prefix(kBytes ? 1 : std::min(retry_text.size(), utf8_length(retry_text[0])));
    pattern = retry_pattern, text = retry_text;
  }
}
template <bool kFold, bool kBytes>
SqlResult<bool> unlike(std::string_view text, std::string_view pattern) {
  TRY_ASSIGN(const bool matched, (like<kFold, kBytes>(text, pattern)));
  return !matched;
}

SqlResult<std::string> like_escape(std::string_view pattern, std::string_view escape) {
  if (characters_of(escape) > 1)
    return SqlError(state::kInvalidEscapeSequence, "invalid escape string").with_hint("Escape string must be empty or one character.");
  std::string out;
  bool after = false;
  while (!pattern.empty()) {
    const std::string_view c = pattern.substr(0, utf8_length(pattern[0]));
    pattern.remove_prefix(c.size());
    if (c == escape && !after && !escape.empty()) {
      out += '\\', after = true;
      continue;
    }
    if (c == "\\" && !after) out += '\\';
    out += c, after = false;
  }
  return out;
}

template <bool kFold, bool kWanted>
SqlResult<bool> regex_matches(std::string_view text, std::string_view pattern) {
  TRY_ASSIGN(const auto regex, Regex::compile(pattern, {.ignore_case = kFold}));
  return regex->matches(text) == kWanted;
}

struct Compiled {
  std::shared_ptr<const Regex> regex;
  RegexFlags flags;
};
SqlError no_global(std::string_view function) {
  return SqlError(state::kInvalidParameterValue, fmt::format("{}() does not support the \"global\" option", function));
}
/// not_global  the function that has no such option; empty: it has
SqlResult<Compiled> compiled(std::string_view pattern, std::string_view flag_text, std::string_view not_global = {}) {
  TRY_ASSIGN(const RegexFlags flags, parse_regex_flags(flag_text));
  if (flags.global && !not_global.empty()) return no_global(not_global);
  TRY_ASSIGN(auto regex, Regex::compile(pattern, flags));
  return Compiled{std::move(regex), flags};
}

std::size_t end_of(std::string_view text, std::string_view part) {
  return static_cast<std::size_t>(part.data() - text.data()) + part.size();
}
std::size_t start_of(std::string_view text, std::string_view part) { return static_cast<std::size_t>(part.data() - text.data()); }
/// Where the search goes on behind a match: an empty one is stepped over.
std::size_t after_match(std::string_view text, std::string_view match) {
  const std::size_t end = end_of(text, match);
  return match.empty() && end < text.size() ? end + utf8_length(text[end]) : match.empty() ? end + 1 : end;
}

void append_replacement(std::string& out, std::string_view replacement, const std::vector<std::string_view>& groups) {
  for (std::size_t place = 0; place < replacement.size(); ++place) {
    if (replacement[place] != '\\' || place + 1 == replacement.size()) {
      out += replacement[place];
      continue;
    }
    const char c = replacement[++place];
    if (c == '&') out += groups[0];
    else if (c >= '1' && c <= '9') {
      if (static_cast<std::size_t>(c - '0') < groups.size()) out += groups[static_cast<std::size_t>(c - '0')];
    } else if (c == '\\') out += '\\';
    else out += '\\', out += c;
  }
}

/// which  the match that is replaced; 0: all
SqlResult<std::string> replace_matches(std::string_view text, const Regex& regex, std::string_view replacement, std::int64_t start,
                                       std::int64_t which) {
  std::string out;
  std::vector<std::string_view> groups;
  if (start - 1 > static_cast<std::int64_t>(characters_of(text))) return std::string(text);
  std::size_t done = 0, from = bytes_of_characters(text, static_cast<std::size_t>(start - 1));
  for (std::int64_t count = 1; from <= text.size() && regex.find(text, from, groups); ++count) {
    if (which == 0 || count == which) {
      out.append(text.substr(done, start_of(text, groups[0]) - done));
      append_replacement(out, replacement, groups);
      done = end_of(text, groups[0]);
      if (out.size() > (std::size_t{1} << 28)) return too_long();
      if (which != 0) break;
    }
    from = after_match(text, groups[0]);
  }
  return out.append(text.substr(done));
}

SqlResult<std::string> regexp_replace(std::string_view text, std::string_view pattern, std::string_view replacement,
                                      std::string_view flag_text) {
  if (!flag_text.empty() && is_digit(flag_text[0]))
    return SqlError(state::kInvalidParameterValue, fmt::format("invalid regular expression option: \"{}\"", flag_text[0]))
        .with_hint("If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer explicitly.");
  TRY_ASSIGN(const auto one, compiled(pattern, flag_text));
  return replace_matches(text, *one.regex, replacement, 1, one.flags.global ? 0 : 1);
}

SqlError bad_parameter(std::string_view name, std::int64_t value) {
  return {state::kInvalidParameterValue, fmt::format("invalid value for parameter \"{}\": {}", name, value)};
}

SqlResult<std::string> regexp_replace_at(std::string_view text, std::string_view pattern, std::string_view replacement, std::int64_t start,
                                         std::int64_t which, std::string_view flag_text) {
  if (start <= 0) return bad_parameter("start", start);
  if (which < 0) return bad_parameter("n", which);
  TRY_ASSIGN(const auto one, compiled(pattern, flag_text));
  return replace_matches(text, *one.regex, replacement, start, which);
}

Value groups_array(const std::vector<std::string_view>& groups) {
  std::vector<Value> values;
  for (std::size_t place = groups.size() > 1 ? 1 : 0; place < groups.size(); ++place)
    values.push_back(groups[place].data() == nullptr ? Value() : Value(std::string(groups[place])));
  return array_of_texts(std::move(values));
}

SqlResult<std::optional<Value>> regexp_match(std::string_view text, std::string_view pattern, std::string_view flag_text) {
  TRY_ASSIGN(const auto one, compiled(pattern, flag_text, "regexp_match"));
  std::vector<std::string_view> groups;
  if (!one.regex->find(text, 0, groups)) return std::optional<Value>();
  return std::optional(groups_array(groups));
}

/// Parts between matches; an empty match counts only where it divides something.
std::vector<std::string_view> split_by(std::string_view text, const Regex& regex) {
  std::vector<std::string_view> parts, groups;
  std::size_t done = 0, from = 0;
  while (from <= text.size() && regex.find(text, from, groups)) {
    const std::size_t start = start_of(text, groups[0]), end = end_of(text, groups[0]);
    from = after_match(text, groups[0]);
    if (groups[0].empty() && (start >= text.size() || start == done)) continue;
    parts.push_back(text.substr(done, start - done));
    done = end;
  }
  parts.push_back(text.substr(done));
  return parts;
}
SqlResult<std::vector<Value>> split_values(std::string_view text, std::string_view pattern, std::string_view flag_text,
                                           std::string_view function) {
  TRY_ASSIGN(const auto one, compiled(pattern, flag_text, function));
  std::vector<Value> values;
  for (const auto part : split_by(text, *one.regex)) values.emplace_back(std::string(part));
  return values;
}
SqlResult<Value> regexp_split_to_array(std::string_view text, std::string_view pattern, std::string_view flag_text) {
  TRY_ASSIGN(auto values, split_values(text, pattern, flag_text, "regexp_split_to_array"));
  return array_of_texts(std::move(values));
}

SqlResult<std::int64_t> regexp_count(std::string_view text, std::string_view pattern, std::int64_t start, std::string_view flag_text) {
  if (start <= 0) return bad_parameter("start", start);
  TRY_ASSIGN(const auto one, compiled(pattern, flag_text, "regexp_count"));
  if (start - 1 > static_cast<std::int64_t>(characters_of(text))) return 0;
  std::vector<std::string_view> groups;
  std::int64_t count = 0;
  for (std::size_t from = bytes_of_characters(text, static_cast<std::size_t>(start - 1));
       from <= text.size() && one.regex->find(text, from, groups); ++count)
    from = after_match(text, groups[0]);
  return count;
}

SqlResult<std::optional<std::string_view>> regexp_substr(std::string_view text, std::string_view pattern, std::int64_t start,
                                                         std::int64_t which, std::string_view flag_text, std::int64_t group) {
  if (start <= 0) return bad_parameter("start", start);
  if (which <= 0) return bad_parameter("n", which);
  if (group < 0) return bad_parameter("subexpr", group);
  TRY_ASSIGN(const auto one, compiled(pattern, flag_text, "regexp_substr"));
  std::vector<std::string_view> groups;
  std::size_t from = bytes_of_characters(text, static_cast<std::size_t>(start - 1));
  for (; from <= text.size() && one.regex->find(text, from, groups); from = after_match(text, groups[0]))
    if (--which == 0) {
      if (static_cast<std::size_t>(group) >= groups.size() || groups[static_cast<std::size_t>(group)].data() == nullptr)
        return std::optional<std::string_view>();
      return std::optional(groups[static_cast<std::size_t>(group)]);
    }
  return std::optional<std::string_view>();
}

/// substring(text from pattern): the first group, or the whole match.
SqlResult<std::optional<std::string_view>> substring_matching(std::string_view text, std::string_view pattern) {
  TRY_ASSIGN(const auto regex, Regex::compile(pattern, {}));
  std::vector<std::string_view> groups;
  if (!regex->find(text, 0, groups)) return std::optional<std::string_view>();
  const auto part = groups[groups.size() > 1 ? 1 : 0];
  return part.data() == nullptr ? std::optional<std::string_view>() : std::optional(part);
}

class ListedRows final : public SetRows {
 public:
  explicit ListedRows(std::vector<Value> values) : values_(std::move(values)) {}
  SqlResult<bool> next(Row& into) override {
    if (next_ == values_.size()) return false;
    into.resize(1);
    into[0] = std::move(values_[next_++]);
    return true;
  }

 private:
  std::vector<Value> values_;
  std::size_t next_ = 0;
};
SqlResult<std::unique_ptr<SetRows>> open_matches(const SetCall& call) {
  TRY_ASSIGN(const auto one, compiled(call[1].text(), call.arguments.size() > 2 ? std::string_view(call[2].text()) : ""));
  const std::string_view text = call[0].text();
  std::vector<Value> found;
  std::vector<std::string_view> groups;
  for (std::size_t from = 0; from <= text.size() && one.regex->find(text, from, groups); from = after_match(text, groups[0])) {
    found.push_back(groups_array(groups));
    if (!one.flags.global) break;
  }
  return std::unique_ptr<SetRows>(std::make_unique<ListedRows>(std::move(found)));
}
SqlResult<std::unique_ptr<SetRows>> open_split(const SetCall& call) {
  TRY_ASSIGN(auto parts, split_values(call[0].text(), call[1].text(), call.arguments.size() > 2 ? std::string_view(call[2].text()) : "",
                                      "regexp_split_to_table"));
  return std::unique_ptr<SetRows>(std::make_unique<ListedRows>(std::move(parts)));
}

void add_likes(FunctionSet& set) {
  set.add_operator("~~(text, text) bool", wrap<like<false, false>>), set.add_operator("!~~(text, text) bool", wrap<unlike<false, false>>);
  set.add_operator("~~*(text, text) bool", wrap<like<true, false>>), set.add_operator("!~~*(text, text) bool", wrap<unlike<true, false>>);
  set.add_operator("~~(bytea, bytea) bool", wrap<like<false, true>>), set.add_operator("!~~(bytea, bytea) bool", wrap<unlike<false, true>>);
  set.add("like(text, text) bool", wrap<like<false, false>>), set.add("notlike(text, text) bool", wrap<unlike<false, false>>);
  set.add("like_escape(text, text) text", wrap<like_escape>);
  const Evaluate similar = wrap<[](std::string_view pattern) { return similar_to_regex(pattern, "\\"); }>;
  set.add("similar_to_escape(text) text", similar), set.add("similar_to_escape(text, text) text", wrap<similar_to_regex>);
}

}  // namespace

void add_patterns(FunctionSet& set) {
  add_likes(set);
  set.add_operator("~(text, text) bool", wrap<regex_matches<false, true>>),
      set.add_operator("!~(text, text) bool", wrap<regex_matches<false, false>>);
  set.add_operator("~*(text, text) bool", wrap<regex_matches<true, true>>),
      set.add_operator("!~*(text, text) bool", wrap<regex_matches<true, false>>);
  set.add("regexp_replace(text, text, text, text) text", wrap<regexp_replace>);
  set.add("regexp_replace(text, text, text) text",
          wrap<[](std::string_view text, std::string_view pattern, std::string_view by) { return regexp_replace(text, pattern, by, ""); }>);
  set.add("regexp_replace(text, text, text, int4, int4, text) text", wrap<regexp_replace_at>);
  set.add("regexp_replace(text, text, text, int4, int4) text",
          wrap<[](std::string_view text, std::string_view pattern, std::string_view by, std::int64_t start, std::int64_t which) {
            return regexp_replace_at(text, pattern, by, start, which, "");
          }>);
  set.add("regexp_replace(text, text, text, int4) text",
          wrap<[](std::string_view text, std::string_view pattern, std::string_view by, std::int64_t start) {
            return regexp_replace_at(text, pattern, by, start, 1, "");
          }>);
  set.add("regexp_match(text, text, text) _text", wrap<regexp_match>),
      set.add("regexp_match(text, text) _text",
              wrap<[](std::string_view text, std::string_view pattern) { return regexp_match(text, pattern, ""); }>);
  set.add("regexp_split_to_array(text, text, text) _text", wrap<regexp_split_to_array>);
  set.add("regexp_split_to_array(text, text) _text",
          wrap<[](std::string_view text, std::string_view pattern) { return regexp_split_to_array(text, pattern, ""); }>);
  set.add("regexp_like(text, text) bool", wrap<regex_matches<false, true>>);
  set.add("regexp_like(text, text, text) bool",
          wrap<[](std::string_view text, std::string_view pattern, std::string_view flags) -> SqlResult<bool> {
            TRY_ASSIGN(const auto one, compiled(pattern, flags, "regexp_like"));
            return one.regex->matches(text);
          }>);
  set.add("regexp_count(text, text, int4, text) int4", wrap<regexp_count>);
  set.add("regexp_count(text, text) int4",
          wrap<[](std::string_view text, std::string_view pattern) { return regexp_count(text, pattern, 1, ""); }>);
  set.add("regexp_count(text, text, int4) int4",
          wrap<[](std::string_view text, std::string_view pattern, std::int64_t start) { return regexp_count(text, pattern, start, ""); }>);
  set.add("regexp_substr(text, text, int4, int4, text, int4) text", wrap<regexp_substr>);
  set.add("regexp_substr(text, text) text",
          wrap<[](std::string_view text, std::string_view pattern) { return regexp_substr(text, pattern, 1, 1, "", 0); }>);
  set.add("substring(text, text) text", wrap<substring_matching>);
  set.add_set("regexp_matches(text, text) _text", "(regexp_matches _text)", open_matches),
      set.add_set("regexp_matches(text, text, text) _text", "(regexp_matches _text)", open_matches);
  set.add_set("regexp_split_to_table(text, text) text", "(regexp_split_to_table text)", open_split),
      set.add_set("regexp_split_to_table(text, text, text) text", "(regexp_split_to_table text)", open_split);
}

}  // namespace isobar::sql
