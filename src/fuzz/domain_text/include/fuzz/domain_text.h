#pragma once

/// Domains in a few lines of text:
///
///   domain probes                      # how often one bucket of the table is looked at
///     match    call to table_probe
///     key      argument 1
///     keys     4096
///     value    1
///     op       add
///     reducer  max
///
/// `match` says where: call to NAME, entry, return, block, loop header, load, store, compare; all but calls may say `in FUNCTION`. `key` is
/// `site`, `caller` or an expression, `value` an expression; op is how a key's value changes within a run, reducer how values of runs make
/// the aggregate. Defaults: key site, value 1, op add, reducer max. Expressions are of 64-bit numbers without a sign: see Expression.
///
/// Self-contained: isobar's compiler wrapper reads it for its errors, and the plugin, which is loaded into clang, for what it means.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace isobar::fuzz {

enum class Match { kCall, kEntry, kReturn, kBlock, kLoop, kLoad, kStore, kCompare };

/// + - * / % & | ^ << >>, min, max, distance; x / 0 and x % 0 are 0.
struct Expression {
  enum class Kind {
    kNumber,    ///< `number`
    kArgument,  ///< of the call, or of the function that is entered or returned from: `number`, from 0
    kResult,    ///< `return value`, of the call or return
    kSize,      ///< `size`: bytes that are loaded or stored, or of each side of a compare
    kValue,     ///< `stored` or `loaded`
    kLeft,      ///< sides of a compare
    kRight,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kRemainder,
    kAnd,
    kOr,
    kXor,
    kShiftLeft,
    kShiftRight,
    kMinimum,
    kMaximum,
    kDistance,
  };
  Kind kind = Kind::kNumber;
  uint64_t number = 0;
  std::vector<Expression> of;
};

enum class Key { kSite, kCaller, kExpression };

struct OwnDomain {
  std::string name;
  Match match = Match::kBlock;
  std::string function;  ///< of `call to`, or of `in`; empty: any
  Key key = Key::kSite;
  Expression key_expression;
  uint32_t keys = 0;  ///< of keys that are no sites
  Expression value{Expression::Kind::kNumber, 1, {}};
  uint8_t op = 0;        ///< isobar_fuzz_op
  uint8_t reducer = 0;   ///< isobar_fuzz_reducer
  uint64_t initial = 0;  ///< neutral to the reducer
};

struct TextError {
  unsigned line, column;  ///< from 1
  std::string message;    ///< what is wrong, and what would be right
};

/// All domains of a text, in their order, or the first error. Cost O(text).
std::variant<std::vector<OwnDomain>, TextError> read_domains(std::string_view text);

}  // namespace isobar::fuzz
