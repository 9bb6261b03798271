#pragma once

/// What a difference between two definitions means for the data that is there.

#include <string>
#include <string_view>

#include "features/definition_plan.h"

namespace isobar::features {

struct Meaning {
  Consequence consequence = Consequence::kKept;
  std::string words;
};

/// kind   as in `Change`, but for features that are aggregates, "aggregate", or on demand, "on demand"
Meaning meaning_of_added(std::string_view kind);
Meaning meaning_of_dropped(std::string_view kind);
/// path   of a leaf (canonical.h); before, after   its text, "" where it is not there
Meaning meaning_of_field(std::string_view kind, std::string_view path, std::string_view before, std::string_view after);

/// Whether every value of the one is a value of the other, so that rows are read as what they become.
bool is_wider(Type narrow, Type wide);

}  // namespace isobar::features
