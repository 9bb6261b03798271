#include <gmock/gmock.h>

#include "fuzz/domain_text.h"
#include "isobar/fuzz_abi.h"

namespace isobar::fuzz {
namespace {

using Kind = Expression::Kind;

std::vector<OwnDomain> read(std::string_view text) {
  auto result = read_domains(text);
  if (const auto* error = std::get_if<TextError>(&result)) {
    ADD_FAILURE() << error->line << ":" << error->column << ": " << error->message;
    return {};
  }
  return std::get<std::vector<OwnDomain>>(std::move(result));
}

std::string error_of(std::string_view text) {
  auto result = read_domains(text);
  const auto* error = std::get_if<TextError>(&result);
  return error == nullptr ? "none" : std::to_string(error->line) + ":" + std::to_string(error->column) + ": " + error->message;
}

// ((a op b) …) as text, so that a test shows how it was read.
std::string shown(const Expression& e) {
  switch (e.kind) {
    case Kind::kNumber: return std::to_string(e.number);
    case Kind::kArgument: return "a" + std::to_string(e.number);
    case Kind::kResult: return "r";
    case Kind::kSize: return "s";
    case Kind::kValue: return "v";
    case Kind::kLeft: return "l";
    case Kind::kRight: return "g";
    default: break;
  }
  const std::string_view operators[] = {"+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>", "min", "max", "dist"};
  return "(" + shown(e.of[0]) + std::string(operators[static_cast<int>(e.kind) - static_cast<int>(Kind::kAdd)]) + shown(e.of[1]) + ")";
}
std::string value_of(const std::string& match, const std::string& expression) {
  const auto domains = read("domain x\nmatch " + match + "\nvalue " + expression + "\n");
  return domains.empty() ? "?" : shown(domains[0].value);
}

TEST(DomainText, ReadsAllThatADomainSays) {
  const auto domains = read(R"(
# one
domain probes
  match call to table_probe   # a comment
  key argument 1
  keys 4096
  value argument 2 * 8
  op max
  reducer max

domain smallest
  match compare in parse
  value distance(left, right)
  op min
  reducer min
)");
  ASSERT_EQ(domains.size(), 2u);
  EXPECT_EQ(domains[0].name, "probes");
  EXPECT_EQ(domains[0].match, Match::kCall);
  EXPECT_EQ(domains[0].function, "table_probe");
  EXPECT_EQ(domains[0].key, Key::kExpression);
  EXPECT_EQ(domains[0].keys, 4096u);
  EXPECT_EQ(shown(domains[0].value), "(a2*8)");
  EXPECT_EQ(domains[0].op, ISOBAR_FUZZ_OP_MAX);
  EXPECT_EQ(domains[1].key, Key::kSite);
  EXPECT_EQ(domains[1].function, "parse");
  EXPECT_EQ(domains[1].initial, UINT64_MAX);
}

TEST(DomainText, DefaultsToTheSumOfOnesForEachSite) {
  const auto domains = read("domain x\nmatch block");
  ASSERT_EQ(domains.size(), 1u);
  EXPECT_EQ(domains[0].key, Key::kSite);
  EXPECT_EQ(shown(domains[0].value), "1");
  EXPECT_EQ(domains[0].op, ISOBAR_FUZZ_OP_ADD);
  EXPECT_EQ(domains[0].reducer, ISOBAR_FUZZ_REDUCE_MAX);
  EXPECT_EQ(domains[0].initial, 0u);
}

TEST(DomainText, BindsOperatorsAsCDoes) {
  EXPECT_EQ(value_of("call to f", "1 + argument 0 * 2 - return value"), "((1+(a0*2))-r)");
  EXPECT_EQ(value_of("compare", "left ^ right & 3 | 1 << 2 + 1"), "((l^(g&3))|(1<<(2+1)))");
  EXPECT_EQ(value_of("store in f", "(stored + 1) * size"), "((v+1)*s)");
  EXPECT_EQ(value_of("load", "max(loaded, min(3, 0xff)) % 7"), "((vmax(3min255))%7)");
}

TEST(DomainText, SaysWhereAnErrorIsAndWhatWouldBeRight) {
  EXPECT_EQ(error_of("match block"), "1:1: a definition begins with: domain NAME");
  EXPECT_EQ(error_of("domain slow\nmatch block"), "1:8: slow is a domain of isobar's own: choose another name");
  EXPECT_EQ(error_of("domain x\n  match calls to f"),
            "2:9: what is matched is one of: call to NAME, entry, return, block, loop header, load, store, compare; all but calls may say "
            "in FUNCTION");
  EXPECT_EQ(error_of("domain x\nmatch block\nvalue argument 0"),
            "3:7: \"argument\" is no value here: there are numbers, and what + - * / % & | ^ << >> min max distance make of them");
  EXPECT_EQ(error_of("domain x\nmatch block\nvalue 1 +"),
            "3:10: a value is missing here: there are numbers, and what + - * / % & | ^ << >> min max distance make of them");
  EXPECT_EQ(error_of("domain x\nmatch block\nop sum"), "3:4: it is one of: add, max, min, or, set");
  EXPECT_EQ(error_of("domain x\nmatch block\nreducer sum"), "3:9: it is one of: max, min, or, and, log");
  EXPECT_EQ(error_of("domain x\nkey site"), "2:1: match comes first: it says which values there are");
  EXPECT_EQ(error_of("domain x\nmatch block\ncolour red"),
            "3:1: there is no \"colour\": a domain has match, key, keys, value, op and reducer");
  EXPECT_EQ(error_of("domain x\nmatch block 7"), "2:13: what may follow is: in FUNCTION");
  EXPECT_EQ(error_of("domain x\nmatch block\nmatch block"), "3:1: match is said twice of one domain");
  EXPECT_EQ(error_of("domain x\n"), "1:1: domain x: it does not say what it matches; add a line such as: match call to NAME");
  EXPECT_EQ(error_of("domain x\nmatch block\nop min"),
            "1:1: domain x: op min starts from the greatest number, which reducer max would keep: say reducer min");
  EXPECT_EQ(error_of("domain x\nmatch block\nreducer and"),
            "1:1: domain x: reducer and starts from the greatest number, from which op add goes nowhere: say op min or op set");
  EXPECT_EQ(error_of("domain x\nmatch block\nkeys 5"), "1:1: domain x: a key for each site needs no number of keys: leave keys out");
  EXPECT_EQ(error_of("domain x\nmatch entry\nvalue argument 64"),
            "3:16: argument needs to be told which, from 0 to 63: argument 0 is the first");
  EXPECT_EQ(error_of("domain x\nmatch block\nvalue " + std::string(2000, '(')).substr(0, 6), "3:108:");
  EXPECT_EQ(error_of("domain x\nmatch block\nvalue 99999999999999999999").substr(0, 4), "3:7:");
}

}  // namespace
}  // namespace isobar::fuzz
