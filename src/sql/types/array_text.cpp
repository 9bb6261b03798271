// {1,NULL,"a b"}, {{1,2},{3,4}}, [2:3]={1,2}.

#include "array_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "sql/ascii.h"
#include "text_form.h"

namespace isobar::sql {
namespace {

constexpr std::size_t kDimensionsMost = 6;

class ArrayReader {
 public:
  ArrayReader(const Type& type, std::string_view text, const TextStyle& style) : all_(text), left_(text), style_(style) {
    element_ = {type.element, Kind::kUnknown, type.modifier};
    array_->element = type.element;
  }

  SqlResult<Value> read() {
    skip_spaces();
    TRY(read_bounds());
    if (!left_.starts_with('{'))
      return malformed(bounded_ ? "Array contents must start with \"{\"." : "Array value must start with \"{\" or dimension information.");
    TRY(read_braces(0));
    skip_spaces();
    if (!left_.empty()) return malformed("Junk after closing right brace.");
    if (array_->elements.empty()) array_->sizes.clear(), array_->lows.clear();
    if (bounded_) {
      if (bound_sizes_ != array_->sizes) return malformed("Specified array dimensions do not match array contents.");
      array_->lows = bound_lows_;
    } else {
      array_->lows.assign(array_->sizes.size(), 1);
    }
    return Value(ArrayPtr(std::move(array_)));
  }

 private:
  SqlError malformed(std::string detail) const {
    return SqlError(state::kInvalidTextRepresentation, fmt::format("malformed array literal: \"{}\"", all_)).with_detail(std::move(detail));
  }
  void skip_spaces() {
    while (!left_.empty() && is_space(left_[0])) left_.remove_prefix(1);
  }
  std::optional<std::int32_t> take_integer() {
    std::int32_t value = 0;
    if (left_.starts_with('+')) left_.remove_prefix(1);
    const auto [end, error] = std::from_chars(left_.data(), left_.data() + left_.size(), value);
    if (error != std::errc()) return std::nullopt;
    left_.remove_prefix(static_cast<std::size_t>(end - left_.data()));
    return value;
  }

  /// [low:high]…=
  SqlStatus read_bounds() {
    while (left_.starts_with('[')) {
      left_.remove_prefix(1);
      const auto first = take_integer();
      std::optional<std::int32_t> last = first;
      std::int32_t low = 1;
      if (first && left_.starts_with(':')) left_.remove_prefix(1), low = *first, last = take_integer();
      if (!last || !left_.starts_with(']')) return malformed("Missing array dimension value.");
      left_.remove_prefix(1);
      if (*last < low) return SqlError(state::kArraySubscriptError, "upper bound cannot be less than lower bound");
      if (bound_sizes_.size() == kDimensionsMost) return too_many_dimensions();
      bound_sizes_.push_back(static_cast<std::int32_t>(std::min<std::int64_t>(std::int64_t{*last} - low + 1, INT32_MAX)));
      bound_lows_.push_back(low);
      bounded_ = true;
      skip_spaces();
    }
    if (!bounded_) return {};
    if (!left_.starts_with('=')) return malformed("Missing \"=\" after array dimensions.");
    left_.remove_prefix(1);
    skip_spaces();
    return {};
  }
  static SqlError too_many_dimensions() {
    return {state::kProgramLimitExceeded, fmt::format("number of array dimensions exceeds the maximum allowed ({})", kDimensionsMost)};
  }
  SqlError ragged() const { return malformed("Multidimensional arrays must have sub-arrays with matching dimensions."); }

  SqlStatus read_braces(std::size_t depth) {
    if (depth == kDimensionsMost) return too_many_dimensions();
    left_.remove_prefix(1);
    std::int32_t count = 0;
    skip_spaces();
    if (left_.starts_with('}')) {
      left_.remove_prefix(1);
      if (depth > 0 || !array_->sizes.empty()) return malformed("Unexpected \"}\" character.");
      return {};
    }
    for (;;) {
      skip_spaces();
      if (left_.empty()) return malformed("Unexpected end of input.");
      if (left_.starts_with('{')) {
        if (leaf_depth_ != 0 && depth + 1 > leaf_depth_ - 1) return ragged();
        TRY(read_braces(depth + 1));
      } else {
        if (leaf_depth_ == 0) leaf_depth_ = depth + 1;
        if (leaf_depth_ != depth + 1) return ragged();
        TRY(read_element());
      }
      ++count;
      skip_spaces();
      if (left_.empty()) return malformed("Unexpected end of input.");
      const char sign = left_[0];
      left_.remove_prefix(1);
      if (sign == '}') break;
      if (sign != ',') return malformed("Unexpected array element.");
    }
    return note_size(depth, count);
  }
  SqlStatus note_size(std::size_t depth, std::int32_t count) {
    if (array_->sizes.size() < leaf_depth_) array_->sizes.resize(leaf_depth_, -1);
    auto& size = array_->sizes[depth];
    if (size >= 0 && size != count) return ragged();
    size = count;
    return {};
  }

  SqlStatus read_element() {
    std::string text;
    if (left_[0] == '"') {
      TRY(read_quoted(text));
      return add(text);
    }
    std::size_t kept = 0;
    bool escaped = false;
    while (!left_.empty() && left_[0] != ',' && left_[0] != '}') {
      if (left_[0] == '{' || left_[0] == '"')
        return malformed(fmt::format("Unexpected {} character.", left_[0] == '{' ? "\"{\"" : "array element"));
      if (left_[0] == '\\') {
        left_.remove_prefix(1), escaped = true;
        if (left_.empty()) return malformed("Unexpected end of input.");
        kept = text.size() + 1;
      } else if (!is_space(left_[0])) {
        kept = text.size() + 1;
      }
      text += left_[0];
      left_.remove_prefix(1);
    }
    text.resize(kept);
    if (text.empty()) return malformed(left_.empty() ? "Unexpected end of input." : fmt::format("Unexpected \"{}\" character.", left_[0]));
    if (!escaped && to_lower(text) == "null") return array_->elements.emplace_back(), SqlStatus();
    return add(text);
  }

  SqlStatus read_quoted(std::string& text) {
    for (left_.remove_prefix(1);; left_.remove_prefix(1)) {
      if (left_.starts_with('\\')) left_.remove_prefix(1);
      else if (left_.starts_with('"')) break;
      if (left_.empty()) return malformed("Unexpected end of input.");
      text += left_[0];
    }
    left_.remove_prefix(1);
    return {};
  }

  SqlStatus add(const std::string& text) {
    TRY_ASSIGN(auto value, from_text(element_, text, style_));
    array_->elements.push_back(std::move(value));
    return {};
  }

  std::string_view all_, left_;
  const TextStyle& style_;
  Type element_;
  std::shared_ptr<Array> array_ = std::make_shared<Array>();
  std::size_t leaf_depth_ = 0;  // how many braces elements stand in; 0: not known yet
  bool bounded_ = false;
  std::vector<std::int32_t> bound_sizes_, bound_lows_;
};

void append_element(std::string& out, const Type& type, const Value& value, const TextStyle& style) {
  if (value.is_null()) return void(out += "NULL");
  const std::size_t start = out.size();
  append_text(out, type, value, style);
  const std::string_view text = std::string_view(out).substr(start);
  const bool quoted = text.empty() || to_lower(text) == "null" || std::any_of(text.begin(), text.end(), [](char c) {
                        return is_space(c) || std::string_view("{},\"\\").find(c) != std::string_view::npos;
                      });
  if (!quoted) return;
  const std::string plain(text);
  out.resize(start);
  out += '"';
  for (const char c : plain) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

void append_dimension(std::string& out, const Array& array, std::size_t depth, std::size_t& next, const TextStyle& style) {
  out += '{';
  for (std::int32_t place = 0; place < array.sizes[depth]; ++place) {
    if (place > 0) out += ',';
    if (depth + 1 < array.sizes.size()) append_dimension(out, array, depth + 1, next, style);
    else append_element(out, type_of(array.element), array.elements[next++], style);
  }
  out += '}';
}

}  // namespace

SqlResult<Value> array_from_text(const Type& type, std::string_view text, const TextStyle& style) {
  return ArrayReader(type, text, style).read();
}

void append_array(std::string& out, const Array& array, const TextStyle& style) {
  if (array.sizes.empty()) return void(out += "{}");
  if (std::any_of(array.lows.begin(), array.lows.end(), [](std::int32_t low) { return low != 1; })) {
    for (std::size_t depth = 0; depth < array.sizes.size(); ++depth)
      fmt::format_to(std::back_inserter(out), "[{}:{}]", array.lows[depth], array.lows[depth] + array.sizes[depth] - 1);
    out += '=';
  }
  std::size_t next = 0;
  append_dimension(out, array, 0, next, style);
}

void append_record(std::string& out, const Record& record, const TextStyle& style) {
  out += '(';
  for (std::size_t place = 0; place < record.values.size(); ++place) {
    if (place > 0) out += ',';
    if (record.values[place].is_null()) continue;
    const std::string text = to_text(record.types[place], record.values[place], style);
    const bool quoted = text.empty() || std::any_of(text.begin(), text.end(), [](char c) {
                          return is_space(c) || std::string_view("(),\"\\").find(c) != std::string_view::npos;
                        });
    if (quoted) out += '"';
    for (const char c : text) {
      if (c == '"' || c == '\\') out += c;
      out += c;
    }
    if (quoted) out += '"';
  }
  out += ')';
}

}  // namespace isobar::sql
