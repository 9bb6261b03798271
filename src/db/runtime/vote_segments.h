#pragma once

// The log of votes as a row of files, so that what is forgotten takes no room: a file goes when of every transaction in it nothing has to
// be remembered. Each begins with the replica's latest checkpoint, which stands for all earlier ones.

#include <deque>
#include <unordered_set>

#include "db/log_record.h"
#include "db/vote_log.h"

namespace isobar::db {

class VoteSegments {
 public:
  static constexpr std::uint64_t kSegmentBytes = 32U << 20;

  /// folder  of the replica; records  gets what is there, in order. Errors   those of `VoteLog`; kDataLoss: a file is missing
  static Result<VoteSegments> open(const fs::path& folder, Sync sync, std::vector<LogRecord>& records,
                                   std::uint64_t segment_bytes = kSegmentBytes);

  struct Record {
    TxId of;
    bool checkpoint = false;
    std::string bytes;
  };
  /// All of them durable afterwards, or an error, after which nothing may be sent that rests on them.
  Status append(std::span<const Record> records);
  /// Of these nothing has to be remembered. Only after what says so is durable.
  Status forget(std::span<const TxId> ids);
  std::size_t files() const { return segments_.size(); }

 private:
  struct Segment {
    std::uint64_t number;
    std::unordered_set<TxId> of;
  };
  VoteSegments(fs::path folder, Sync sync, std::uint64_t segment_bytes)
      : folder_(std::move(folder)), sync_(sync), segment_bytes_(segment_bytes) {}
  fs::path file_of(std::uint64_t number) const;
  Status read(std::uint64_t number, bool last, std::vector<LogRecord>& records);
  Status begin_segment();
  void note(const Record& record);

  fs::path folder_;
  Sync sync_;
  std::uint64_t segment_bytes_;
  Fd lock_;
  std::deque<Segment> segments_;
  std::optional<VoteLog> current_;
  std::optional<std::string> checkpoint_;
};

}  // namespace isobar::db
