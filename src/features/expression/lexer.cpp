#include "lexer.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "place.h"

namespace isobar::features {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80; }
bool is_name_part(char c) { return is_name_start(c) || is_digit(c) || c == '$'; }

constexpr std::array<std::string_view, 22> kSymbols{"::", "<=", ">=", "<>", "!=", "||", "+", "-", "*", "/", "%",
                                                    "^",  "(",  ")",  ",",  "[",  "]",  "<", ">", "=", ".", ";"};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Result<std::vector<Token>> run() {
    std::vector<Token> tokens;
    while (true) {
      TRY(skip_blanks());
      TRY_ASSIGN(Token token, next());
      tokens.push_back(std::move(token));
      if (tokens.back().kind == TokenKind::kEnd) return tokens;
    }
  }

 private:
  char at(std::size_t offset) const { return here_ + offset < text_.size() ? text_[here_ + offset] : '\0'; }
  Error wrong(std::size_t where, std::string_view what) const { return error_at(text_, where, what); }

  Status skip_blanks() {
    while (here_ < text_.size()) {
      if (std::string_view(" \t\r\n\f\v").find(at(0)) != std::string_view::npos) ++here_;
      else if (at(0) == '-' && at(1) == '-') here_ = std::min(text_.find('\n', here_), text_.size());
      else if (at(0) == '/' && at(1) == '*') TRY(skip_comment());
      else break;
    }
    return {};
  }
  /// They nest, as they do in PostgreSQL.
  Status skip_comment() {
    const std::size_t start = here_;
    for (std::size_t depth = 0;;) {
      if (here_ >= text_.size()) return wrong(start, "a comment that does not end; close it by */");
      const std::string_view two = text_.substr(here_, 2);
      here_ += two == "/*" || two == "*/" ? 2 : 1;
      if (two == "/*") ++depth;
      if (two == "*/" && --depth == 0) return {};
    }
  }

  Result<Token> next() {
    const std::size_t start = here_;
    if (start == text_.size()) return Token{TokenKind::kEnd, "", "", start};
    const char c = at(0);
    if ((c == 'E' || c == 'e') && at(1) == '\'') return ++here_, quoted('\'', true, start);
    if (c == '\'' || c == '"') return quoted(c, false, start);
    if (is_digit(c) || (c == '.' && is_digit(at(1)))) return number();
    if (is_name_start(c)) {
      while (is_name_part(at(0))) ++here_;
      std::string spelled(text_.substr(start, here_ - start));
      return Token{TokenKind::kName, to_lower(spelled), std::move(spelled), start};
    }
    for (const auto symbol : kSymbols)
      if (text_.substr(here_).starts_with(symbol)) {
        here_ += symbol.size();
        return Token{TokenKind::kSymbol, symbol == "!=" ? "<>" : std::string(symbol), "", start};
      }
    return wrong(start, fmt::format("'{}' means nothing here", c));
  }

  Result<Token> number() {
    const std::size_t start = here_;
    bool real = false;
    while (is_digit(at(0))) ++here_;
    if (at(0) == '.') {
      real = true;
      ++here_;
      while (is_digit(at(0))) ++here_;
    }
    const std::size_t sign = at(1) == '+' || at(1) == '-' ? 1 : 0;
    if ((at(0) == 'e' || at(0) == 'E') && is_digit(at(1 + sign))) {
      real = true;
      here_ += 1 + sign;
      while (is_digit(at(0))) ++here_;
    }
    if (is_name_start(at(0))) return wrong(here_, "a number that runs into a word; put a blank between them");
    return Token{real ? TokenKind::kReal : TokenKind::kInteger, std::string(text_.substr(start, here_ - start)), "", start};
  }

  Result<Token> quoted(char quote, bool escapes, std::size_t start) {
    std::string text;
    ++here_;
    while (true) {
      if (here_ >= text_.size())
        return wrong(start, quote == '"' ? "a name that does not end; close it by \"" : "a text that does not end; close it by '");
      const char c = at(0);
      ++here_;
      if (c == quote && at(0) == quote) ++here_;
      else if (c == quote) break;
      if (c == '\\' && escapes) {
        TRY(escape(text));
        continue;
      }
      text += c;
    }
    if (quote == '\'') return Token{TokenKind::kText, std::move(text), "", start};
    if (text.empty()) return wrong(start, "a name of no letters");
    return Token{TokenKind::kQuotedName, text, text, start};
  }
  /// After the backslash.
  Status escape(std::string& text) {
    constexpr std::string_view kLetters = "bfnrt\\'\"", kMeanings = "\b\f\n\r\t\\'\"";
    const auto known = kLetters.find(at(0));
    if (here_ >= text_.size() || known == std::string_view::npos)
      return wrong(here_ - 1, R"(an escape that is none of \b \f \n \r \t \\ \' \")");
    text += kMeanings[known];
    ++here_;
    return {};
  }

  std::string_view text_;
  std::size_t here_ = 0;
};

}  // namespace

Result<std::vector<Token>> tokenize(std::string_view text) {
  if (!is_utf8(text)) return invalid("the expression is not UTF-8");
  if (text.find('\0') != std::string_view::npos) return invalid("the expression has a NUL in it");
  return Lexer(text).run();
}

}  // namespace isobar::features
