#include "db/state_transfer.h"

#include "db/state_digest.h"

namespace isobar::db {

namespace {
constexpr Duration kPatience = std::chrono::seconds(5);
}

StateTransfer::Request StateTransfer::begin(const StableCheckpoint& stable, Instant now) {
  stable_ = stable;
  buckets_.clear();
  asked_ = stable.signed_by[turn_++ % stable.signed_by.size()].signer;
  since_ = now;
  return {*asked_, FetchLeaves{stable.statement().until}};
}

std::optional<StateTransfer::Request> StateTransfer::on(const ReplicaId& from, const LeavesSupplied& supplied, const std::vector<Hash>& own,
                                                        Instant now) {
  if (asked_ != from || !buckets_.empty() || supplied.leaves.size() != own.size()) return std::nullopt;
  if (supplied.until == stable_.statement().until && root_of(supplied.leaves) != stable_.statement().root) return std::nullopt;
  for (std::uint32_t bucket = 0; bucket < own.size(); ++bucket)
    if (supplied.leaves[bucket] != own[bucket]) buckets_.push_back(bucket);
  after_.clear();
  return ask_for_bucket(now);
}

std::optional<StateTransfer::Request> StateTransfer::ask_for_bucket(Instant now) {
  if (buckets_.empty()) return asked_.reset(), std::nullopt;
  since_ = now;
  return Request{*asked_, FetchBucket{buckets_.front(), after_}};
}

bool StateTransfer::expects(const ReplicaId& from, const BucketSupplied& supplied) const {
  return asked_ == from && !buckets_.empty() && supplied.bucket == buckets_.front();
}

std::optional<StateTransfer::Request> StateTransfer::next(const BucketSupplied& supplied, Instant now) {
  // Keys go up: who says otherwise would have it asked for ever.
  const bool goes_on = supplied.next && *supplied.next > after_;
  after_ = goes_on ? *supplied.next : "";
  if (!goes_on) buckets_.pop_front();
  return ask_for_bucket(now);
}

void StateTransfer::expire(Instant now) {
  if (asked_ && since_ + kPatience < now) asked_.reset();
}

}  // namespace isobar::db
