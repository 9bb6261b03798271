#pragma once

/// From what was written to a tree that can be evaluated: columns found, operators and functions chosen by their operands' types, operands
/// made of the types that are needed, literals read once.

#include <set>

#include "features/schema.h"
#include "node.h"
#include "syntax.h"

namespace isobar::features {

struct Typed {
  NodePtr root;
  std::set<std::size_t> columns;  ///< those that are read
};

/// text     what the syntax was parsed from, for messages
/// Errors   kInvalidArgument, with the place
Result<Typed> type_syntax(std::string_view text, const Schema& schema, const Syntax& syntax);

/// Makes a node give another type by PostgreSQL's implicit casts: towards wider numbers, and of literals that have no type yet.
/// Errors   kInvalidArgument: there is none
Result<NodePtr> coerce(std::string_view text, NodePtr node, Type type);
bool can_coerce(const Node& node, Type type);
/// CAST. Of a literal it is done at once.
Result<NodePtr> explicit_cast(std::string_view text, std::size_t at, NodePtr node, Type type);
/// One type for all of them, as CASE and COALESCE need it. Errors   kInvalidArgument: there is none
Result<Type> common_type(std::string_view text, const std::vector<NodePtr>& nodes);
/// The same of two or more that are compared, where integers and floats meet in float64.
Result<Type> compared_type(std::string_view text, const std::vector<NodePtr>& nodes);
Status coerce_all(std::string_view text, std::vector<NodePtr>& nodes, Type type);
bool is_untyped(const Node& node);

}  // namespace isobar::features
