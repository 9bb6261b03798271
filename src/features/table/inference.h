#pragma once

/// The type that all values of a column have, found while they go by.

#include <boost/json/fwd.hpp>
#include <string_view>

#include "features/csv.h"
#include "features/table.h"

namespace isobar::features {

class Inference {
 public:
  /// A number is one only if it is written as numbers are: 007 is a text. Integers beyond int64 make a column of texts, not of floats.
  void add(const CsvCell& cell);
  void add(const boost::json::value& value);
  /// Text where there were no values, or where they have no type in common.
  TableColumn column(std::string name) const;

 private:
  enum class Sort : std::uint8_t { kNothing, kBool, kInt64, kFloat64, kText, kJson };
  void meet(Sort sort);
  Sort sort_ = Sort::kNothing;
};

}  // namespace isobar::features
