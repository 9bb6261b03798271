#pragma once

/// A definition that tests begin from, and edits of it.

#include <string>
#include <string_view>

#include "features/definition.h"

namespace isobar::features {

inline constexpr std::string_view kSample = R"(project: shop
entities:
  user: {keys: {user_id: int64}}
  merchant: {keys: {merchant_id: string}}
sources:
  payments:
    kind: push
    schema: {user_id: int64, merchant_id: string, amount: float64, items: int32, at: timestamp, made: timestamp}
    timestamp: at
    created: made
    lateness: 5m
  visits: {kind: file, path: visits.csv, schema: {user_id: int32, page: string, at: timestamp}, timestamp: at}
views:
  spending:
    source: payments
    entity: user
    where: amount > 0
    ttl: 90d
    features:
      spent: sum(amount) over 1h, 24h
      bought: sum(items) over 1h
      last_amount: amount
      double: {sql: amount * 2}
      burst: {function: count, windows: 5m, exact: true}
      offer: {request: {offered: float64}, sql: offered > spent_1h}
      outlook: {featurizer: ets, of: amount, window: 48, period: 24, schedule: {policy: regret, budget: 600/h}}
  browsing:
    source: visits
    entity: user
    features: {page: , pages: distinct(page) over 7d}
  total: {source: payments, features: {spent: sum(amount) over unbounded}}
services:
  fraud: [spending:spent_1h, total:spent as spent_in_all, page]
)";

/// The sample with one text in the place of another, which is there once.
inline std::string edited(std::string_view from, std::string_view to, std::string text = std::string(kSample)) {
  const std::size_t at = text.find(from);
  CHECK(at != std::string::npos && text.find(from, at + 1) == std::string::npos, from);
  return text.replace(at, from.size(), to);
}

inline Definition parsed(std::string_view text) {
  auto definition = parse_definition(text, "f.yaml");
  CHECK(definition.ok(), definition.error().message());
  return std::move(*definition);
}

}  // namespace isobar::features
