#pragma once

// What a copy job knows between two events. copy_core.cpp has how it begins and whom it calls, copy_chunks.cpp what becomes of chunks,
// copy_ends.cpp how objects end.

#include <functional>

#include "transfer/copy_core.h"

namespace isobar::transfer {

// Whether the same call may succeed if made again.
inline bool may_pass(Code code) {
  return code == Code::kUnavailable || code == Code::kDeadlineExceeded || code == Code::kExhausted || code == Code::kDataLoss;
}
inline bool is_overload(Code code) { return code == Code::kExhausted || code == Code::kDeadlineExceeded; }
inline Error other_bytes() { return Error(Code::kDataLoss, "what was read has another checksum than the source says"); }

enum class Phase {
  kHeading,     // asking what the source is
  kStarting,    // uploads are being started
  kMoving,      // chunks or server-side copies are under way
  kRechecking,  // all parts are there: is the source still what it was?
  kCompleting,  // uploads are being completed
  kAborting,    // it failed: uploads are being removed
  kSweeping,    // an upload of an earlier run that nobody will complete is being removed
};

struct Target {
  storage::Upload upload;
  bool started = false, completed = false;
  std::map<int, storage::Part> parts;
  storage::PutReceipt receipt;
};

struct Object {
  CopyItem item;
  Phase phase = Phase::kHeading;
  bool whole = false;                          // read and put in one piece
  bool server = false;                         // copied without passing here
  bool taken_up = false;                       // parts of it are there from an earlier run
  bool confirmed = true;                       // each part that was read was told to be of the version that was asked for
  std::optional<std::uint32_t> source_crc32c;  // as the source tells it
  storage::Properties properties;
  std::vector<Target> targets;
  std::uint64_t part_bytes = 0;
  int parts_total = 0, next_part = 1;
  int chunks = 0, calls = 0;  // under way, besides each other
  std::size_t left = 0;       // targets that are not complete
  int attempts = 0;
  ChunkId first_chunk;  // of an object that is one chunk
  std::uint32_t crc32c = 0;
  std::optional<Error> failure;
  bool refused_by_target = false;  // it was a target that would not have it
};

struct Chunk {
  ObjectId object;
  int number = 0;
  std::uint64_t offset = 0, bytes = 0;
  std::uint32_t crc32c = 0;
  int attempts = 0;
  int puts = 0;  // targets that do not have it yet
  std::vector<bool> has_target;
  bool waits_for_head = false;        // read, but its object's tags are not known yet
  std::optional<Instant> read_since;  // while it is being read
  bool read_twice = false;
};

class CopyCore::Inside {
 public:
  Inside(CopyPlan plan, ResumeState resume);

  void on(HeadAnswer&);
  void on(ReadAnswer&);
  void on(PutAnswer&);
  void on(PartAnswer&);
  void on(StartAnswer&);
  void on(CompleteAnswer&);
  void on(AbortAnswer&);
  void on(CopyAnswer&);
  void on(CopyPartAnswer&);
  void on(Tick&);
  void on(ItemListed&);
  void on(ListingEnded&);
  void retry_due();
  void schedule();
  void read_lagging();

  Object& object(ObjectId id) {
    const auto found = objects.find(id);
    CHECK(found != objects.end(), id);
    return found->second;
  }
  Chunk& chunk(ChunkId id) {
    const auto found = chunks.find(id);
    CHECK(found != chunks.end(), id);
    return found->second;
  }
  bool alive(ObjectId id) const { return objects.count(id) != 0; }
  std::optional<std::uint32_t> whole_crc32c(const Object& it) const;

  CopyPlan plan;
  ResumeState resume;
  Random random;
  Throttle source;
  std::vector<Throttle> target;
  Instant now;
  std::vector<Effect> effects;
  std::deque<CopyItem> waiting;
  bool listing_ended = false, unseen_uploads_swept = false;
  std::unordered_map<ObjectId, Object> objects;
  std::unordered_map<ChunkId, Chunk> chunks;
  std::deque<ObjectId> moving;  // objects with parts that were not asked for yet
  std::multimap<Instant, std::function<void()>> retries;
  int sweeps = 0;
  Instant pace_until;
  std::uint64_t last_object = 0, last_chunk = 0;
  Totals totals;
  int failures_in_a_row = 0;
  Status stopped;
  Duration typical_read{};  // of a chunk that is not small
  std::uint64_t read_again_bytes = 0;
  std::optional<Instant> look_for_lagging_at;

 private:
  // What a chunk costs of the budget: its buffer and its bookkeeping.
  static std::uint64_t charge(std::uint64_t bytes) { return bytes + 1024; }

  void begin(CopyItem item);
  Status fits_target(const Object& object, std::size_t index) const;
  std::uint64_t choose_part_bytes(std::uint64_t bytes) const;
  void take_up(Object& object, const ResumeState::OpenObject& open);
  void abandon(const CopyItem& item, const ResumeState::OpenObject& open);
  void sweep_unseen();

  bool keeps_tags() const;
  void ask_head(ObjectId id, bool with_tags);
  void headed(ObjectId id, const storage::ObjectHead& head);
  void keep_properties(Object& it, const storage::Properties& properties, Instant modified) const;
  void start_uploads(ObjectId id);
  void begin_parts(ObjectId id);
  bool everywhere(const Object& it, int number) const;
  bool schedule_parts();

  bool may_read(std::uint64_t bytes) const;
  void make_chunk(ObjectId object_id, int number, std::uint64_t offset, std::uint64_t bytes);
  void read(ChunkId id);
  void note_read(Chunk& it);
  void put_everywhere(ChunkId id);
  void put(ChunkId id, std::size_t index);
  void put_failed(ChunkId id, std::size_t index, const Error& error);
  void put_ended(ChunkId id);
  void finish_chunk(ChunkId id);
  void release(ChunkId id);
  void drop_chunk(ChunkId id);

  void check_parts(ObjectId id);
  void check_source(ObjectId id);
  void complete_all(ObjectId id);
  void complete(ObjectId id, std::size_t index);
  void succeed(ObjectId id);
  void fail(ObjectId id, const Error& error);
  void settle_failed(ObjectId id);

  void begin_server_copy(ObjectId id);
  void server_copy(ObjectId id, std::size_t index);
  bool schedule_server_part(ObjectId id, std::uint64_t offset, std::uint64_t bytes);
  void server_part(ObjectId id, std::size_t index, int number, std::uint64_t offset, std::uint64_t bytes);

  void call(Throttle& store, Effect effect);
  std::uint64_t bytes_moved_by(const Effect& effect);
  void end_call(Throttle& throttle, const Error* error, std::uint64_t bytes = 0);
  Duration backoff(int attempts, const Error& error);
  bool have_room() const;
  void count_failure(const Object& it);
  void retry_or_fail(ObjectId id, int& attempts, const Error& error, std::function<void()> again);
  void retry_chunk(ChunkId id, const Error& error, std::function<void()> again);
};

}  // namespace isobar::transfer
