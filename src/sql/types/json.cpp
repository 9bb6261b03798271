// A reader of JSON with PostgreSQL's words for what is wrong, and the normal form of jsonb. Numbers become Numeric, so that none loses
// digits.

#include "sql/json.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "sql/ascii.h"
#include "sql/utf8.h"

namespace isobar::sql {
namespace {

constexpr int kDepthMost = 1200;

bool is_json_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_word(char c) {
  return is_digit(c) || (c | 32) == 'e' || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || (static_cast<unsigned char>(c) & 0x80) != 0;
}

class JsonReader {
 public:
  /// check_only  the tree is not built, and \u0000 is let pass
  JsonReader(std::string_view text, bool check_only) : all_(text), check_only_(check_only) {}

  SqlStatus read_document(Json& into) {
    TRY(read_value(into, 0));
    skip_spaces();
    if (at_ < all_.size()) return expected("end of input");
    return {};
  }

 private:
  static SqlError invalid(std::string detail) {
    return SqlError(state::kInvalidTextRepresentation, "invalid input syntax for type json").with_detail(std::move(detail));
  }
  SqlError ended() const { return invalid("The input string ended unexpectedly."); }
  /// The word or sign that stands here, for messages.
  std::string_view token() const {
    std::size_t size = 0;
    if (all_[at_] == '"') {
      const std::size_t end = all_.find('"', at_ + 1);
      return all_.substr(at_, end == std::string_view::npos ? end : end - at_ + 1);
    }
    while (at_ + size < all_.size() &&
           (is_word(all_[at_ + size]) || (size > 0 && (all_[at_ + size] == '.' || all_[at_ + size] == '+' || all_[at_ + size] == '-'))))
      ++size;
    return all_.substr(at_, std::max<std::size_t>(size, 1));
  }
  /// A word that is none is reported as such before anything is said of what was expected.
  SqlError expected(std::string_view what) const {
    if (at_ >= all_.size()) return ended();
    const auto word = token();
    const bool known = word == "true" || word == "false" || word == "null" || word[0] == '"' || is_digit(word[0]) ||
                       (word.size() == 1 && std::string_view("{}[]:,").find(word[0]) != std::string_view::npos);
    if (!known) return invalid(fmt::format("Token \"{}\" is invalid.", word));
    return invalid(fmt::format("Expected {}, but found \"{}\".", what, word));
  }

  void skip_spaces() {
    while (at_ < all_.size() && is_json_space(all_[at_])) ++at_;
  }
  bool take(char sign) {
    skip_spaces();
    if (at_ >= all_.size() || all_[at_] != sign) return false;
    ++at_;
    return true;
  }

  SqlStatus read_value(Json& into, int depth) {
    if (depth > kDepthMost)
      return SqlError(state::kStatementTooComplex, "stack depth limit exceeded").with_detail("The JSON is nested too deep.");
    skip_spaces();
    if (at_ >= all_.size()) return ended();
    const std::size_t start = at_;
    TRY(read_kind(into, depth));
    if (!check_only_) into.source = all_.substr(start, at_ - start);
    return {};
  }

  SqlStatus read_kind(Json& into, int depth) {
    switch (all_[at_]) {
      case '{': return read_object(into, depth);
      case '[': return read_array(into, depth);
      case '"': into.what = Json::What::kString; return read_string(into.text);
      default: break;
    }
    if (is_digit(all_[at_]) || all_[at_] == '-') return read_number(into);
    const auto word = token();
    if (word == "true" || word == "false") into.what = Json::What::kBool, into.boolean = word == "true";
    else if (word != "null") return expected("JSON value");
    at_ += word.size();
    return {};
  }

  SqlStatus read_object(Json& into, int depth) {
    into.what = Json::What::kObject;
    ++at_;
    if (take('}')) return {};
    do {
      skip_spaces();
      if (at_ >= all_.size()) return ended();
      if (all_[at_] != '"') return expected(into.members.empty() && first_member(into) ? "string or \"}\"" : "string");
      std::string name;
      TRY(read_string(name));
      if (!take(':')) return expected("\":\"");
      Json value;
      TRY(read_value(value, depth + 1));
      if (!check_only_) into.members.push_back({std::move(name), std::move(value)});
      into.boolean = true;
    } while (take(','));
    into.boolean = false;
    if (!take('}')) return expected("\",\" or \"}\"");
    return {};
  }
  // While an object is read, `boolean` says that it has a member already: when only checking, none is kept.
  static bool first_member(const Json& object) { return !object.boolean; }

  SqlStatus read_array(Json& into, int depth) {
    into.what = Json::What::kArray;
    ++at_;
    if (take(']')) return {};
    do {
      Json value;
      TRY(read_value(value, depth + 1));
      if (!check_only_) into.items.push_back(std::move(value));
    } while (take(','));
    if (!take(']')) return expected("\",\" or \"]\"");
    return {};
  }

  SqlStatus read_number(Json& into) {
    into.what = Json::What::kNumber;
    const std::size_t start = at_;
    bool valid = true;
    const auto digits = [&] {
      const std::size_t first = at_;
      while (at_ < all_.size() && is_digit(all_[at_])) ++at_;
      return at_ - first;
    };
    if (all_[at_] == '-') ++at_;
    const bool zero = at_ < all_.size() && all_[at_] == '0';
    const std::size_t whole = digits();
    valid = whole > 0 && !(zero && whole > 1);
    if (valid && at_ < all_.size() && all_[at_] == '.') ++at_, valid = digits() > 0;
    if (valid && at_ < all_.size() && (all_[at_] | 32) == 'e') {
      ++at_;
      if (at_ < all_.size() && (all_[at_] == '+' || all_[at_] == '-')) ++at_;
      valid = digits() > 0;
    }
    while (at_ < all_.size() && is_word(all_[at_])) ++at_, valid = false;
    if (!valid) return invalid(fmt::format("Token \"{}\" is invalid.", all_.substr(start, at_ - start)));
    if (check_only_) return {};
    TRY_ASSIGN(into.number, Numeric::parse(all_.substr(start, at_ - start)));
    return {};
  }

  SqlStatus read_string(std::string& into) {
    for (++at_;;) {
      const std::size_t start = at_;
      while (at_ < all_.size() && all_[at_] != '"' && all_[at_] != '\\' && static_cast<unsigned char>(all_[at_]) >= 0x20) ++at_;
      if (!check_only_) into.append(all_, start, at_ - start);
      if (at_ >= all_.size()) return ended();
      if (all_[at_] == '"') return ++at_, SqlStatus();
      if (all_[at_] != '\\')
        return invalid(fmt::format("Character with value 0x{:02x} must be escaped.", static_cast<unsigned char>(all_[at_])));
      TRY(read_escape(into));
    }
  }

  SqlStatus read_escape(std::string& into) {
    if (at_ + 1 >= all_.size()) return ended();
    constexpr std::string_view kSigns = "\"\\/bfnrt", kMeanings = "\"\\/\b\f\n\r\t";
    const char sign = all_[at_ + 1];
    if (sign == 'u') return read_code_point(into);
    const std::size_t place = kSigns.find(sign);
    if (place == std::string_view::npos)
      return invalid(fmt::format("Escape sequence \"\\{}\" is invalid.", all_.substr(at_ + 1, utf8_length(all_[at_ + 1]))));
    into += kMeanings[place];
    at_ += 2;
    return {};
  }

  SqlResult<std::uint32_t> hex_digits() {
    std::uint32_t value = 0;
    for (std::size_t digit = 0; digit < 4; ++digit) {
      if (at_ + 2 + digit >= all_.size()) return ended();
      const char c = all_[at_ + 2 + digit];
      const int worth = hex_worth(c);
      if (worth < 0) return invalid("\"\\u\" must be followed by four hexadecimal digits.");
      value = value * 16 + static_cast<std::uint32_t>(worth);
    }
    at_ += 6;
    return value;
  }

  SqlStatus read_code_point(std::string& into) {
    TRY_ASSIGN(std::uint32_t value, hex_digits());
    // A json is kept as it came: what its escapes stand for is not looked at.
    if (check_only_) return {};
    if (value >= 0xdc00 && value < 0xe000) return invalid("Unicode low surrogate must follow a high surrogate.");
    if (value >= 0xd800 && value < 0xdc00) {
      if (all_.substr(at_, 2) != "\\u") return invalid("Unicode low surrogate must follow a high surrogate.");
      TRY_ASSIGN(const std::uint32_t low, hex_digits());
      if (low >= 0xd800 && low < 0xdc00) return invalid("Unicode high surrogate must not follow a high surrogate.");
      if (low < 0xdc00 || low >= 0xe000) return invalid("Unicode low surrogate must follow a high surrogate.");
      value = 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
    }
    if (value == 0)
      return SqlError(state::kUntranslatableCharacter, "unsupported Unicode escape sequence")
          .with_detail("\\u0000 cannot be converted to text.");
    append_utf8(into, value);
    return {};
  }

  std::string_view all_;
  std::size_t at_ = 0;
  bool check_only_;
};

void append_indented(std::string& out, const Json& json, std::size_t depth) {
  const auto line = [&](std::size_t indent) { out += '\n', out.append(indent * 4, ' '); };
  const bool object = json.what == Json::What::kObject;
  if (json.is_scalar()) return append_jsonb(out, json);
  out += object ? '{' : '[';
  bool first = true;
  for (const auto& [name, value] : json.members) {
    if (!std::exchange(first, false)) out += ',';
    line(depth + 1);
    append_json_string(out, name), out += ": ";
    append_indented(out, value, depth + 1);
  }
  for (const auto& item : json.items) {
    if (!std::exchange(first, false)) out += ',';
    line(depth + 1);
    append_indented(out, item, depth + 1);
  }
  line(depth);
  out += object ? '}' : ']';
}

std::strong_ordering compare_inner(const Json& a, const Json& b) {
  if (a.what != b.what) return a.what <=> b.what;
  switch (a.what) {
    case Json::What::kNull: return std::strong_ordering::equal;
    case Json::What::kString: return a.text <=> b.text;
    case Json::What::kNumber: return a.number.compare(b.number);
    case Json::What::kBool: return a.boolean <=> b.boolean;
    case Json::What::kArray:
      if (a.items.size() != b.items.size()) return a.items.size() <=> b.items.size();
      for (std::size_t place = 0; place < a.items.size(); ++place)
        if (const auto order = compare_inner(a.items[place], b.items[place]); order != 0) return order;
      return std::strong_ordering::equal;
    case Json::What::kObject: break;
  }
  if (a.members.size() != b.members.size()) return a.members.size() <=> b.members.size();
  for (std::size_t place = 0; place < a.members.size(); ++place) {
    if (const auto order = a.members[place].name <=> b.members[place].name; order != 0) return order;
    if (const auto order = compare_inner(a.members[place].value, b.members[place].value); order != 0) return order;
  }
  return std::strong_ordering::equal;
}

bool is_empty_array(const Json& json) { return json.what == Json::What::kArray && json.items.empty(); }

}  // namespace

const Json* Json::member(std::string_view name) const {
  for (auto member = members.rbegin(); member != members.rend(); ++member)
    if (member->name == name) return &member->value;
  return nullptr;
}
Json::Json() = default;
Json::Json(const Json& other) = default;
Json::Json(Json&& other) noexcept = default;
Json& Json::operator=(const Json& other) = default;
Json& Json::operator=(Json&& other) noexcept = default;
Json::~Json() = default;

Json Json::of(std::string string) {
  Json json;
  json.what = What::kString, json.text = std::move(string);
  return json;
}
Json Json::of(bool value) {
  Json json;
  json.what = What::kBool, json.boolean = value;
  return json;
}
Json Json::of(Numeric value) {
  Json json;
  json.what = What::kNumber, json.number = std::move(value);
  return json;
}

SqlResult<Json> parse_json(std::string_view text) {
  Json json;
  TRY(JsonReader(text, false).read_document(json));
  return json;
}

SqlStatus check_json(std::string_view text) {
  Json json;
  return JsonReader(text, true).read_document(json);
}

void normalise(Json& json) {
  for (auto& item : json.items) normalise(item);
  for (auto& member : json.members) normalise(member.value);
  const auto before = [](const auto& a, const auto& b) {
    return a.name.size() != b.name.size() ? a.name.size() < b.name.size() : a.name < b.name;
  };
  std::stable_sort(json.members.begin(), json.members.end(), before);
  std::size_t kept = 0;
  for (std::size_t place = 0; place < json.members.size(); ++place) {
    const bool last = place + 1 == json.members.size() || json.members[place].name != json.members[place + 1].name;
    if (!last) continue;
    if (kept != place) json.members[kept] = std::move(json.members[place]);
    ++kept;
  }
  json.members.resize(kept);
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else out += c;
    }
  }
  out += '"';
}

void append_jsonb(std::string& out, const Json& json) {
  switch (json.what) {
    case Json::What::kNull: out += "null"; return;
    case Json::What::kString: append_json_string(out, json.text); return;
    case Json::What::kNumber: out += json.number.to_string(); return;
    case Json::What::kBool: out += json.boolean ? "true" : "false"; return;
    case Json::What::kArray:
      out += '[';
      for (std::size_t place = 0; place < json.items.size(); ++place) {
        if (place > 0) out += ", ";
        append_jsonb(out, json.items[place]);
      }
      out += ']';
      return;
    case Json::What::kObject: break;
  }
  out += '{';
  for (std::size_t place = 0; place < json.members.size(); ++place) {
    if (place > 0) out += ", ";
    append_json_string(out, json.members[place].name), out += ": ";
    append_jsonb(out, json.members[place].value);
  }
  out += '}';
}

void append_jsonb_pretty(std::string& out, const Json& json) { append_indented(out, json, 0); }

std::strong_ordering compare(const Json& a, const Json& b) {
  // An empty array as the whole document is below everything: so it came to be in PostgreSQL, and so it stays.
  if (is_empty_array(a) != is_empty_array(b)) return is_empty_array(a) ? std::strong_ordering::less : std::strong_ordering::greater;
  return compare_inner(a, b);
}

}  // namespace isobar::sql
