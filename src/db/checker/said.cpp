#include "said.h"

#include <fmt/format.h>

#include "base/check.h"

namespace isobar::db {

StatementSet StatementTable::of(const Statement& statement) {
  const auto [found, is_new] = places_.emplace(statement, list_.size());
  if (is_new) {
    CHECK(list_.size() < 64, list_.size());
    list_.push_back(statement);
  }
  return StatementSet{1} << found->second;
}

StatementSet StatementTable::find(const Statement& statement) const {
  const auto found = places_.find(statement);
  return found == places_.end() ? 0 : StatementSet{1} << found->second;
}

std::string StatementTable::text(StatementSet set) const {
  std::string all;
  const auto add = [&all](const std::string& one) { all += (all.empty() ? "" : ", ") + one; };
  for (std::size_t i = 0; i < list_.size(); ++i) {
    if (!(set >> i & 1)) continue;
    if (const auto* vote = std::get_if<VoteStatement>(&list_[i])) add(fmt::format("votes {}", name_of(vote->vote)));
    if (const auto* logged = std::get_if<LoggedStatement>(&list_[i]))
      add(fmt::format("has {} of view {} and is in view {}", name_of(logged->decision), logged->decided_in, logged->current));
    if (const auto* elect = std::get_if<ElectStatement>(&list_[i]))
      add(fmt::format("elects with {} in view {}", name_of(elect->decision), elect->view));
    if (const auto* proposal = std::get_if<FallbackStatement>(&list_[i]))
      add(fmt::format("proposes {} in view {}", name_of(proposal->decision), proposal->view));
  }
  return all;
}

}  // namespace isobar::db
