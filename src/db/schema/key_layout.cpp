#include "db/key_layout.h"

namespace isobar::db {

void append_number(std::string& out, std::uint32_t number) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
}

namespace key {

namespace {
std::string with_number(std::string prefix, std::uint32_t number) {
  append_number(prefix, number);
  return prefix;
}
}  // namespace

std::string object(sql::Oid id) { return with_number("s/o/", id); }
std::string schema(const std::string& name) { return "s/n/" + name; }
std::string role(const std::string& name) { return "s/r/" + name; }
std::string sequence(sql::Oid id) { return with_number("q", id); }
std::string rows(std::uint32_t storage) { return with_number("t", storage); }
std::string entries(std::uint32_t storage, sql::Oid index) { return with_number(with_number("i", storage), index); }

std::string behind(std::string prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

}  // namespace key
}  // namespace isobar::db
