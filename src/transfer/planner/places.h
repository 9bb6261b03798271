#pragma once

#include <string_view>

namespace isobar::transfer {

/// "gcp:us-west1" of "gcp:us-west1-a"; other regions as they are.
std::string_view without_zone(std::string_view region);

}  // namespace isobar::transfer
