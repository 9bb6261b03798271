#pragma once

/// The files of catalog/transfer/scenarios as they lie in the program's file.

#include <map>
#include <string_view>

namespace isobar::transfer {

/// Name → text.
std::map<std::string_view, std::string_view> builtin_scenarios();

}  // namespace isobar::transfer
