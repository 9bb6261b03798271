#pragma once

/// What a reader of a range believes of what one shard's replicas answered (after Pesto, without its table versions). 3f + 1 equal answers
/// are taken as they are: whatever is committed below the reader, and below what those replicas have closed or promised, one correct
/// replica of them has shown. Where fewer agree, keys that 3f + 1 of them tell alike are taken, and the others are read one by one, each by
/// the rule of a single read. Only equal answers with everybody's promise and nothing undecided need no vote.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "db/messages.h"

namespace isobar::db {

class ScanQuorum {
 public:
  /// members outlives it. asked  as all of them are asked, but for the number, and for who sends rows
  ScanQuorum(const Membership& members, ScanRequest asked) : members_(members), asked_(std::move(asked)) {}

  /// The last answer of each replica counts; of two with one digest the one that has the rows.
  void add(const ReplicaId& from, ScanReply reply);
  /// That count.
  std::size_t answers() const { return replies_.size(); }
  /// Also who refused, or was not understood.
  bool heard(const ReplicaId& from) const { return heard_.contains(from); }
  std::size_t heard() const { return heard_.size(); }
  std::size_t with_rows() const;
  const ScanRequest& asked() const { return asked_; }
  /// So many say so that too few are left who would answer.
  std::optional<AbortReason> refused() const;

  struct Result {
    ScannedPart part;                   ///< what is agreed on; rows may stand for keys that are `disputed`
    std::vector<std::string> disputed;  ///< keys of that part, in order
    bool final = false;                 ///< nobody can change it any more
  };
  /// 3f + 1 equal answers. None: there are none yet
  std::optional<Result> agreed() const;
  /// As good as it gets from 3f + 1 answers that have the rows. None: there are not as many
  std::optional<Result> merged() const;

 private:
  bool in_form(const ScanReply& reply) const;
  bool within(const ScannedPart& part, const std::string& key) const;

  const Membership& members_;
  ScanRequest asked_;
  std::map<ReplicaId, ScanReply> replies_;  // those that answer
  std::map<ReplicaId, AbortReason> refusals_;
  std::set<ReplicaId> heard_;
};

}  // namespace isobar::db
