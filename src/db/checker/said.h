#pragma once

// Statements that were made, as bits: what a replica has ever said is a set of them, and never becomes less.

#include <cstdint>
#include <map>
#include <vector>

#include "cluster.h"

namespace isobar::db {

using StatementSet = std::uint64_t;

class StatementTable {
 public:
  explicit StatementTable(const Cluster& cluster) : cluster_(cluster) {}

  /// The set of this one alone. At most 64 there can be.
  StatementSet of(const Statement& statement);
  /// As `of`; none: nobody has ever said it.
  StatementSet find(const Statement& statement) const;
  /// Those that tell about transaction `tx` and are of this kind. Cost: linear in the table.
  template <class S>
  StatementSet about(std::size_t tx) const {
    StatementSet all = 0;
    for (std::size_t i = 0; i < list_.size(); ++i)
      if (const auto* statement = std::get_if<S>(&list_[i]); statement && statement->tx == cluster_.ids[tx]) all |= StatementSet{1} << i;
    return all;
  }
  const std::vector<Statement>& list() const { return list_; }
  /// For people.
  std::string text(StatementSet set) const;

 private:
  const Cluster& cluster_;
  std::vector<Statement> list_;
  std::map<Statement, std::size_t> places_;
};

/// What correct replicas have said, each of them, in the order of `Cluster::correct`.
using Said = std::vector<StatementSet>;

}  // namespace isobar::db
