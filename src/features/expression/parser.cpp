// A parser by precedence (Pratt, 1973): each operator binds its operands with a strength, and an operand goes to the stronger of its two
// neighbours. The strengths are PostgreSQL's.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "lexer.h"
#include "place.h"
#include "syntax.h"

namespace isobar::features {

namespace {

constexpr std::size_t kDepthMost = 100, kHeightMost = 1'000, kPartsMost = 10'000, kTextBytesMost = std::size_t{64} << 10;

/// From weak to strong.
enum Strength { kLoosest, kOr, kAnd, kNot, kIs, kComparison, kMembership, kOther, kSum, kProduct, kPower, kSign, kElement, kCastStrength };

struct Operator {
  std::string_view symbol;
  Strength strength;
};
constexpr std::array kInfix{
    Operator{"or", kOr},           Operator{"and", kAnd},         Operator{"is", kIs},         Operator{"=", kComparison},
    Operator{"<>", kComparison},   Operator{"<", kComparison},    Operator{"<=", kComparison}, Operator{">", kComparison},
    Operator{">=", kComparison},   Operator{"not", kMembership},  Operator{"in", kMembership}, Operator{"between", kMembership},
    Operator{"like", kMembership}, Operator{"||", kOther},        Operator{"+", kSum},         Operator{"-", kSum},
    Operator{"*", kProduct},       Operator{"/", kProduct},       Operator{"%", kProduct},     Operator{"^", kPower},
    Operator{"[", kElement},       Operator{"::", kCastStrength},
};
constexpr std::array<std::string_view, 21> kReserved{"and",  "or",   "not",  "is",   "in",     "between",  "like",
                                                     "case", "when", "then", "else", "end",    "null",     "true",
                                                     "from", "for",  "as",   "cast", "select", "distinct", "false"};

class Parser {
 public:
  Parser(std::string_view text, std::vector<Token> tokens) : text_(text), tokens_(std::move(tokens)) {}

  Result<SyntaxPtr> run() {
    if (peek().kind == TokenKind::kEnd) return wrong("the expression is empty");
    TRY_ASSIGN(SyntaxPtr whole, expression(kLoosest));
    if (peek().kind != TokenKind::kEnd) return wrong(fmt::format("{} where the expression could end", seen()));
    return whole;
  }

 private:
  const Token& peek() const { return tokens_[next_]; }
  const Token& take() { return tokens_[next_ + 1 < tokens_.size() ? next_++ : next_]; }
  bool take_if(std::string_view word) { return peek().is(word) && (take(), true); }
  std::string seen() const { return peek().kind == TokenKind::kEnd ? "the end is" : fmt::format("'{}' stands", peek().text); }
  Error wrong(std::string_view what) const { return error_at(text_, peek().at, what); }
  Status expect(std::string_view word) {
    if (take_if(word)) return {};
    return wrong(fmt::format("{} where '{}' is needed", seen(), word));
  }
  Result<SyntaxPtr> make(SyntaxKind kind, std::size_t at, std::string text = "") {
    if (++parts_ > kPartsMost) return error_at(text_, at, fmt::format("more than {} parts; split the expression", kPartsMost));
    auto made = std::make_unique<Syntax>();
    made->kind = kind, made->at = at, made->text = std::move(text);
    return made;
  }
  Result<SyntaxPtr> call(std::size_t at, std::string name, SyntaxPtr first, SyntaxPtr second = nullptr, SyntaxPtr third = nullptr) {
    TRY_ASSIGN(SyntaxPtr made, make(SyntaxKind::kCall, at, std::move(name)));
    made->operands.push_back(std::move(first));
    if (second) made->operands.push_back(std::move(second));
    if (third) made->operands.push_back(std::move(third));
    return made;
  }

  Result<SyntaxPtr> expression(Strength least) {
    if (++depth_ > kDepthMost) return wrong(fmt::format("nested more than {} deep; split the expression", kDepthMost));
    TRY_ASSIGN(SyntaxPtr left, operand());
    while (const Operator* infix = infix_here(least)) {
      TRY_ASSIGN(left, after(std::move(left), *infix));
      if (measure(*left) > kHeightMost) return wrong("too many operators on top of one another; group them by brackets");
      const Operator* next = infix_here(least);
      const bool alone = infix->strength == kComparison || infix->strength == kMembership;
      if (alone && next != nullptr && next->strength == infix->strength)
        return wrong(fmt::format("'{}' after another comparison; put one of them in brackets", peek().text));
    }
    measure(*left);
    --depth_;
    return left;
  }
  /// A chain of operators makes a tree as high as it is long, though it nests nothing; whoever walks it goes as deep.
  static std::size_t measure(Syntax& made) {
    if (made.height > 0) return made.height;
    for (const auto& operand : made.operands) made.height = std::max(made.height, measure(*operand));
    return ++made.height;
  }
  const Operator* infix_here(Strength least) const {
    for (const Operator& infix : kInfix)
      if (peek().is(infix.symbol)) return infix.strength > least ? &infix : nullptr;
    return nullptr;
  }

  Result<SyntaxPtr> after(SyntaxPtr left, const Operator& infix) {
    const Token& token = take();
    const std::size_t at = token.at;
    if (infix.symbol == "::") return cast_to(at, std::move(left));
    if (infix.symbol == "[") {
      TRY_ASSIGN(SyntaxPtr index, expression(kLoosest));
      TRY(expect("]"));
      return call(at, "[]", std::move(left), std::move(index));
    }
    if (infix.symbol == "is") return is(at, std::move(left));
    if (infix.strength == kMembership) return membership(token, std::move(left));
    TRY_ASSIGN(SyntaxPtr right, expression(infix.strength));
    return call(at, std::string(infix.symbol), std::move(left), std::move(right));
  }

  Result<SyntaxPtr> negated(bool whether, std::size_t at, Result<SyntaxPtr> made) {
    if (!whether || !made) return made;
    return call(at, "not", std::move(*made));
  }

  Result<SyntaxPtr> is(std::size_t at, SyntaxPtr left) {
    const bool negative = take_if("not");
    for (const char* word : {"null", "true", "false"})
      if (take_if(word)) return negated(negative, at, call(at, fmt::format("is {}", word), std::move(left)));
    if (take_if("unknown")) {
      // A bool that is null; anything else that is no bool is told by its type.
      TRY_ASSIGN(SyntaxPtr checked, call(at, "is unknown", std::move(left)));
      return negated(negative, at, std::move(checked));
    }
    if (!take_if("distinct")) return wrong(fmt::format("{} where NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM is needed", seen()));
    TRY(expect("from"));
    TRY_ASSIGN(SyntaxPtr right, expression(kIs));
    return negated(negative, at, call(at, "is distinct", std::move(left), std::move(right)));
  }

  Result<SyntaxPtr> membership(const Token& first, SyntaxPtr left) {
    const std::size_t at = first.at;
    const bool negative = first.is("not");
    if (negative && !peek().is("in") && !peek().is("between") && !peek().is("like"))
      return wrong(fmt::format("{} where IN, BETWEEN or LIKE is needed", seen()));
    const std::string which = negative ? take().text : first.text;
    if (which == "in") return negated(negative, at, in(at, std::move(left)));
    if (which == "like") return negated(negative, at, like(at, std::move(left)));
    TRY_ASSIGN(SyntaxPtr least, expression(kMembership));
    TRY(expect("and"));
    TRY_ASSIGN(SyntaxPtr most, expression(kMembership));
    return negated(negative, at, call(at, "between", std::move(left), std::move(least), std::move(most)));
  }
  Result<SyntaxPtr> in(std::size_t at, SyntaxPtr left) {
    TRY_ASSIGN(SyntaxPtr made, call(at, "in", std::move(left)));
    TRY(expect("("));
    TRY(arguments(*made));
    if (made->operands.size() == 1) return error_at(text_, at, "IN of an empty list");
    return made;
  }
  Result<SyntaxPtr> like(std::size_t at, SyntaxPtr left) {
    TRY_ASSIGN(SyntaxPtr pattern, expression(kMembership));
    if (!peek().is("escape")) return call(at, "like", std::move(left), std::move(pattern));
    take();
    TRY_ASSIGN(SyntaxPtr escape, expression(kMembership));
    return call(at, "like", std::move(left), std::move(pattern), std::move(escape));
  }

  /// What stands where no operator has an operand yet.
  Result<SyntaxPtr> operand() {
    const Token& token = peek();
    switch (token.kind) {
      case TokenKind::kInteger: return make(SyntaxKind::kInteger, token.at, take().text);
      case TokenKind::kReal: return make(SyntaxKind::kReal, token.at, take().text);
      case TokenKind::kText: return make(SyntaxKind::kText, token.at, take().text);
      case TokenKind::kQuotedName: return make(SyntaxKind::kColumn, token.at, take().text);
      case TokenKind::kName: return named(take());
      case TokenKind::kSymbol: return prefix(take());
      case TokenKind::kEnd: break;
    }
    return wrong("the end is where a value is needed");
  }
  Result<SyntaxPtr> prefix(const Token& token) {
    if (token.is("(")) {
      TRY_ASSIGN(SyntaxPtr inside, expression(kLoosest));
      TRY(expect(")"));
      return inside;
    }
    if (!token.is("-") && !token.is("+")) return error_at(text_, token.at, fmt::format("'{}' stands where a value is needed", token.text));
    TRY_ASSIGN(SyntaxPtr number, expression(kSign));
    if (token.is("+")) return call(token.at, "plus", std::move(number));
    // The least int64 has no positive counterpart, so a minus belongs to the digits behind it.
    const bool literal = number->kind == SyntaxKind::kInteger || number->kind == SyntaxKind::kReal;
    if (literal && !number->text.starts_with('-')) return number->text.insert(0, "-"), std::move(number);
    return call(token.at, "neg", std::move(number));
  }

  Result<SyntaxPtr> named(const Token& token) {
    const std::size_t at = token.at;
    if (token.text == "null") return make(SyntaxKind::kNull, at);
    if (token.text == "true" || token.text == "false") return make(SyntaxKind::kBool, at, token.text);
    if (token.text == "not") {
      TRY_ASSIGN(SyntaxPtr inside, expression(kNot));
      return call(at, "not", std::move(inside));
    }
    if (token.text == "case") return case_of(at);
    if (token.text == "cast" && take_if("(")) {
      TRY_ASSIGN(SyntaxPtr inside, expression(kLoosest));
      TRY(expect("as"));
      TRY_ASSIGN(SyntaxPtr made, cast_to(at, std::move(inside)));
      TRY(expect(")"));
      return made;
    }
    for (const auto word : kReserved)
      if (token.text == word)
        return error_at(text_, at,
                        fmt::format("{} stands where a value is needed; a column of that name is written \"{}\"", token.spelled, word));
    const bool time = token.text == "timestamp" || token.text == "timestamptz";
    if (time && peek().kind == TokenKind::kText) {
      TRY_ASSIGN(SyntaxPtr text, make(SyntaxKind::kText, peek().at, peek().text));
      take();
      return cast(at, std::move(text), Type{Kind::kTimestamp});
    }
    if (take_if("(")) return function(token);
    TRY_ASSIGN(SyntaxPtr column, make(SyntaxKind::kColumn, at, token.text));
    column->spelled = token.spelled;
    return column;
  }

  Result<SyntaxPtr> function(const Token& name) {
    TRY_ASSIGN(SyntaxPtr made, make(SyntaxKind::kCall, name.at, name.text));
    if (name.text == "extract") TRY(extract_field(*made));
    if (name.text == "trim") TRY(trim_side(*made));
    if (take_if(")")) return made;
    TRY(arguments(*made));
    if (made->text == "trim of") {  // TRIM(chars FROM text) is written the other way round
      made->text = "btrim";
      std::swap(made->operands[0], made->operands[1]);
    }
    return made;
  }
  /// EXTRACT(field FROM time): the field as a text, as date_part takes it.
  Status extract_field(Syntax& made) {
    if (peek().kind != TokenKind::kName && peek().kind != TokenKind::kText) return wrong("EXTRACT needs a field: extract(hour from time)");
    TRY_ASSIGN(SyntaxPtr field, make(SyntaxKind::kText, peek().at, peek().text));
    take();
    made.text = "date_part";
    made.operands.push_back(std::move(field));
    return expect("from");
  }
  /// TRIM([BOTH | LEADING | TRAILING] [chars] FROM text), beside trim(text, chars).
  Status trim_side(Syntax& made) {
    made.text = take_if("leading") ? "ltrim" : take_if("trailing") ? "rtrim" : (take_if("both"), "btrim");
    if (take_if("from")) return {};
    const std::size_t start = next_, parts = parts_;
    TRY_ASSIGN(SyntaxPtr first, expression(kLoosest));
    if (!take_if("from")) return next_ = start, parts_ = parts, Status();
    TRY_ASSIGN(SyntaxPtr text, expression(kLoosest));
    made.operands.push_back(std::move(text));
    made.operands.push_back(std::move(first));
    return {};
  }
  /// Up to the closing bracket.
  Status arguments(Syntax& made) {
    do {
      TRY_ASSIGN(SyntaxPtr argument, expression(kLoosest));
      made.operands.push_back(std::move(argument));
    } while (take_if(","));
    return expect(")");
  }

  Result<SyntaxPtr> case_of(std::size_t at) {
    TRY_ASSIGN(SyntaxPtr made, make(SyntaxKind::kCase, at));
    if (!peek().is("when")) {
      made->kind = SyntaxKind::kSimpleCase;
      TRY_ASSIGN(SyntaxPtr subject, expression(kLoosest));
      made->operands.push_back(std::move(subject));
    }
    TRY(expect("when"));
    do {
      TRY_ASSIGN(SyntaxPtr when, expression(kLoosest));
      TRY(expect("then"));
      TRY_ASSIGN(SyntaxPtr then, expression(kLoosest));
      made->operands.push_back(std::move(when));
      made->operands.push_back(std::move(then));
    } while (take_if("when"));
    if (take_if("else")) {
      TRY_ASSIGN(SyntaxPtr otherwise, expression(kLoosest));
      made->operands.push_back(std::move(otherwise));
    }
    TRY(expect("end"));
    return made;
  }

  Result<SyntaxPtr> cast(std::size_t at, SyntaxPtr operand, Type type) {
    TRY_ASSIGN(SyntaxPtr made, make(SyntaxKind::kCast, at));
    made->operands.push_back(std::move(operand));
    made->type = type;
    return made;
  }
  Result<SyntaxPtr> cast_to(std::size_t at, SyntaxPtr operand) {
    const std::size_t type_at = peek().at;
    if (peek().kind != TokenKind::kName) return wrong(fmt::format("{} where a type is needed", seen()));
    std::string name = take().text;
    if (name == "double") name += take_if("precision") ? " precision" : "";
    if (name == "timestamp" && take_if("with")) {
      TRY(expect("time"));
      TRY(expect("zone"));
    }
    if (peek().is("[") && tokens_[next_ + 1].is("]")) take(), take(), name += "[]";
    const auto type = parse_type(name);
    if (!type) return error_at(text_, type_at, type.error().message());
    return cast(at, std::move(operand), *type);
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  std::size_t next_ = 0, depth_ = 0, parts_ = 0;
};

}  // namespace

Result<SyntaxPtr> parse_syntax(std::string_view text) {
  if (text.size() > kTextBytesMost) return invalid(fmt::format("an expression of {} bytes; 64 KiB are allowed", text.size()));
  TRY_ASSIGN(std::vector<Token> tokens, tokenize(text));
  return Parser(text, std::move(tokens)).run();
}

}  // namespace isobar::features
