#include "quoting.h"

#include <cctype>

namespace isobar::db {

namespace {
std::string doubled(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text) out.append(c == quote ? 2 : 1, c);
  return out + quote;
}
}  // namespace

std::string quoted_name(const std::string& name) {
  const bool plain = !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
                     name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string::npos;
  return plain ? name : doubled(name, '"');
}

std::string always_quoted(const std::string& name) { return doubled(name, '"'); }
std::string quoted_text(const std::string& value) { return doubled(value, '\''); }

}  // namespace isobar::db
