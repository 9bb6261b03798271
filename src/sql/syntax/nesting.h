#pragma once

/// How deeply a text of SQL may nest, before anything that recurses reads it.

#include <string_view>

namespace isobar::sql {

/// No tree that the grammar makes of `sql` is deeper. Cost: one pass over the text, which need not be valid.
int nesting_most(std::string_view sql);

}  // namespace isobar::sql
