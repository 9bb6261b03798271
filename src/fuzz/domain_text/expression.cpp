#include "expression.h"

#include <array>
#include <charconv>
#include <optional>

namespace isobar::fuzz {
namespace {

constexpr int kDepthMax = 100;

struct Operator {
  std::string_view text;
  int precedence;
  Expression::Kind kind;
};
constexpr std::array<Operator, 10> kOperators = {{{"|", 1, Expression::Kind::kOr},
                                                  {"^", 2, Expression::Kind::kXor},
                                                  {"&", 3, Expression::Kind::kAnd},
                                                  {"<<", 4, Expression::Kind::kShiftLeft},
                                                  {">>", 4, Expression::Kind::kShiftRight},
                                                  {"+", 5, Expression::Kind::kAdd},
                                                  {"-", 5, Expression::Kind::kSubtract},
                                                  {"*", 6, Expression::Kind::kMultiply},
                                                  {"/", 6, Expression::Kind::kDivide},
                                                  {"%", 6, Expression::Kind::kRemainder}}};

const Operator* operator_of(std::string_view text) {
  for (const Operator& one : kOperators)
    if (one.text == text) return &one;
  return nullptr;
}

bool has_arguments(Match match) { return match == Match::kCall || match == Match::kEntry || match == Match::kReturn; }

std::string names_in(Match match) {
  switch (match) {
    case Match::kCall: return "argument N, return value";
    case Match::kEntry: return "argument N";
    case Match::kReturn: return "argument N, return value";
    case Match::kLoad: return "loaded, size";
    case Match::kStore: return "stored, size";
    case Match::kCompare: return "left, right, size";
    default: return "";
  }
}

class Parser {
 public:
  Parser(Tokens& tokens, Match match) : tokens_(tokens), match_(match) {}

  std::variant<Expression, TextError> read() {
    Expression result = binary(1, 0);
    if (error_) return *error_;
    return result;
  }

 private:
  Expression fail(TextError error) {
    if (!error_) error_ = std::move(error);
    return {};
  }

  Expression binary(int precedence, int depth) {
    if (depth > kDepthMax) return fail(tokens_.error("this is nested too deeply: 100 are allowed"));
    Expression left = primary(depth);
    while (!error_) {
      const Operator* next = operator_of(tokens_.peek().text);
      if (next == nullptr || next->precedence < precedence) break;
      tokens_.take();
      Expression right = binary(next->precedence + 1, depth + 1);
      Expression both{next->kind, 0, {}};
      both.of.push_back(std::move(left));
      both.of.push_back(std::move(right));
      left = std::move(both);
    }
    return left;
  }

  Expression primary(int depth) {
    const Token token = tokens_.peek();
    if (tokens_.take("(")) {
      Expression inner = binary(1, depth + 1);
      if (!error_ && !tokens_.take(")")) return fail(tokens_.error("a ) is missing here"));
      return inner;
    }
    Expression made;
    if (read_number(token.text, made.number)) {
      tokens_.take();
      return made;
    }
    if (token.text == "min" || token.text == "max" || token.text == "distance") return function(depth);
    return name(token);
  }

  Expression function(int depth) {
    const std::string_view called = tokens_.take().text;
    Expression made{called == "min"   ? Expression::Kind::kMinimum
                    : called == "max" ? Expression::Kind::kMaximum
                                      : Expression::Kind::kDistance,
                    0,
                    {}};
    if (!tokens_.take("(")) return fail(tokens_.error(std::string(called) + " has two values, as in " + std::string(called) + "(1, 2)"));
    made.of.push_back(binary(1, depth + 1));
    if (!error_ && !tokens_.take(",")) return fail(tokens_.error("a , and a second value are missing here"));
    if (!error_) made.of.push_back(binary(1, depth + 1));
    if (!error_ && !tokens_.take(")")) return fail(tokens_.error("a ) is missing here"));
    return made;
  }

  Expression name(const Token& token) {
    if (token.text == "argument" && has_arguments(match_)) return argument();
    if (token.text == "return" && (match_ == Match::kCall || match_ == Match::kReturn)) {
      tokens_.take();
      if (!tokens_.take("value")) return fail(tokens_.error("\"return\" stands for nothing here; \"return value\" does"));
      return {Expression::Kind::kResult, 0, {}};
    }
    struct Named {
      std::string_view text;
      Expression::Kind kind;
      bool there;
    };
    const bool moves = match_ == Match::kLoad || match_ == Match::kStore;
    for (const Named& one : {Named{"size", Expression::Kind::kSize, moves || match_ == Match::kCompare},
                             Named{"stored", Expression::Kind::kValue, match_ == Match::kStore},
                             Named{"loaded", Expression::Kind::kValue, match_ == Match::kLoad},
                             Named{"left", Expression::Kind::kLeft, match_ == Match::kCompare},
                             Named{"right", Expression::Kind::kRight, match_ == Match::kCompare}}) {
      if (!one.there || one.text != token.text) continue;
      tokens_.take();
      return {one.kind, 0, {}};
    }
    const std::string names = names_in(match_);
    const std::string what = token.text.empty() ? "a value is missing here" : "\"" + std::string(token.text) + "\" is no value here";
    return fail(tokens_.error_at(token, what + ": there are numbers" + (names.empty() ? "" : ", " + names) +
                                            ", and what + - * / % & | ^ << >> min max distance make of them"));
  }

  Expression argument() {
    tokens_.take();
    Expression made{Expression::Kind::kArgument, 0, {}};
    const Token which = tokens_.peek();
    if (!read_number(which.text, made.number) || made.number > 63)
      return fail(tokens_.error_at(which, "argument needs to be told which, from 0 to 63: argument 0 is the first"));
    tokens_.take();
    return made;
  }

  Tokens& tokens_;
  Match match_;
  std::optional<TextError> error_;
};

}  // namespace

bool read_number(std::string_view text, uint64_t& number) {
  const bool hexadecimal = text.starts_with("0x");
  if (hexadecimal) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, hexadecimal ? 16 : 10);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

std::variant<Expression, TextError> read_expression(Tokens& tokens, Match match) { return Parser(tokens, match).read(); }

}  // namespace isobar::fuzz
