#include "features/json_text.h"

#include <fmt/format.h>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <string>

#include "base/text.h"

namespace isobar::features {

namespace {

namespace json = boost::json;
using Failure = json::error_code;

constexpr std::size_t kDepthMost = 32;

/// What the parser reports, put on the stack from which the tree is made; the names are those that it calls.
struct TreeBuilder {
  static constexpr std::size_t max_object_size = SIZE_MAX, max_array_size = SIZE_MAX, max_key_size = SIZE_MAX, max_string_size = SIZE_MAX;

  bool on_document_begin(Failure&) { return stack.reset(), true; }
  bool on_document_end(Failure&) { return true; }
  bool on_object_begin(Failure&) { return true; }
  bool on_object_end(std::size_t members, Failure&) { return stack.push_object(members), true; }
  bool on_array_begin(Failure&) { return true; }
  bool on_array_end(std::size_t elements, Failure&) { return stack.push_array(elements), true; }
  bool on_key_part(json::string_view part, std::size_t, Failure&) { return stack.push_chars(part), true; }
  bool on_key(json::string_view part, std::size_t, Failure&) { return stack.push_key(part), true; }
  bool on_string_part(json::string_view part, std::size_t, Failure&) { return stack.push_chars(part), true; }
  bool on_string(json::string_view part, std::size_t, Failure&) { return stack.push_string(part), true; }
  bool on_number_part(json::string_view part, Failure&) { return number.append(part.data(), part.size()), true; }
  bool on_int64(std::int64_t value, json::string_view, Failure&) { return number.clear(), stack.push_int64(value), true; }
  bool on_uint64(std::uint64_t value, json::string_view, Failure&) { return number.clear(), stack.push_uint64(value), true; }
  bool on_double(double, json::string_view part, Failure& failure) {
    number.append(part.data(), part.size());
    double value = 0;
    const auto read = std::from_chars(number.data(), number.data() + number.size(), value);
    // Out of range on the small side is 0 or the least there is, which from_chars does not say; on the large side it is no number of ours.
    if (read.ec == std::errc::result_out_of_range) value = std::strtod(number.c_str(), nullptr);
    if (value > std::numeric_limits<double>::max() || value < std::numeric_limits<double>::lowest()) {
      failure = json::error::exponent_overflow;
      return false;
    }
    number.clear();
    return stack.push_double(value), true;
  }
  bool on_bool(bool value, Failure&) { return stack.push_bool(value), true; }
  bool on_null(Failure&) { return stack.push_null(), true; }
  bool on_comment_part(json::string_view, Failure&) { return true; }
  bool on_comment(json::string_view, Failure&) { return true; }

  json::value_stack stack;
  std::string number;
};

}  // namespace

Result<json::value> parse_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = kDepthMost;
  json::basic_parser<TreeBuilder> parser(options);
  Failure failure;
  const std::size_t read = parser.write_some(false, text.data(), text.size(), failure);
  if (!failure && trim(text.substr(read)).empty()) return parser.handler().stack.release();
  const std::string why = failure ? failure.message() : "there is more after the end of the value";
  return invalid(fmt::format("not JSON at byte {}: {}", read + 1, why));
}

}  // namespace isobar::features
