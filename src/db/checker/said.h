#pragma once

// What was said, as bits: what a replica has ever said is a set of facts, and never becomes less.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "cluster.h"

namespace isobar::db {

using StatementSet = std::uint64_t;

/// That a replica has said it is in this view, or a later one.
struct InView {
  TxId tx;
  View view = 0;
  friend auto operator<=>(const InView&, const InView&) = default;
};
/// What a decision on record proves does not depend on the view that its signer was in by then, and that view proves nothing of decisions.
/// So the two are kept apart: a logged statement is here with the view that it was decided in, and `InView` besides.
using Fact = std::variant<VoteStatement, LoggedStatement, ElectStatement, FallbackStatement, InView, CheckpointStatement>;

class StatementTable {
 public:
  explicit StatementTable(const Cluster& cluster) : cluster_(cluster), about_(cluster.txs.size()) {}

  /// The facts that it says. At most 64 there can be in all.
  StatementSet of(const Statement& statement);
  /// Empty: nobody has ever said it.
  StatementSet find(const Fact& fact) const;
  /// Those that tell about transaction `tx` and are of this kind.
  template <class S>
  StatementSet about(std::size_t tx) const {
    return about_[tx][Fact(S{}).index()];
  }
  const std::vector<Fact>& list() const { return list_; }
  /// For people.
  std::string text(StatementSet set) const;

 private:
  StatementSet of_fact(const Fact& fact);

  const Cluster& cluster_;
  std::vector<Fact> list_;
  std::vector<std::array<StatementSet, std::variant_size_v<Fact>>> about_;  // by transaction, by kind
  std::map<Fact, std::size_t> places_;
};

/// What correct replicas have said, each of them, in the order of `Cluster::correct`.
using Said = std::vector<StatementSet>;

}  // namespace isobar::db
