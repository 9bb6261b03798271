#include "said.h"

#include <fmt/format.h>

#include <optional>

#include "base/check.h"

namespace isobar::db {

StatementSet StatementTable::of(const Statement& statement) {
  const auto* logged = std::get_if<LoggedStatement>(&statement);
  if (!logged)
    return std::visit(
        [this](const auto& other) -> StatementSet {
          if constexpr (std::constructible_from<Fact, decltype(other)>) return of_fact(other);
          else return {};  // a client's: no replica says it
        },
        statement);
  StatementSet all = of_fact(LoggedStatement{logged->tx, logged->decision, logged->decided_in, logged->decided_in});
  for (View view = 0; view <= logged->current; ++view) all |= of_fact(InView{logged->tx, view});
  return all;
}

StatementSet StatementTable::of_fact(const Fact& fact) {
  const auto [found, is_new] = places_.emplace(fact, list_.size());
  if (is_new) {
    CHECK(list_.size() < 64, list_.size());
    list_.push_back(fact);
    const auto id = std::visit(
        [](const auto& each) -> std::optional<TxId> {
          if constexpr (requires { each.tx; }) return each.tx;
          else return std::nullopt;  // a checkpoint tells of all of them
        },
        fact);
    for (std::size_t tx = 0; tx < about_.size(); ++tx)
      if (id == cluster_.ids[tx]) about_[tx][fact.index()] |= StatementSet{1} << found->second;
  }
  return StatementSet{1} << found->second;
}

StatementSet StatementTable::find(const Fact& fact) const {
  const auto found = places_.find(fact);
  return found == places_.end() ? 0 : StatementSet{1} << found->second;
}

std::string StatementTable::text(StatementSet set) const {
  std::string all;
  const auto add = [&all](const std::string& one) { all += (all.empty() ? "" : ", ") + one; };
  for (std::size_t i = 0; i < list_.size(); ++i) {
    if (!(set >> i & 1)) continue;
    if (const auto* vote = std::get_if<VoteStatement>(&list_[i])) add(fmt::format("votes {}", name_of(vote->vote)));
    if (const auto* logged = std::get_if<LoggedStatement>(&list_[i]))
      add(fmt::format("has {} of view {} on record", name_of(logged->decision), logged->decided_in));
    if (const auto* in = std::get_if<InView>(&list_[i]); in && in->view > 0) add(fmt::format("is in view {}", in->view));
    if (const auto* elect = std::get_if<ElectStatement>(&list_[i]))
      add(fmt::format("elects with {} in view {}", name_of(elect->decision), elect->view));
    if (const auto* proposal = std::get_if<FallbackStatement>(&list_[i]))
      add(fmt::format("proposes {} in view {}", name_of(proposal->decision), proposal->view));
    if (const auto* checkpoint = std::get_if<CheckpointStatement>(&list_[i]))
      add(fmt::format("signs a checkpoint {}", checkpoint->root == cluster_.roots.front() ? "with it" : "without it"));
  }
  return all;
}

}  // namespace isobar::db
