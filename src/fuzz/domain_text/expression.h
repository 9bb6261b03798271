#pragma once

/// Expressions, by precedence: | then ^ then & then << >> then + - then * / %, as C has them.

#include <variant>

#include "tokens.h"

namespace isobar::fuzz {

/// Reads one from the tokens, which may have more behind it. `match` says which names there are.
std::variant<Expression, TextError> read_expression(Tokens& tokens, Match match);

/// A number, decimal or 0x…, alone. False: it is none, or does not fit.
bool read_number(std::string_view text, uint64_t& number);

}  // namespace isobar::fuzz
