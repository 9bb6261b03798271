#include "fuzz/dictionary.h"

#include <fmt/format.h>

#include <charconv>

namespace isobar::fuzz {
namespace {

Error wrong(int line, std::string_view what) { return invalid(fmt::format("line {} of the dictionary: {}", line, what)); }

Result<Bytes> unquoted(std::string_view quoted, int line) {
  Bytes token;
  for (std::size_t i = 0; i < quoted.size(); ++i) {
    if (quoted[i] != '\\') {
      token.push_back(static_cast<std::uint8_t>(quoted[i]));
    } else if (i + 1 < quoted.size() && (quoted[i + 1] == '\\' || quoted[i + 1] == '"')) {
      token.push_back(static_cast<std::uint8_t>(quoted[++i]));
    } else if (i + 3 < quoted.size() && quoted[i + 1] == 'x') {
      std::uint8_t value = 0;
      const char* digits = quoted.data() + i + 2;
      if (std::from_chars(digits, digits + 2, value, 16).ptr != digits + 2) return wrong(line, "\\x takes two hexadecimal digits");
      token.push_back(value);
      i += 3;
    } else {
      return wrong(line, R"(a \ begins \\, \" or \xAB)");
    }
  }
  return token;
}

}  // namespace

void Dictionary::add(ByteView token) {
  if (token.empty() || token.size() > 128 || tokens_.size() >= kTokensMax) return;
  if (known_.emplace(reinterpret_cast<const char*>(token.data()), token.size()).second) tokens_.emplace_back(token.begin(), token.end());
}

Result<std::vector<Bytes>> Dictionary::parse(std::string_view text) {
  std::vector<Bytes> tokens;
  int number = 0;
  while (!text.empty()) {
    ++number;
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const auto first = line.find_first_not_of(" \t\r");
    if (first == std::string_view::npos || line[first] == '#') continue;
    const auto open = line.find('"'), close = line.rfind('"');
    if (open == std::string_view::npos || open == close) return wrong(number, "a token stands between quotes: name=\"text\"");
    if (line.find_first_not_of(" \t\r", close + 1) != std::string_view::npos) return wrong(number, "nothing follows the closing quote");
    TRY_ASSIGN(auto token, unquoted(line.substr(open + 1, close - open - 1), number));
    if (token.empty()) return wrong(number, "a token is not empty");
    tokens.push_back(std::move(token));
  }
  return tokens;
}

}  // namespace isobar::fuzz
