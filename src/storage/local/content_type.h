#pragma once

#include <string_view>

namespace isobar::storage {
/// The media type that a file's name suggests; "application/octet-stream" when it suggests none.
std::string_view content_type_of(std::string_view name);
}  // namespace isobar::storage
