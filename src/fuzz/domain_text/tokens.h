#pragma once

/// The words of one line of a definition, and where they stand.

#include <string>
#include <string_view>
#include <vector>

#include "fuzz/domain_text.h"

namespace isobar::fuzz {

struct Token {
  std::string_view text;
  unsigned column;
};

/// Words (letters, digits and _ . : ~ $ @), numbers and operators of a line, up to a `#`.
std::vector<Token> tokens_of(std::string_view line);

/// The tokens of a line one after the other. Behind the last stands one that is empty, where the line ends.
class Tokens {
 public:
  Tokens(std::string_view line, unsigned number);

  bool at_end() const { return next_ == tokens_.size(); }
  const Token& peek() const { return at_end() ? end_ : tokens_[next_]; }
  Token take() { return at_end() ? end_ : tokens_[next_++]; }
  /// Takes the next if it is `text`.
  bool take(std::string_view text);

  /// An error at the next token.
  TextError error(std::string message) const { return {line_, peek().column, std::move(message)}; }
  TextError error_at(const Token& token, std::string message) const { return {line_, token.column, std::move(message)}; }

 private:
  std::vector<Token> tokens_;
  Token end_;
  size_t next_ = 0;
  unsigned line_;
};

}  // namespace isobar::fuzz
