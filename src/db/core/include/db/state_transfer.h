#pragma once

/// How a replica whose digest is not that of a stable checkpoint comes to have it: it asks one of those who signed for the leaves, which
/// the signed root proves; sees in which buckets it differs; and asks for these, one after another, a part at a time. What it is supplied
/// with are committed transactions with their certificates, so a liar can withhold something, and then the next one is asked. Who does not
/// remember its leaves of that time any more gives those that it has: they are a hint where to look, as all that counts is what comes.

#include <deque>
#include <optional>
#include <vector>

#include "base/time.h"
#include "db/messages.h"
#include "db/now.h"

namespace isobar::db {

class StateTransfer {
 public:
  struct Request {
    ReplicaId to;
    Message message;
  };
  bool under_way() const { return asked_.has_value(); }
  /// stable  the checkpoint whose digest is another
  Request begin(const StableCheckpoint& stable, Instant now);
  /// own  this replica's leaves of the same time, if it has them, else the latest
  std::optional<Request> on(const ReplicaId& from, const LeavesSupplied& supplied, const std::vector<Hash>& own, Instant now);
  /// Whether what came was waited for; it should be taken then, and `next` asked for more.
  bool expects(const ReplicaId& from, const BucketSupplied& supplied) const;
  std::optional<Request> next(const BucketSupplied& supplied, Instant now);
  /// Who does not answer is given up.
  void expire(Instant now);

 private:
  std::optional<Request> ask_for_bucket(Instant now);

  StableCheckpoint stable_;
  std::size_t turn_ = 0;  // whom to ask
  std::optional<ReplicaId> asked_;
  Instant since_;
  std::deque<std::uint32_t> buckets_;
  std::string after_;
};

}  // namespace isobar::db
