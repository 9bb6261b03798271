#pragma once

/// The parser's tree before it is packed into a message.

#include <pg_query/pg_query.pb-c.h>

#include <functional>

namespace isobar::sql {

/// While it lives, what this thread parses is handed to `read` as it is, and no message is made of it: packing and unpacking cost three
/// times what parsing does. `read` says whether it has taken the tree; if not, it is packed after all.
class CapturedTree {
 public:
  explicit CapturedTree(const std::function<bool(const PgQuery__ParseResult& tree)>& read);
  ~CapturedTree();
  CapturedTree(const CapturedTree&) = delete;
  CapturedTree& operator=(const CapturedTree&) = delete;
};

}  // namespace isobar::sql
