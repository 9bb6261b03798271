#include "tokens.h"

#include <cctype>

namespace isobar::fuzz {
namespace {

bool is_of_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || std::string_view("_.:~$@").find(c) != std::string_view::npos;
}

size_t length_of_token(std::string_view rest) {
  if (!is_of_word(rest[0])) return rest.starts_with("<<") || rest.starts_with(">>") ? 2 : 1;
  size_t length = 1;
  while (length < rest.size() && is_of_word(rest[length])) ++length;
  return length;
}

}  // namespace

std::vector<Token> tokens_of(std::string_view line) {
  std::vector<Token> tokens;
  for (size_t at = 0; at < line.size() && line[at] != '#';) {
    if (std::isspace(static_cast<unsigned char>(line[at]))) {
      ++at;
      continue;
    }
    const size_t length = length_of_token(line.substr(at));
    tokens.push_back({line.substr(at, length), static_cast<unsigned>(at + 1)});
    at += length;
  }
  return tokens;
}

Tokens::Tokens(std::string_view line, unsigned number) : tokens_(tokens_of(line)), line_(number) {
  end_ = {std::string_view(), tokens_.empty() ? 1 : static_cast<unsigned>(tokens_.back().column + tokens_.back().text.size())};
}

bool Tokens::take(std::string_view text) {
  if (peek().text != text || at_end()) return false;
  ++next_;
  return true;
}

}  // namespace isobar::fuzz
