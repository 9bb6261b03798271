#pragma once

/// Kubernetes' objects as they come, where nearly every field may be missing.

#include <boost/json.hpp>
#include <initializer_list>
#include <string_view>

#include "base/result.h"

namespace isobar::cloud {

/// Errors   kDataLoss: no JSON, or nested deeper than 64
Result<boost::json::value> parse_kube_json(std::string_view text);

/// The value at a path of names; null where any of it is missing.
const boost::json::value& value_in(const boost::json::value& from, std::initializer_list<std::string_view> path);
/// The text there; empty where there is none.
std::string_view text_in(const boost::json::value& from, std::initializer_list<std::string_view> path);
/// The elements there; none where there is no list.
const boost::json::array& list_in(const boost::json::value& from, std::initializer_list<std::string_view> path);
/// The fields there; none where there is no object.
const boost::json::object& object_in(const boost::json::value& from, std::initializer_list<std::string_view> path);

}  // namespace isobar::cloud
