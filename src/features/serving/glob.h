#pragma once

#include <string_view>

namespace isobar::features {

/// Redis' patterns over bytes: * any, ? one, [a-z] and [^a-z] one of these or none of them, \ before what is meant as it is.
/// Cost   O(|pattern| · |text|)
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace isobar::features
