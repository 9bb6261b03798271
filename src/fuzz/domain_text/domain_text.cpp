#include "fuzz/domain_text.h"

#include <array>
#include <optional>
#include <set>

#include "expression.h"
#include "isobar/fuzz_abi.h"
#include "tokens.h"

namespace isobar::fuzz {
namespace {

constexpr uint32_t kKeysMax = 1u << 24;

constexpr std::array<std::string_view, 17> kTaken = {"slow",  "perf",        "mem",      "cmp",      "valid",     "diff",
                                                     "stack", "recursion",   "loops",    "lock",     "io",        "log",
                                                     "state", "mem.largest", "mem.peak", "operands", "state.pair"};
constexpr std::array<std::string_view, 5> kOps = {"add", "max", "min", "or", "set"};       // by isobar_fuzz_op
constexpr std::array<std::string_view, 5> kReducers = {"max", "min", "or", "and", "log"};  // by isobar_fuzz_reducer

template <size_t N>
std::optional<uint8_t> place_in(const std::array<std::string_view, N>& names, std::string_view name) {
  for (size_t i = 0; i < N; ++i)
    if (names[i] == name) return static_cast<uint8_t>(i);
  return std::nullopt;
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > 40 || !(name[0] >= 'a' && name[0] <= 'z')) return false;
  return name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.") == std::string_view::npos;
}

// Smallest and largest are neutral to the reducers that pick them; what only grows within a run has to start from the smallest.
std::string clash_of(const OwnDomain& domain) {
  const bool from_the_greatest = domain.reducer == ISOBAR_FUZZ_REDUCE_MIN || domain.reducer == ISOBAR_FUZZ_REDUCE_AND;
  if (domain.op == ISOBAR_FUZZ_OP_SET) return "";
  if (domain.op == ISOBAR_FUZZ_OP_MIN && !from_the_greatest)
    return "op min starts from the greatest number, which reducer max would keep: say reducer min";
  if (domain.op != ISOBAR_FUZZ_OP_MIN && from_the_greatest)
    return "reducer " + std::string(kReducers[domain.reducer]) + " starts from the greatest number, from which op " +
           std::string(kOps[domain.op]) + " goes nowhere: say op min or op set";
  return "";
}

class Reader {
 public:
  std::variant<std::vector<OwnDomain>, TextError> read(std::string_view text) {
    for (unsigned number = 1; !error_; ++number) {
      const size_t end = text.find('\n');
      Tokens tokens(text.substr(0, end), number);
      if (!tokens.at_end()) line(tokens);
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
    }
    finish();
    if (error_) return *error_;
    return std::move(domains_);
  }

 private:
  void fail(TextError error) {
    if (!error_) error_ = std::move(error);
  }

  void line(Tokens& tokens) {
    const Token field = tokens.take();
    if (field.text == "domain") begin(tokens, field);
    else if (domains_.empty()) return fail(tokens.error_at(field, "a definition begins with: domain NAME"));
    else if (!given_.insert(std::string(field.text)).second)
      return fail(tokens.error_at(field, std::string(field.text) + " is said twice of one domain"));
    else this->field(tokens, field);
    if (!error_ && !tokens.at_end()) fail(tokens.error("\"" + std::string(tokens.peek().text) + "\" is more than belongs here"));
  }

  void begin(Tokens& tokens, const Token& at) {
    finish();
    const Token name = tokens.take();
    if (!is_name(name.text))
      return fail(
          tokens.error_at(name, "a domain's name is of small letters, digits, _ and ., begins with a letter and has 40 of them at most"));
    if (place_in(kTaken, name.text))
      return fail(tokens.error_at(name, std::string(name.text) + " is a domain of isobar's own: choose another name"));
    for (const OwnDomain& other : domains_)
      if (other.name == name.text) return fail(tokens.error_at(name, "there is a domain " + std::string(name.text) + " already"));
    given_.clear();
    begun_ = tokens.error_at(at, "");
    domains_.emplace_back().name = name.text;
  }

  void field(Tokens& tokens, const Token& field) {
    OwnDomain& domain = domains_.back();
    if (field.text == "match") return match(tokens, domain);
    if (field.text == "op") return choice(tokens, kOps, domain.op);
    if (field.text == "reducer") return choice(tokens, kReducers, domain.reducer);
    if (field.text == "keys") return keys(tokens, domain);
    if (field.text != "key" && field.text != "value")
      return fail(
          tokens.error_at(field, "there is no \"" + std::string(field.text) + "\": a domain has match, key, keys, value, op and reducer"));
    if (given_.count("match") == 0) return fail(tokens.error_at(field, "match comes first: it says which values there are"));
    if (field.text == "key" && tokens.take("site")) return;
    if (field.text == "key" && tokens.take("caller")) {
      domain.key = Key::kCaller;
      return;
    }
    auto read = read_expression(tokens, domain.match);
    if (auto* error = std::get_if<TextError>(&read)) return fail(std::move(*error));
    if (field.text == "key") domain.key = Key::kExpression;
    (field.text == "key" ? domain.key_expression : domain.value) = std::move(std::get<Expression>(read));
  }

  void match(Tokens& tokens, OwnDomain& domain) {
    const Token word = tokens.take();
    if (word.text == "call") {
      domain.match = Match::kCall;
      if (!tokens.take("to") || tokens.at_end()) return fail(tokens.error("calls are matched by name: call to NAME"));
      domain.function = tokens.take().text;
      return;
    }
    struct Named {
      std::string_view text;
      Match match;
    };
    for (const Named& one :
         {Named{"entry", Match::kEntry}, Named{"return", Match::kReturn}, Named{"block", Match::kBlock}, Named{"loop", Match::kLoop},
          Named{"load", Match::kLoad}, Named{"store", Match::kStore}, Named{"compare", Match::kCompare}}) {
      if (one.text != word.text) continue;
      domain.match = one.match;
      if (one.match == Match::kLoop) tokens.take("header");
      return within(tokens, domain);
    }
    fail(tokens.error_at(word,
                         "what is matched is one of: call to NAME, entry, return, block, loop header, load, store, compare; all but calls "
                         "may say in FUNCTION"));
  }

  void within(Tokens& tokens, OwnDomain& domain) {
    if (tokens.at_end()) return;
    if (!tokens.take("in") || tokens.at_end()) return fail(tokens.error("what may follow is: in FUNCTION"));
    domain.function = tokens.take().text;
  }

  template <size_t N>
  void choice(Tokens& tokens, const std::array<std::string_view, N>& names, uint8_t& out) {
    const Token word = tokens.take();
    const auto found = place_in(names, word.text);
    if (found) out = *found;
    if (found) return;
    std::string all;
    for (std::string_view name : names) all += (all.empty() ? "" : ", ") + std::string(name);
    fail(tokens.error_at(word, "it is one of: " + all));
  }

  void keys(Tokens& tokens, OwnDomain& domain) {
    uint64_t number = 0;
    const Token word = tokens.take();
    if (!read_number(word.text, number) || number == 0 || number > kKeysMax)
      return fail(tokens.error_at(word, "a domain has from 1 to 16777216 keys"));
    domain.keys = static_cast<uint32_t>(number);
  }

  // What can only be judged when all lines of a domain are read.
  void finish() {
    if (domains_.empty() || error_) return;
    OwnDomain& domain = domains_.back();
    const auto refuse = [&](const std::string& why) { fail({begun_.line, begun_.column, "domain " + domain.name + ": " + why}); };
    if (given_.count("match") == 0) return refuse("it does not say what it matches; add a line such as: match call to NAME");
    if (domain.key == Key::kSite && domain.keys != 0) return refuse("a key for each site needs no number of keys: leave keys out");
    if (domain.key != Key::kSite && domain.keys == 0) domain.keys = 4096;
    if (const std::string clash = clash_of(domain); !clash.empty()) return refuse(clash);
    const bool from_the_greatest = domain.reducer == ISOBAR_FUZZ_REDUCE_MIN || domain.reducer == ISOBAR_FUZZ_REDUCE_AND;
    domain.initial = from_the_greatest ? UINT64_MAX : 0;
  }

  std::vector<OwnDomain> domains_;
  std::set<std::string> given_;
  TextError begun_{1, 1, ""};
  std::optional<TextError> error_;
};

}  // namespace

std::variant<std::vector<OwnDomain>, TextError> read_domains(std::string_view text) { return Reader().read(text); }

}  // namespace isobar::fuzz
