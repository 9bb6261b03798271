#pragma once

/// The words of an expression, as PostgreSQL cuts them: names (folded to lower case, or as they are in double quotes), numbers, 'texts'
/// with
/// '' for a quote, E'\n' with escapes, operators, and comments that are skipped.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isobar::features {

enum class TokenKind { kName, kQuotedName, kInteger, kReal, kText, kSymbol, kEnd };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;     ///< names folded, texts without quotes and escapes
  std::string spelled;  ///< names as they were written
  std::size_t at = 0;   ///< the byte where it begins

  bool is(std::string_view symbol_or_word) const {
    return (kind == TokenKind::kSymbol || kind == TokenKind::kName) && text == symbol_or_word;
  }
};

/// All of them; the last is kEnd. Errors   kInvalidArgument, with the place
Result<std::vector<Token>> tokenize(std::string_view text);

}  // namespace isobar::features
