#pragma once

#include <string_view>

namespace isobar::cloud {

/// The catalog file that is linked into this program, compiled from catalog/*.csv; for `Catalog::open`. It is mapped
/// with the program: pages that nobody reads are never loaded.
std::string_view builtin_catalog();

}  // namespace isobar::cloud
