#pragma once

/// Where in the store the engine keeps what is not a view's: states of the view "#log".

#include <cstdint>
#include <string_view>

namespace isobar::features {

constexpr std::string_view kLogView = "#log";
constexpr std::string_view kPlainView = "#plain";  ///< of whoever serves: keys that are no view's

constexpr std::uint8_t kLogLevel = 0;
constexpr std::string_view kLinesKey = "lines";      ///< bucket: the sequence of the first of the piece's lines
constexpr std::string_view kColumnsKey = "columns";  ///< bucket: the number of a set of columns
constexpr std::string_view kWrittenKey = "written";  ///< bucket: a view's number; up to which line its written states have all events
constexpr std::string_view kDriftKey = "drift";      ///< bucket: a view's number; what its values were when they were first read
constexpr std::uint8_t kKeyStateLevel = 0;           ///< of a view: a key's state, bucket 0

}  // namespace isobar::features
