#pragma once

// Names and texts as SQL has them.

#include <string>

namespace isobar::db {

/// In quotes where its letters ask for them: not for where a keyword could be taken for it.
std::string quoted_name(const std::string& name);
std::string always_quoted(const std::string& name);
std::string quoted_text(const std::string& value);

}  // namespace isobar::db
