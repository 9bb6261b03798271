// Functions that give rows: series, the elements of arrays, the parts of texts. A series is made as it is asked for.

#include <fmt/format.h>

#include "built_ins.h"
#include "sql/utf8.h"
#include "times.h"

namespace isobar::sql {
namespace {

using Rows = SqlResult<std::unique_ptr<SetRows>>;

SqlError no_step() { return {state::kInvalidParameterValue, "step size cannot equal zero"}; }

class Integers final : public SetRows {
 public:
  Integers(std::int64_t first, std::int64_t last, std::int64_t step)
      : next_(first), last_(last), step_(step), done_(step > 0 ? first > last : first < last) {}
  SqlResult<bool> next(Row& into) override {
    if (done_) return false;
    into.resize(1);
    into[0].set(next_);
    std::int64_t after = 0;
    done_ = __builtin_add_overflow(next_, step_, &after) || (step_ > 0 ? after > last_ : after < last_);
    next_ = after;
    return true;
  }

 private:
  std::int64_t next_, last_, step_;
  bool done_;
};
Rows open_integers(const SetCall& call) {
  const std::int64_t step = call.arguments.size() > 2 ? call[2].integer() : 1;
  if (step == 0) return no_step();
  return std::unique_ptr<SetRows>(std::make_unique<Integers>(call[0].integer(), call[1].integer(), step));
}

class Decimals final : public SetRows {
 public:
  Decimals(Numeric first, Numeric last, Numeric step) : next_(std::move(first)), last_(std::move(last)), step_(std::move(step)) {}
  SqlResult<bool> next(Row& into) override {
    if (step_.sign() > 0 ? next_.compare(last_) > 0 : next_.compare(last_) < 0) return false;
    into.resize(1);
    into[0].set(next_);
    TRY_ASSIGN(next_, next_.plus(step_));
    return true;
  }

 private:
  Numeric next_, last_, step_;
};
Rows open_decimals(const SetCall& call) {
  constexpr std::string_view kNames[] = {"start", "stop", "step size"};
  for (std::size_t place = 0; place < call.arguments.size(); ++place)
    if (!call[place].numeric().is_finite())
      return SqlError(state::kInvalidParameterValue,
                      fmt::format("{} value cannot be {}", kNames[place] == "step size" ? "step size" : kNames[place],
                                  call[place].numeric().is_nan() ? "NaN" : "infinity"));
  const Numeric step = call.arguments.size() > 2 ? call[2].numeric() : Numeric(1);
  if (step.sign() == 0) return no_step();
  return std::unique_ptr<SetRows>(std::make_unique<Decimals>(call[0].numeric(), call[1].numeric(), step));
}

/// zone  null: local times
class Times final : public SetRows {
 public:
  Times(std::int64_t first, std::int64_t last, Interval step, bool forward, const TimeZone* zone)
      : next_(first), last_(last), step_(step), forward_(forward), zone_(zone) {}
  SqlResult<bool> next(Row& into) override {
    if (forward_ ? next_ > last_ : next_ < last_) return false;
    into.resize(1);
    into[0].set(next_);
    if (is_endless(next_)) return SqlError(state::kDatetimeFieldOverflow, "timestamp out of range");
    TRY_ASSIGN(next_, zone_ != nullptr ? add_interval(*zone_, next_, step_) : add_interval(next_, step_));
    return true;
  }

 private:
  std::int64_t next_, last_;
  Interval step_;
  bool forward_;
  const TimeZone* zone_;
};
template <bool kZoned>
Rows open_times(const SetCall& call) {
  const auto direction = compare(type_of(Kind::kInterval), call[2], Value(Interval{}));
  if (direction == 0) return no_step();
  return std::unique_ptr<SetRows>(std::make_unique<Times>(call[0].integer(), call[1].integer(), call[2].interval(), direction > 0,
                                                          kZoned ? &zone_of(call.session) : nullptr));
}

class Elements final : public SetRows {
 public:
  explicit Elements(const Value& array) : held_(array) {}
  SqlResult<bool> next(Row& into) override {
    const auto& elements = held_.array().elements;
    if (next_ == elements.size()) return false;
    into.resize(1);
    into[0] = elements[next_++];
    return true;
  }

 private:
  Value held_;
  std::size_t next_ = 0;
};
Rows open_elements(const SetCall& call) { return std::unique_ptr<SetRows>(std::make_unique<Elements>(call[0])); }

Rows open_subscripts(const SetCall& call) {
  const Array& array = call[0].array();
  const std::int64_t which = call[1].integer();
  if (which < 1 || which > static_cast<std::int64_t>(array.sizes.size()))
    return std::unique_ptr<SetRows>(std::make_unique<Integers>(1, 0, 1));
  const std::int64_t low = array.lows[static_cast<std::size_t>(which - 1)],
                     high = low + array.sizes[static_cast<std::size_t>(which - 1)] - 1;
  const bool backward = call.arguments.size() > 2 && call[2].boolean();
  return std::unique_ptr<SetRows>(backward ? std::make_unique<Integers>(high, low, -1) : std::make_unique<Integers>(low, high, 1));
}

/// string_to_table: without a separator each character.
class Parts final : public SetRows {
 public:
  Parts(std::string text, std::optional<std::string> separator, std::optional<std::string> for_null)
      : text_(std::move(text)), separator_(std::move(separator)), for_null_(std::move(for_null)), done_(text_.empty()) {}
  SqlResult<bool> next(Row& into) override {
    if (done_) return false;
    std::size_t end = std::string::npos, after = 0;
    if (!separator_) {
      end = after = at_ + utf8_length(text_[at_]);
      done_ = after >= text_.size();
    } else {
      end = separator_->empty() ? std::string::npos : text_.find(*separator_, at_);
      done_ = end == std::string::npos;
      after = done_ ? 0 : end + separator_->size();
    }
    const std::string_view part = std::string_view(text_).substr(at_, end - at_);
    at_ = after;
    into.resize(1);
    if (for_null_ && part == *for_null_) into[0].set_null();
    else into[0].reuse_text().assign(part);
    return true;
  }

 private:
  std::string text_;
  std::optional<std::string> separator_, for_null_;
  std::size_t at_ = 0;
  bool done_;
};
Rows open_parts(const SetCall& call) {
  const auto text = [&](std::size_t place) {
    return place < call.arguments.size() && !call[place].is_null() ? std::optional(call[place].text()) : std::nullopt;
  };
  return std::unique_ptr<SetRows>(std::make_unique<Parts>(text(0).value_or(""), text(1), text(2)));
}

}  // namespace

void add_set_functions(FunctionSet& set) {
  for (const auto* type : {"int4", "int8"}) {
    set.add_set(fmt::format("generate_series({0}, {0}) {0}", type), fmt::format("(generate_series {})", type), open_integers);
    set.add_set(fmt::format("generate_series({0}, {0}, {0}) {0}", type), fmt::format("(generate_series {})", type), open_integers);
  }
  set.add_set("generate_series(numeric, numeric) numeric", "(generate_series numeric)", open_decimals),
      set.add_set("generate_series(numeric, numeric, numeric) numeric", "(generate_series numeric)", open_decimals);
  set.add_set("generate_series(timestamp, timestamp, interval) timestamp", "(generate_series timestamp)", open_times<false>);
  set.add_set("generate_series(timestamptz, timestamptz, interval) timestamptz", "(generate_series timestamptz)", open_times<true>,
              {.volatility = Volatility::kStable});
  set.add_set("unnest(anyarray) anyelement", "(unnest anyelement)", open_elements);
  set.add_set("generate_subscripts(anyarray, int4) int4", "(generate_subscripts int4)", open_subscripts),
      set.add_set("generate_subscripts(anyarray, int4, bool) int4", "(generate_subscripts int4)", open_subscripts);
  set.add_set("string_to_table(text, text) text", "(string_to_table text)", open_parts, {.strict = false}),
      set.add_set("string_to_table(text, text, text) text", "(string_to_table text)", open_parts, {.strict = false});
}

}  // namespace isobar::sql
