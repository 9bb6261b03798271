#pragma once

/// Documents of JSON from outside, of which some fields are wanted: what is missing or of another kind is empty, so that a reader says
/// what it needs and no document can do more than fail to be read.

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::cloud {

/// Errors   kDataLoss: no JSON object; `whose` answer it was
Result<boost::json::object> parse_object(std::string_view text, std::string_view whose);

/// The same of a list.
Result<boost::json::array> parse_array(std::string_view text, std::string_view whose);

const boost::json::object& object_in(const boost::json::object& from, std::string_view name);
const boost::json::array& array_in(const boost::json::object& from, std::string_view name);
std::string text_in(const boost::json::object& from, std::string_view name);
/// 0 when it is none, is negative or does not fit.
std::uint64_t count_in(const boost::json::object& from, std::string_view name);
bool flag_in(const boost::json::object& from, std::string_view name);
/// The object in a list; an empty one for what is none.
const boost::json::object& as_object(const boost::json::value& value);
/// All texts of a map.
std::map<std::string, std::string> texts_in(const boost::json::object& from, std::string_view name);

/// Whether it can be a part of a URL's path or a filter as it is: letters, digits, "-", "_" and ".", at most 200 of them,
/// and no dot first.
bool is_plain_name(std::string_view text);

}  // namespace isobar::cloud
