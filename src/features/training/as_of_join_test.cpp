// The join beside the slow, obvious one, by both of its ways, with all of memory and with almost none.

#include "features/as_of_join.h"

#include <gmock/gmock.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "features/window.h"
#include "training_testing.h"

namespace isobar::features {
namespace {

constexpr std::string_view kShop = R"(project: shop
entities:
  user: {keys: {user: int64}}
  item: {keys: {item: string}}
sources:
  sales: {kind: push, schema: {user: int64, item: string, amount: int64, at: timestamp, made: timestamp}, timestamp: at, created: made, lateness: 2s}
views:
  last: {source: sales, entity: user, where: amount <> 3, ttl: 5s, features: {amount:, item:, twice: {sql: amount * 2}}}
  both: {source: sales, entities: [user, item], features: {amount: amount}}
  all: {source: sales, features: {amount:}}
  recent:
    source: sales
    entity: user
    ttl: 20s
    features:
      sliding: {function: sum, of: amount, windows: 8s, hop: 2s}
      exact: {function: sum, of: amount, windows: 7s, exact: true}
      most: {function: max, of: amount, windows: 4s, hop: 2s}
      tumbling: {function: count, windows: 4s, kind: tumbling}
      ever: sum(amount) over unbounded
      newest: amount
      above: {request: {limit: int64}, sql: newest > limit}
services:
  everything: [last:amount as last, last:item as last_item, last:twice, both:amount as both, all:amount as all, sliding, exact, most, tumbling, ever, newest, above]
)";

struct Sale {
  std::int64_t user, item, amount, at, made, arrived;
  struct Removal {
    std::int64_t withdrawn, arrived;
  };
  std::optional<Removal> removal;
  EventOrder order(std::uint64_t sequence) const { return {at_second(at), at_second(made), sequence}; }
  Row row() const { return {Value(amount), Value(at_second(at)), Value(std::to_string(item)), Value(at_second(made)), Value(user)}; }
};
struct Asked {
  std::int64_t user, item, limit, at;
};

rc::Gen<Sale> any_sale(bool removals) {
  return rc::gen::map(
      rc::gen::tuple(rc::gen::inRange<std::int64_t>(0, 4), rc::gen::inRange<std::int64_t>(0, 3), rc::gen::inRange<std::int64_t>(0, 9),
                     rc::gen::inRange<std::int64_t>(0, 40), rc::gen::inRange<std::int64_t>(0, 3), rc::gen::inRange<std::int64_t>(-2, 12),
                     rc::gen::inRange<std::int64_t>(-20, removals ? 20 : 0)),
      [](const auto& drawn) {
        const auto [user, item, amount, at, made, delay, removed] = drawn;
        Sale sale{user, item, amount, at, at + made, at + delay, {}};
        if (removed >= 0) sale.removal = {at + removed / 2, sale.arrived + removed};
        return sale;
      });
}
rc::Gen<Asked> any_asked() {
  return rc::gen::map(rc::gen::tuple(rc::gen::inRange<std::int64_t>(0, 5), rc::gen::inRange<std::int64_t>(0, 3),
                                     rc::gen::inRange<std::int64_t>(0, 9), rc::gen::inRange<std::int64_t>(-2, 60)),
                      [](const auto& drawn) {
                        const auto [user, item, limit, at] = drawn;
                        return Asked{user, item, limit, at};
                      });
}

/// What is true of one row, by going through all sales.
class Obvious {
 public:
  Obvious(const std::vector<Sale>& sales, const Asked& asked, bool as_of_knowledge) : at_(at_second(asked.at)), asked_(asked) {
    for (std::size_t i = 0; i < sales.size(); ++i) {
      const Sale& sale = sales[i];
      const bool come = !as_of_knowledge || sale.arrived <= asked.at;
      const bool gone = sale.removal && (as_of_knowledge ? sale.removal->arrived : sale.removal->withdrawn) <= asked.at;
      const bool there = come && !gone;
      if (there && sale.at <= asked.at) seen_.push_back({sale.order(i), sale});
    }
    std::ranges::sort(seen_, {}, &std::pair<EventOrder, Sale>::first);
  }

  std::string answers() const {
    const auto of_user = [&](const Sale& sale) { return sale.user == asked_.user; };
    const auto last = newest([&](const Sale& sale) { return of_user(sale) && sale.amount != 3; }, 5);
    const auto both = newest([&](const Sale& sale) { return of_user(sale) && sale.item == asked_.item; }, {});
    const auto all = newest([](const Sale&) { return true; }, {});
    const auto recent = newest(of_user, 20);
    std::vector<Answered> answers;
    const auto add = [&](const auto& found, const std::function<Value(const Sale&)>& value) {
      const Value held = found.second ? value(*found.second) : Value();
      answers.push_back({held, found.second ? status_of(held) : found.first, {}});
    };
    add(last, [](const Sale& sale) { return Value(sale.amount); });
    add(last, [](const Sale& sale) { return Value(std::to_string(sale.item)); });
    add(last, [](const Sale& sale) { return Value(sale.amount * 2); });
    add(both, [](const Sale& sale) { return Value(sale.amount); });
    add(all, [](const Sale& sale) { return Value(sale.amount); });
    const std::int64_t sliding_begin = floor_to((at_ - 8s).unix_nanos(), (2'000'000'000));
    const std::int64_t most_begin = floor_to((at_ - 4s).unix_nanos(), (2'000'000'000));
    add(recent, [&](const Sale&) { return sum({Instant::from_unix_nanos(sliding_begin), at_}); });
    add(recent, [&](const Sale&) { return sum({at_ - 7s, at_}); });
    add(recent, [&](const Sale&) { return most({Instant::from_unix_nanos(most_begin), at_}); });
    const Instant end = Instant::from_unix_nanos(floor_to(at_.unix_nanos(), 4'000'000'000));
    add(recent, [&](const Sale&) { return Value(static_cast<std::int64_t>(amounts({end - 4s, end}).size())); });
    add(recent, [&](const Sale&) { return sum({Instant::from_unix_nanos(INT64_MIN), at_}); });
    add(recent, [](const Sale& sale) { return Value(sale.amount); });
    add(recent, [&](const Sale& sale) { return Value(sale.amount > asked_.limit); });
    return described(answers);
  }

 private:
  std::pair<FieldStatus, std::optional<Sale>> newest(const std::function<bool(const Sale&)>& counts, std::optional<int> ttl) const {
    std::optional<Sale> found;
    for (const auto& [order, sale] : seen_)
      if (counts(sale)) found = sale;
    if (!found) return {FieldStatus::kNotFound, {}};
    if (ttl && asked_.at - found->at > *ttl) return {FieldStatus::kOutsideMaxAge, {}};
    return {FieldStatus::kPresent, found};
  }
  std::vector<std::int64_t> amounts(Span span) const {
    std::vector<std::int64_t> amounts;
    for (const auto& [order, sale] : seen_)
      if (sale.user == asked_.user && order.time > span.after && order.time <= span.until) amounts.push_back(sale.amount);
    return amounts;
  }
  Value sum(Span span) const {
    const auto all = amounts(span);
    std::int64_t sum = 0;
    for (const std::int64_t amount : all) sum += amount;
    return all.empty() ? Value() : Value(sum);
  }
  Value most(Span span) const {
    const auto all = amounts(span);
    return all.empty() ? Value() : Value(std::ranges::max(all));
  }

  std::vector<std::pair<EventOrder, Sale>> seen_;
  Instant at_;
  Asked asked_;
};

RowsInMemory rows_of(const RequestPlan& plan, const std::vector<Asked>& asked) {
  RowsInMemory rows;
  for (const Asked& one : asked) {
    Row inputs;
    for (const Column& column : plan.inputs())
      inputs.push_back(column.name == "item" ? Value(std::to_string(one.item)) : Value(column.name == "user" ? one.user : one.limit));
    rows.rows.emplace_back(std::move(inputs), at_second(one.at));
  }
  return rows;
}

/// Removals come after what they withdraw, and in the order in which they arrived.
EventsInMemory events_of(const std::vector<Sale>& sales, bool removals) {
  EventsInMemory events;
  events.removals = removals;
  for (std::size_t i = 0; i < sales.size(); ++i)
    events.events.push_back({0, sales[i].order(i), at_second(sales[i].arrived), false, {}, sales[i].row()});
  for (std::size_t i = 0; i < sales.size(); ++i)
    if (sales[i].removal) {
      const auto& [withdrawn, arrived] = *sales[i].removal;
      events.events.push_back({0, sales[i].order(i), at_second(arrived), true, at_second(withdrawn), sales[i].row()});
    }
  return events;
}

void holds_for(bool removals) {
  static const auto plan = plan_of(kShop, {.service = "everything"});
  const auto sales = *rc::gen::container<std::vector<Sale>>(any_sale(removals));
  const auto asked = *rc::gen::container<std::vector<Asked>>(any_asked());
  JoinOptions options = in_memory();
  options.memory_bytes = std::uint64_t{4} << 20;
  options.as_of_knowledge = *rc::gen::arbitrary<bool>();
  options.path = *rc::gen::element(JoinPath::kFastest, JoinPath::kReplay);
  const Joined joined = features::joined(*plan, rows_of(*plan, asked), events_of(sales, removals), options);
  RC_ASSERT(joined.rows.size() == asked.size());
  for (std::size_t i = 0; i < asked.size(); ++i)
    RC_ASSERT(described(joined.rows[i]) == Obvious(sales, asked[i], options.as_of_knowledge).answers());
}

RC_GTEST_PROP(AsOfJoin, IsTheObviousOne, ()) { holds_for(false); }
RC_GTEST_PROP(AsOfJoin, IsTheObviousOneWhereEventsAreWithdrawn, ()) { holds_for(true); }

std::vector<Sale> many_sales(std::size_t count) {
  std::vector<Sale> sales;
  for (std::size_t i = 0; i < count; ++i) {
    const auto n = static_cast<std::int64_t>(i * 7919 % 10007);
    sales.push_back({n % 500, n % 3, n % 9, n % 1000, n % 1000 + n % 3, n % 1000 + n % 5, {}});
  }
  return sales;
}

TEST(AsOfJoin, WhatDoesNotFitIntoMemoryGivesTheSame) {
  const auto plan = plan_of(kShop, {.service = "everything"});
  const auto sales = many_sales(12000);
  std::vector<Asked> asked;
  for (std::int64_t i = 0; i < 8000; ++i) asked.push_back({i * 31 % 600, i % 3, i % 9, i * 17 % 1100});
  for (const bool as_of_knowledge : {false, true}) {
    std::vector<std::string> texts;
    for (const auto& [path, memory] : std::vector<std::pair<JoinPath, std::uint64_t>>{{JoinPath::kFastest, std::uint64_t{512} << 20},
                                                                                      {JoinPath::kReplay, std::uint64_t{512} << 20},
                                                                                      {JoinPath::kFastest, std::uint64_t{1} << 20}}) {
      JoinOptions options = in_memory();
      options.as_of_knowledge = as_of_knowledge;
      options.path = path;
      options.memory_bytes = memory;
      const Joined joined = features::joined(*plan, rows_of(*plan, asked), events_of(sales, false), options);
      EXPECT_EQ(joined.report.spilled_bytes > 0, memory == std::uint64_t{1} << 20);
      std::string& text = texts.emplace_back();
      for (const auto& row : joined.rows) text += described(row) + "\n";
    }
    EXPECT_TRUE(texts[0] == texts[1]);
    EXPECT_TRUE(texts[0] == texts[2]);
  }
}

}  // namespace
}  // namespace isobar::features
