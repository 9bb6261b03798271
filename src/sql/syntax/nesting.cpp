// PostgreSQL's grammar makes deep trees in three ways: by brackets, by operators in a row (1 + 1 + 1 …, NOT NOT …), and by chains of joins
// and set operations. The tree's readers recurse, so the depth is bounded from the tokens alone: within a bracket the operators since the
// last comma (AND and OR make flat lists, and separate as commas do), the links of chains since the bracket, and the deepest bracket
// inside.

#include "nesting.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string>
#include <vector>

namespace isobar::sql {
namespace {

struct Level {
  int chain = 0, operators = 0, inner = 0, deepest = 0;
  void separate() {
    deepest = std::max(deepest, operators + inner);
    operators = inner = 0;
  }
  int depth() const { return chain + std::max(deepest, operators + inner) + 1; }
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || static_cast<signed char>(c) < 0; }

class Scanner {
 public:
  explicit Scanner(std::string_view sql) : sql_(sql) { levels_.reserve(16), levels_.emplace_back(); }

  int run() {
    while (at_ < sql_.size()) step();
    while (levels_.size() > 1) close();
    return levels_[0].depth();
  }

 private:
  void step() {
    const char c = sql_[at_];
    if (c == '\'') return quoted(c, at_ > 0 && (sql_[at_ - 1] == 'e' || sql_[at_ - 1] == 'E'));
    if (c == '"') return quoted(c, false);
    if (c == '$' && dollar_quoted()) return;
    if (sql_.substr(at_, 2) == "--") return skip_to("\n");
    if (sql_.substr(at_, 2) == "/*") return comment();
    if (is_word(c)) return word();
    ++at_;
    if (c == '(' || c == '[') levels_.emplace_back();
    if (c == ')' || c == ']') close();
    if (c == ',' || c == ';') levels_.back().separate();
    if (std::string_view("+-*/<>=~!@#%^&|`?:").find(c) != std::string_view::npos) operators(c);
  }
  void operators(char first) {
    while (at_ < sql_.size() && sql_[at_] == first) ++at_;
    ++levels_.back().operators;
  }
  void close() {
    if (levels_.size() == 1) return;
    const int depth = levels_.back().depth();
    levels_.pop_back();
    levels_.back().inner = std::max(levels_.back().inner, depth);
  }
  void quoted(char quote, bool backslashes) {
    for (++at_; at_ < sql_.size(); ++at_) {
      if (backslashes && sql_[at_] == '\\') ++at_;
      else if (sql_[at_] == quote) break;
    }
    ++at_;
  }
  bool dollar_quoted() {
    std::size_t end = at_ + 1;
    while (end < sql_.size() && is_word(sql_[end]) && sql_[end] != '$') ++end;
    if (end >= sql_.size() || sql_[end] != '$') return false;
    const auto tag = sql_.substr(at_, end + 1 - at_);
    at_ = end + 1;
    skip_to(tag);
    return true;
  }
  void skip_to(std::string_view what) {
    const auto found = sql_.find(what, at_);
    at_ = found == std::string_view::npos ? sql_.size() : found + what.size();
  }
  void comment() {
    int open = 1;
    for (at_ += 2; at_ < sql_.size() && open > 0; ++at_) {
      const auto two = sql_.substr(at_, 2);
      if (two == "/*") ++open, ++at_;
      if (two == "*/") --open, ++at_;
    }
  }
  void word() {
    const std::size_t from = at_;
    while (at_ < sql_.size() && is_word(sql_[at_])) ++at_;
    std::array<char, 10> lower{};
    const std::size_t size = at_ - from;
    if (size < 2 || size > 9) return;
    for (std::size_t i = 0; i < size; ++i) lower[i] = static_cast<char>(sql_[from + i] | 0x20);
    known({lower.data(), size});
  }
  void known(std::string_view word) {
    auto& level = levels_.back();
    if (word == "case") levels_.emplace_back();
    else if (word == "end") close();
    else if (word == "and" || word == "or" || word == "when" || word == "then" || word == "else") level.separate();
    else if (word == "join" || word == "union" || word == "except" || word == "intersect") ++level.chain;
    else if (word == "not" || word == "is" || word == "at" || word == "isnull" || word == "notnull" || word == "collate" ||
             word == "operator")
      ++level.operators;
    else if (word == "explain" || word == "prepare" || word == "declare") ++level.chain;
  }

  std::string_view sql_;
  std::size_t at_ = 0;
  std::vector<Level> levels_;
};

}  // namespace

int nesting_most(std::string_view sql) { return Scanner(sql).run(); }

}  // namespace isobar::sql
