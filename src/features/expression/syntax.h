#pragma once

/// What was written, before it is known what it means.

#include <memory>
#include <string>
#include <vector>

#include "features/type.h"

namespace isobar::features {

enum class SyntaxKind {
  kNull,
  kBool,
  kInteger,
  kReal,
  kText,
  kColumn,
  kCall,        ///< an operator or a function by its name, with its operands
  kCast,        ///< one operand to `type`
  kCase,        ///< when, then, when, then, …, and the else, if their number is odd
  kSimpleCase,  ///< the operand, and then as kCase
};

struct Syntax {
  SyntaxKind kind = SyntaxKind::kNull;
  std::size_t at = 0;   ///< the byte of the text where it is told of in errors: an operator, a name
  std::string text;     ///< of a literal its digits or letters, the column's or function's name; "true" and "false"
  std::string spelled;  ///< of a column without quotes: as it was written
  std::vector<std::unique_ptr<Syntax>> operands;
  Type type;
  std::size_t height = 0;  ///< of the tree below, itself included
};
using SyntaxPtr = std::unique_ptr<Syntax>;

/// The operators that are calls have these names: + - * / % ^ || = <> < <= > >= and or not neg [] between in like "is null" "is true" "is
/// false" "is distinct". What is written with NOT inside (NOT IN, IS NOT NULL) is a call of not. Errors   kInvalidArgument, with the place
Result<SyntaxPtr> parse_syntax(std::string_view text);

}  // namespace isobar::features
