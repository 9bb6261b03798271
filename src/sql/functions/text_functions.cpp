// Functions of texts, by characters of UTF-8.

#include <fmt/format.h>

#include <algorithm>

#include "built_ins.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "sql/ascii.h"
#include "sql/modifier.h"
#include "sql/utf8.h"
#include "texts.h"
#include "wrap.h"

namespace isobar::sql {
namespace {

constexpr std::size_t kBytesMost = std::size_t{1} << 28;  // of any one text that is made

std::string_view first_characters(std::string_view text, std::int64_t count) {
  return count <= 0 ? std::string_view() : text.substr(0, bytes_of_characters(text, static_cast<std::size_t>(count)));
}
std::string_view without_first(std::string_view text, std::int64_t count) {
  return count <= 0 ? text : text.substr(bytes_of_characters(text, static_cast<std::size_t>(count)));
}

std::string_view substring_from(std::string_view text, std::int64_t start) { return without_first(text, start - 1); }
SqlResult<std::string_view> substring_for(std::string_view text, std::int64_t start, std::int64_t length) {
  if (length < 0) return SqlError(state::kSubstringError, "negative substring length not allowed");
  const std::int64_t end = start + length;
  return first_characters(substring_from(text, start), end - std::max<std::int64_t>(start, 1));
}
std::string_view bytes_from(std::string_view bytes, std::int64_t start) {
  return start <= 1 ? bytes : bytes.substr(std::min(bytes.size(), static_cast<std::size_t>(start - 1)));
}
SqlResult<std::string_view> bytes_for(std::string_view bytes, std::int64_t start, std::int64_t length) {
  if (length < 0) return SqlError(state::kSubstringError, "negative substring length not allowed");
  const std::int64_t kept = start + length - std::max<std::int64_t>(start, 1);
  return bytes_from(bytes, start).substr(0, kept > 0 ? static_cast<std::size_t>(kept) : 0);
}

std::int64_t place_of(std::string_view text, std::string_view wanted) {
  const std::size_t place = text.find(wanted);
  return place == std::string_view::npos ? 0 : static_cast<std::int64_t>(characters_of(text.substr(0, place))) + 1;
}
std::int64_t place_of_bytes(std::string_view bytes, std::string_view wanted) { return static_cast<std::int64_t>(bytes.find(wanted) + 1); }

SqlResult<std::string> replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  if (from.empty()) return std::string(text);
  for (std::size_t place = text.find(from); place != std::string_view::npos; place = text.find(from)) {
    out.append(text.substr(0, place)).append(to);
    if (out.size() > kBytesMost) return too_long();
    text.remove_prefix(place + from.size());
  }
  out += text;
  return out;
}

bool has_character(std::string_view set, std::string_view character) { return set.find(character) != std::string_view::npos; }
std::string_view trim_left(std::string_view text, std::string_view set) {
  while (!text.empty() && has_character(set, text.substr(0, utf8_length(text[0])))) text.remove_prefix(utf8_length(text[0]));
  return text;
}
std::string_view trim_right(std::string_view text, std::string_view set) {
  while (!text.empty()) {
    std::size_t first = text.size() - 1;
    while (first > 0 && (static_cast<unsigned char>(text[first]) & 0xc0) == 0x80) --first;
    if (!has_character(set, text.substr(first))) break;
    text.remove_suffix(text.size() - first);
  }
  return text;
}
std::string_view trim_both(std::string_view text, std::string_view set) { return trim_right(trim_left(text, set), set); }
std::string_view trim_bytes_left(std::string_view bytes, std::string_view set) {
  return bytes.substr(std::min(bytes.size(), bytes.find_first_not_of(set)));
}
std::string_view trim_bytes_right(std::string_view bytes, std::string_view set) { return bytes.substr(0, bytes.find_last_not_of(set) + 1); }

template <bool kLeft>
SqlResult<std::string> padded(std::string_view text, std::int64_t length, std::string_view fill) {
  if (length <= 0) return std::string();
  const auto wanted = static_cast<std::size_t>(length), have = characters_of(text);
  if (wanted > kBytesMost / 4) return too_long();
  if (have >= wanted) return std::string(first_characters(text, length));
  if (fill.empty()) return std::string(text);
  std::string added;
  std::size_t left = wanted - have;
  for (const std::size_t whole = characters_of(fill); left >= whole; left -= whole) added += fill;
  added += first_characters(fill, static_cast<std::int64_t>(left));
  return kLeft ? added + std::string(text) : std::string(text) + added;
}

SqlResult<std::string> repeated(std::string_view text, std::int64_t times) {
  if (times <= 0 || text.empty()) return std::string();
  if (static_cast<std::size_t>(times) > kBytesMost / text.size()) return too_long();
  std::string out;
  out.reserve(text.size() * static_cast<std::size_t>(times));
  for (; times > 0; --times) out += text;
  return out;
}

std::string reversed(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t end = text.size(); end > 0;) {
    std::size_t first = end - 1;
    while (first > 0 && (static_cast<unsigned char>(text[first]) & 0xc0) == 0x80) --first;
    out += text.substr(first, end - first);
    end = first;
  }
  return out;
}

std::string capitalised(std::string_view text) {
  std::string out;
  bool inside = false;
  for (const char c : text) {
    out += is_letter(c) ? static_cast<char>(inside ? c | 32 : c & ~32) : c;
    inside = is_letter(c) || is_digit(c);
  }
  return out;
}

SqlResult<std::string_view> split_part(std::string_view text, std::string_view separator, std::int64_t which) {
  if (which == 0) return SqlError(state::kInvalidParameterValue, "field position must not be zero");
  if (separator.empty()) return which == 1 || which == -1 ? text : std::string_view();
  std::vector<std::string_view> parts;
  std::string_view left = text;
  for (std::size_t place = left.find(separator); place != std::string_view::npos; place = left.find(separator)) {
    parts.push_back(left.substr(0, place));
    left.remove_prefix(place + separator.size());
  }
  parts.push_back(left);
  const std::int64_t place = which > 0 ? which - 1 : static_cast<std::int64_t>(parts.size()) + which;
  if (place < 0 || place >= static_cast<std::int64_t>(parts.size())) return std::string_view();
  return parts[static_cast<std::size_t>(place)];
}

std::string translated(std::string_view text, std::string_view from, std::string_view to) {
  std::vector<std::string_view> targets;
  for (; !to.empty(); to.remove_prefix(std::min(to.size(), utf8_length(to[0])))) targets.push_back(to.substr(0, utf8_length(to[0])));
  std::string out;
  for (; !text.empty(); text.remove_prefix(std::min(text.size(), utf8_length(text[0])))) {
    const std::string_view character = text.substr(0, utf8_length(text[0]));
    const std::size_t place = from.find(character);
    if (place == std::string_view::npos) {
      out += character;
      continue;
    }
    const std::size_t which = characters_of(from.substr(0, place));
    if (which < targets.size()) out += targets[which];
  }
  return out;
}

std::int64_t code_point(std::string_view text) {
  if (text.empty()) return 0;
  const std::size_t length = utf8_length(text[0]);
  auto value = static_cast<std::uint32_t>(static_cast<unsigned char>(text[0]));
  if (length > 1) value &= 0xffU >> (length + 1);
  for (std::size_t place = 1; place < length && place < text.size(); ++place)
    value = value << 6 | (static_cast<unsigned char>(text[place]) & 0x3f);
  return value;
}
SqlResult<std::string> character(std::int64_t code) {
  if (code == 0) return SqlError(state::kProgramLimitExceeded, "null character not permitted");
  if (code < 0) return SqlError(state::kInvalidParameterValue, "character number must be positive");
  if (code > 0x10ffff) return SqlError(state::kProgramLimitExceeded, fmt::format("requested character too large for encoding: {}", code));
  if (code >= 0xd800 && code < 0xe000)
    return SqlError(state::kProgramLimitExceeded, fmt::format("requested character not valid for encoding: {}", code));
  std::string out;
  append_utf8(out, static_cast<std::uint32_t>(code));
  return out;
}

template <auto kFor, auto kFrom>
SqlResult<std::string> overlaid(std::string_view text, std::string_view with, std::int64_t start, std::int64_t length) {
  if (start <= 0) return SqlError(state::kSubstringError, "negative substring length not allowed");
  if (start + length > INT32_MAX) return SqlError(state::kNumericValueOutOfRange, "integer out of range");
  TRY_ASSIGN(const std::string_view before, kFor(text, 1, start - 1));
  std::string out(before);
  out.append(with).append(kFrom(text, start + length));
  return out;
}

// --- of arguments of any types ---

SqlResult<std::string> concatenated(const Call& call, std::string_view separator, std::size_t first) {
  std::string out;
  bool begun = false;
  for (std::size_t place = first; place < call.size(); ++place) {
    if (!call.has(place)) continue;
    if (std::exchange(begun, true)) out += separator;
    out += printed(call, place);
    if (out.size() > kBytesMost) return too_long();
  }
  return out;
}
SqlResult<std::optional<std::string>> concat_with(const Call& call) {
  if (!call.has(0)) return std::optional<std::string>();
  TRY_ASSIGN(auto text, concatenated(call, call[0].text(), 1));
  return std::optional(std::move(text));
}

/// One %[position$][-][width]type of format().
struct Directive {
  std::size_t argument = 0;
  std::optional<std::size_t> width_argument;
  bool left = false;
  std::int64_t width = 0;
  char type = 's';
};
SqlError bad_format(std::string what, std::string hint = {}) {
  return SqlError(state::kInvalidParameterValue, std::move(what)).with_hint(std::move(hint));
}

class Format {
 public:
  explicit Format(const Call& call) : call_(call) {}
  SqlResult<std::string> run() {
    left_ = call_[0].text();
    while (!left_.empty()) {
      if (left_[0] != '%') {
        out_ += left_[0], left_.remove_prefix(1);
        continue;
      }
      left_.remove_prefix(1);
      if (left_.starts_with('%')) {
        out_ += '%', left_.remove_prefix(1);
        continue;
      }
      TRY(directive());
      if (out_.size() > kBytesMost) return too_long();
    }
    return std::move(out_);
  }

 private:
  static SqlError unterminated() { return bad_format("unterminated format() type specifier", "For a single \"%\" use \"%%\"."); }
  std::optional<std::int64_t> number() {
    std::int64_t value = 0;
    std::size_t size = 0;
    for (; size < left_.size() && is_digit(left_[size]) && value < INT32_MAX; ++size) value = value * 10 + (left_[size] - '0');
    if (size == 0) return std::nullopt;
    left_.remove_prefix(size);
    return value;
  }
  SqlResult<std::size_t> argument_at(std::int64_t position) const {
    if (position == 0) return bad_format("format specifies argument 0, but arguments are numbered from 1");
    if (position >= static_cast<std::int64_t>(call_.size())) return bad_format("too few arguments for format()");
    return static_cast<std::size_t>(position);
  }
  SqlStatus directive() {
    Directive one;
    std::optional<std::int64_t> position, first = number();
    if (first && left_.starts_with('$')) position = first, first.reset(), left_.remove_prefix(1);
    if (!first) {
      while (left_.starts_with('-')) one.left = true, left_.remove_prefix(1);
      first = number();
    }
    one.width = first.value_or(0);
    if (left_.starts_with('*')) {
      left_.remove_prefix(1);
      const auto where = number();
      if (where && !left_.starts_with('$')) return bad_format("width argument position must be ended by \"$\"");
      if (where) left_.remove_prefix(1);
      TRY_ASSIGN(one.width_argument, argument_at(where ? *where : ++next_));
    }
    if (left_.empty()) return unterminated();
    one.type = left_[0];
    left_.remove_prefix(1);
    if (one.type != 's' && one.type != 'I' && one.type != 'L')
      return bad_format(fmt::format("unrecognized format() type specifier \"{}\"", one.type), "For a single \"%\" use \"%%\".");
    if (position) next_ = *position;
    TRY_ASSIGN(one.argument, argument_at(position ? *position : ++next_));
    return print(one);
  }
  SqlStatus print(Directive one) {
    if (one.width_argument && call_.has(*one.width_argument)) {
      const auto& value = call_[*one.width_argument];
      one.width = std::holds_alternative<std::int64_t>(value.held()) ? value.integer() : 0;
      if (one.width < 0) one.left = true, one.width = -one.width;
    }
    std::string text;
    if (!call_.has(one.argument)) {
      if (one.type == 'I') return SqlError(state::kNullValueNotAllowed, "null values cannot be formatted as an SQL identifier");
      text = one.type == 'L' ? "NULL" : "";
    } else {
      text = printed(call_, one.argument);
      if (one.type != 's') text = one.type == 'I' ? quoted_identifier(text) : quoted_literal(text);
    }
    const std::size_t have = characters_of(text);
    const std::size_t missing = static_cast<std::size_t>(one.width) > have ? static_cast<std::size_t>(one.width) - have : 0;
    if (missing > kBytesMost) return too_long();
    if (!one.left) out_.append(missing, ' ');
    out_ += text;
    if (one.left) out_.append(missing, ' ');
    return {};
  }

  const Call& call_;
  std::string_view left_;
  std::string out_;
  std::int64_t next_ = 0;
};
SqlResult<std::optional<std::string>> formatted(const Call& call) {
  if (!call.has(0)) return std::optional<std::string>();
  TRY_ASSIGN(auto text, Format(call).run());
  return std::optional(std::move(text));
}

std::optional<Value> split_to_array(const Call& call) {
  if (!call.has(0)) return std::nullopt;
  const std::string& text = call[0].text();
  std::vector<Value> parts;
  const auto add = [&](std::string_view part) {
    parts.push_back(call.has(2) && call[2].text() == part ? Value() : Value(std::string(part)));
  };
  if (text.empty()) return array_of_texts({});
  std::string_view left = text;
  if (!call.has(1)) {
    for (; !left.empty(); left.remove_prefix(std::min(left.size(), utf8_length(left[0])))) add(left.substr(0, utf8_length(left[0])));
    return array_of_texts(std::move(parts));
  }
  const std::string& separator = call[1].text();
  for (std::size_t place = left.find(separator); place != std::string_view::npos && !separator.empty(); place = left.find(separator))
    add(left.substr(0, place)), left.remove_prefix(place + separator.size());
  add(left);
  return array_of_texts(std::move(parts));
}

// --- bytes ---

SqlError unknown_encoding(std::string_view name) {
  return {state::kInvalidParameterValue, fmt::format("unrecognized encoding: \"{}\"", name)};
}

SqlResult<std::string> encoded(std::string_view bytes, std::string_view how) {
  const std::string name = lowered(how);
  if (name == "hex") return crypto::to_hex(bytes);
  if (name == "escape") {
    TextStyle style;
    style.bytea_output = "escape";
    std::string out;
    for (const char byte : bytes)
      if (byte == '\\') out += "\\\\";
      else if (byte == '\0' || (static_cast<unsigned char>(byte) & 0x80) != 0)
        out += fmt::format("\\{:03o}", static_cast<unsigned char>(byte));
      else out += byte;
    return out;
  }
  if (name != "base64") return unknown_encoding(how);
  std::string text = crypto::to_base64(bytes);
  for (std::size_t line = 76; line < text.size(); line += 77) text.insert(line, 1, '\n');
  return text;
}

SqlResult<std::string> decoded(std::string_view text, std::string_view how) {
  const std::string name = lowered(how);
  if (name == "hex") {
    TRY_ASSIGN(const Value bytes, from_text(type_of(Kind::kBytea), "\\x" + std::string(text), {}));
    return bytes.text();
  }
  if (name == "escape") {
    TRY_ASSIGN(const Value bytes, from_text(type_of(Kind::kBytea), text, {}));
    return bytes.text();
  }
  if (name != "base64") return unknown_encoding(how);
  std::string plain;
  for (const char c : text)
    if (!is_space(c)) plain += c;
  auto bytes = crypto::from_base64(plain);
  if (bytes) return *std::move(bytes);
  for (const char c : plain)
    if (!is_letter(c) && !is_digit(c) && c != '+' && c != '/' && c != '=')
      return SqlError(state::kInvalidParameterValue, fmt::format("invalid symbol \"{}\" found while decoding base64 sequence", c));
  return SqlError(state::kInvalidParameterValue, "invalid base64 end sequence")
      .with_hint("Input data is missing padding, is truncated, or is otherwise corrupted.");
}

SqlError no_index(std::int64_t index, std::size_t size) {
  return {state::kArraySubscriptError, fmt::format("index {} out of valid range, 0..{}", index, static_cast<std::int64_t>(size) - 1)};
}
SqlResult<std::int64_t> byte_at(std::string_view bytes, std::int64_t place) {
  if (place < 0 || place >= static_cast<std::int64_t>(bytes.size())) return no_index(place, bytes.size());
  return static_cast<unsigned char>(bytes[static_cast<std::size_t>(place)]);
}
SqlResult<std::string> with_byte(std::string_view bytes, std::int64_t place, std::int64_t byte) {
  if (place < 0 || place >= static_cast<std::int64_t>(bytes.size())) return no_index(place, bytes.size());
  std::string out(bytes);
  out[static_cast<std::size_t>(place)] = static_cast<char>(byte);
  return out;
}

bool is_utf8_name(std::string_view name) {
  const std::string lower = lowered(name);
  return lower == "utf8" || lower == "utf-8" || lower == "unicode";
}
SqlResult<std::string_view> converted_from(std::string_view bytes, std::string_view encoding) {
  if (!is_utf8_name(encoding)) return SqlError(state::kFeatureNotSupported, fmt::format("encoding \"{}\" is not supported", encoding));
  TRY(require_text(bytes));
  return bytes;
}
SqlResult<std::string_view> converted_to(std::string_view text, std::string_view encoding) {
  if (!is_utf8_name(encoding)) return SqlError(state::kFeatureNotSupported, fmt::format("encoding \"{}\" is not supported", encoding));
  return text;
}

std::string joined_texts(std::string_view a, std::string_view b) {
  std::string out;
  out.reserve(a.size() + b.size());
  return out.append(a).append(b);
}

/// A value of another type beside a text is cast to text, which for a boolean is a word.
std::string cast_text(const Call& call, std::size_t place) {
  if (call.type(place).kind == Kind::kBool) return call[place].boolean() ? "true" : "false";
  if (call.type(place).kind == Kind::kBpchar) return std::string(without_blanks(call[place].text()));
  return printed(call, place);
}
std::string joined_any(const Call& call) { return cast_text(call, 0) + cast_text(call, 1); }

void add_trims(FunctionSet& set) {
  constexpr std::string_view kNames[] = {"btrim", "ltrim", "rtrim"};
  constexpr Evaluate kOne[] = {wrap<[](std::string_view text) { return trim_both(text, " "); }>,
                               wrap<[](std::string_view text) { return trim_left(text, " "); }>,
                               wrap<[](std::string_view text) { return trim_right(text, " "); }>};
  constexpr Evaluate kTwo[] = {wrap<trim_both>, wrap<trim_left>, wrap<trim_right>};
  constexpr Evaluate kBytes[] = {
      wrap<[](std::string_view bytes, std::string_view of) { return trim_bytes_right(trim_bytes_left(bytes, of), of); }>,
      wrap<trim_bytes_left>, wrap<trim_bytes_right>};
  for (std::size_t which = 0; which < 3; ++which) {
    set.add(fmt::format("{}(text) text", kNames[which]), kOne[which]),
        set.add(fmt::format("{}(text, text) text", kNames[which]), kTwo[which]);
    set.add(fmt::format("{}(bytea, bytea) bytea", kNames[which]), kBytes[which]);
  }
}

void add_bytes(FunctionSet& set) {
  for (const auto* name : {"substr", "substring"}) {
    set.add(fmt::format("{}(bytea, int4) bytea", name), wrap<bytes_from>),
        set.add(fmt::format("{}(bytea, int4, int4) bytea", name), wrap<bytes_for>);
  }
  for (const auto* name : {"length", "octet_length"})
    set.add(fmt::format("{}(bytea) int4", name), wrap<[](std::string_view bytes) { return bytes.size(); }>);
  set.add("octet_length(text) int4", wrap<[](std::string_view text) { return text.size(); }>),
      set.add("octet_length(bpchar) int4", wrap<[](std::string_view text) { return text.size(); }>);
  for (const auto* type : {"text", "bytea"})
    set.add(fmt::format("bit_length({}) int4", type), wrap<[](std::string_view bytes) { return bytes.size() * 8; }>);
  set.add("position(bytea, bytea) int4", wrap<place_of_bytes>), set.add_operator("||(bytea, bytea) bytea", wrap<joined_texts>);
  set.add("overlay(bytea, bytea, int4, int4) bytea", wrap<overlaid<bytes_for, bytes_from>>);
  set.add("overlay(bytea, bytea, int4) bytea", wrap<[](std::string_view a, std::string_view b, std::int64_t start) {
            return overlaid<bytes_for, bytes_from>(a, b, start, static_cast<std::int64_t>(b.size()));
          }>);
  set.add("get_byte(bytea, int4) int4", wrap<byte_at>), set.add("set_byte(bytea, int4, int4) bytea", wrap<with_byte>);
  set.add("encode(bytea, text) text", wrap<encoded>), set.add("decode(text, text) bytea", wrap<decoded>);
  for (const auto* type : {"text", "bytea"})
    set.add(fmt::format("md5({}) text", type), wrap<[](std::string_view bytes) { return crypto::to_hex(crypto::md5(bytes)); }>);
  set.add("sha256(bytea) bytea", wrap<[](std::string_view bytes) { return crypto::sha256(bytes); }>);
  set.add("convert_from(bytea, name) text", wrap<converted_from>), set.add("convert_to(text, name) bytea", wrap<converted_to>);
}

void add_joining(FunctionSet& set) {
  constexpr FunctionOptions kLax{.strict = false, .volatility = Volatility::kStable};
  set.add_operator("||(text, text) text", wrap<joined_texts>);
  set.add_operator("||(anynonarray, text) text", wrap<joined_any>, {.volatility = Volatility::kStable}),
      set.add_operator("||(text, anynonarray) text", wrap<joined_any>, {.volatility = Volatility::kStable});
  set.add("textcat(text, text) text", wrap<joined_texts>);
  set.add("concat(variadic any) text", wrap<[](const Call& call) { return concatenated(call, "", 0); }>, kLax);
  set.add("concat_ws(text, variadic any) text", wrap<concat_with>, kLax);
  set.add("format(text) text", wrap<formatted>, kLax), set.add("format(text, variadic any) text", wrap<formatted>, kLax);
  set.add("string_to_array(text, text) _text", wrap<split_to_array>, {.strict = false}),
      set.add("string_to_array(text, text, text) _text", wrap<split_to_array>, {.strict = false});
  set.add("quote_ident(text) text", wrap<quoted_identifier>), set.add("quote_literal(text) text", wrap<quoted_literal>);
  set.add("quote_literal(anyelement) text", wrap<[](const Call& call) { return quoted_literal(cast_text(call, 0)); }>,
          {.volatility = Volatility::kStable});
  const Evaluate nullable = wrap<[](const Call& call) { return call.has(0) ? quoted_literal(cast_text(call, 0)) : "NULL"; }>;
  set.add("quote_nullable(text) text", nullable, {.strict = false}), set.add("quote_nullable(anyelement) text", nullable, kLax);
}

}  // namespace

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 32);
  return out;
}
std::string raised(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c & ~32);
  return out;
}

std::string printed(const Call& call, std::size_t place) { return to_text(call.type(place), call[place], call.session.style); }

Value array_of_values(Kind element, std::vector<Value> values) {
  auto array = std::make_shared<Array>();
  array->element = element;
  if (!values.empty()) array->sizes = {static_cast<std::int32_t>(values.size())}, array->lows = {1};
  array->elements = std::move(values);
  return Value(ArrayPtr(std::move(array)));
}

SqlError too_long() { return {state::kProgramLimitExceeded, "requested length too large"}; }

void add_text_functions(FunctionSet& set) {
  for (const auto* name : {"length", "char_length", "character_length"}) {
    set.add(fmt::format("{}(text) int4", name), wrap<characters_of>);
    set.add(fmt::format("{}(bpchar) int4", name), wrap<[](std::string_view text) { return characters_of(without_blanks(text)); }>);
  }
  for (const auto* name : {"substr", "substring"})
    set.add(fmt::format("{}(text, int4) text", name), wrap<substring_from>),
        set.add(fmt::format("{}(text, int4, int4) text", name), wrap<substring_for>);
  for (const auto* name : {"strpos", "position"}) set.add(fmt::format("{}(text, text) int4", name), wrap<place_of>);
  set.add("replace(text, text, text) text", wrap<replaced>);
  set.add("lpad(text, int4, text) text", wrap<padded<true>>), set.add("rpad(text, int4, text) text", wrap<padded<false>>);
  set.add("lpad(text, int4) text", wrap<[](std::string_view text, std::int64_t length) { return padded<true>(text, length, " "); }>);
  set.add("rpad(text, int4) text", wrap<[](std::string_view text, std::int64_t length) { return padded<false>(text, length, " "); }>);
  set.add("upper(text) text", wrap<raised>), set.add("lower(text) text", wrap<lowered>), set.add("initcap(text) text", wrap<capitalised>);
  set.add("repeat(text, int4) text", wrap<repeated>), set.add("reverse(text) text", wrap<reversed>),
      set.add("split_part(text, text, int4) text", wrap<split_part>);
  set.add("left(text, int4) text", wrap<[](std::string_view text, std::int64_t count) {
            return first_characters(text, count >= 0 ? count : static_cast<std::int64_t>(characters_of(text)) + count);
          }>);
  set.add("right(text, int4) text", wrap<[](std::string_view text, std::int64_t count) {
            return without_first(text, count >= 0 ? static_cast<std::int64_t>(characters_of(text)) - count : -count);
          }>);
  set.add("translate(text, text, text) text", wrap<translated>), set.add("ascii(text) int4", wrap<code_point>),
      set.add("chr(int4) text", wrap<character>);
  set.add("overlay(text, text, int4, int4) text", wrap<overlaid<substring_for, substring_from>>);
  set.add("overlay(text, text, int4) text", wrap<[](std::string_view a, std::string_view b, std::int64_t start) {
            return overlaid<substring_for, substring_from>(a, b, start, static_cast<std::int64_t>(characters_of(b)));
          }>);
  set.add("starts_with(text, text) bool", wrap<[](std::string_view text, std::string_view start) { return text.starts_with(start); }>);
  set.add_operator("^@(text, text) bool", wrap<[](std::string_view text, std::string_view start) { return text.starts_with(start); }>);
  add_trims(set), add_bytes(set), add_joining(set);
}

}  // namespace isobar::sql
