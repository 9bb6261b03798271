#pragma once

/// One copy job as a state machine: which object's which part is read next, written where, tried again when, and when an object
/// is whole. No store, clock or thread inside: events come in, effects go out, and a driver carries those out. So a job can be
/// run against simulated stores that fail, lie and die at any point, a thousand times a second.
///
/// An object that fits into one part is read whole and put whole. A larger one is headed (its version pinned, its properties
/// known), an upload is started at each target, its parts are read once and put to all targets, its source is looked at
/// again, and the uploads are completed. Where the targets can fetch it by themselves, nothing is read at all.
///
/// Memory is a budget of bytes: a part takes its bytes when its read is asked for and gives them back when its last target has
/// them. How many calls a store gets at once follows what it bears (`throttle.h`).

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <variant>
#include <vector>

#include "base/id.h"
#include "base/random.h"
#include "base/time.h"
#include "storage/store.h"
#include "transfer/throttle.h"

namespace isobar::transfer {

using ObjectId = Id<struct ObjectTag>;
using ChunkId = Id<struct ChunkTag>;

/// One object to copy, as the listing told it.
struct CopyItem {
  storage::ObjectInfo source;
  std::vector<std::string> target_keys;  ///< one for each target
  /// What the store said of it, where it was asked already, so that it need not be asked again. Without tags.
  std::shared_ptr<const storage::ObjectHead> head;
};

/// What is known of an earlier run of the same job.
struct ResumeState {
  struct OpenUpload {
    storage::Upload upload;
    std::map<int, storage::Part> parts;
  };
  struct OpenObject {
    std::string version;
    std::uint64_t part_bytes = 0;
    std::map<std::size_t, OpenUpload> uploads;  ///< by target
  };
  std::unordered_set<std::uint64_t> done;  ///< item_mark of each object that all targets have
  std::map<std::string, OpenObject> open;  ///< by source key
};

/// A mark of 64 bits for an object's content at its targets: equal items have equal marks.
std::uint64_t item_mark(const CopyItem& item);

/// Laid over what the source says of an object.
struct PropertyOverrides {
  std::optional<std::string> content_type, content_encoding, content_language, content_disposition, cache_control, storage_class;
  std::map<std::string, std::string> metadata;  ///< added, or replacing those of the same name
  bool drop_metadata = false;                   ///< begin with none
};

struct CopyPlan {
  std::vector<storage::Limits> targets;
  bool server_side = false;                      ///< all targets can fetch from the source
  std::uint64_t server_copy_bytes_most = ~0ULL;  ///< what is larger, or larger than the target allows, they fetch in parts
  bool target_keeps_mtime = false;               ///< set the time of what is written from the source's (files)
  std::uint64_t memory_bytes = 256 << 20;
  std::uint64_t part_bytes = 8 << 20;
  /// Whether the source is looked at once more when all of an object was read, though every part was told to be of the right version:
  /// of files, which can be written to while they are read.
  bool recheck_source = true;
  /// Whether the last reads are asked for once more when they lag: at most a twentieth of all bytes, or 16 MiB, is read twice.
  bool read_lagging_again = false;
  int attempts_most = 8;
  /// So many objects in a row that failed by their store's doing, not their own, end the job: a store that refuses everything is
  /// not asked a million times. 0: never.
  int failures_in_a_row_most = 100;
  Duration backoff_least = std::chrono::milliseconds(100), backoff_most = std::chrono::seconds(20);
  std::uint64_t bytes_per_second = 0;  ///< 0: as fast as it goes
  int source_calls_most = 256, target_calls_most = 256;
  int calls_first = 256;  ///< at once, before it is known what the stores bear; a large one counts as up to eight
  PropertyOverrides overrides;
  std::uint64_t seed = 1;
};

// Effects. Each but the last five is answered by exactly one Answer with the same id.
struct HeadSource {
  ObjectId object;
  bool with_tags;
};
struct ReadChunk {
  ChunkId chunk;
  std::string key;
  std::uint64_t offset, bytes;
  std::string version;
};
struct PutWhole {
  ChunkId chunk;
  std::size_t target;
};
struct PutPart {
  ChunkId chunk;
  std::size_t target;
  storage::Upload upload;
  int number;
  std::uint64_t offset;
};
/// To be on disk as an intent before it is done: a crash in between must find it.
struct StartUpload {
  ObjectId object;
  std::size_t target;
};
struct CompleteUpload {
  ObjectId object;
  std::size_t target;
};
struct AbortUpload {
  ObjectId object;
  std::size_t target;
  storage::Upload upload;
};
struct ServerCopy {
  ObjectId object;
  std::size_t target;
};
struct ServerCopyPart {
  ObjectId object;
  std::size_t target;
  storage::Upload upload;
  int number;
  std::uint64_t offset, bytes;
};
/// The chunk's read lags behind all others, and nothing else is left to read: it is asked for once more, and whichever comes first is
/// its answer.
struct ReadAgain {
  ChunkId chunk;
};
struct ReleaseChunk {
  ChunkId chunk;
};
/// Facts for the journal, the manifest and the progress.
struct UploadStarted {
  ObjectId object;
  std::size_t target;
};
struct PartDone {
  ObjectId object;
  std::size_t target;
  storage::Part part;
};
struct ObjectEnded {
  CopyItem item;
  Status outcome;
  bool was_done_before = false;  ///< by an earlier run
  std::optional<std::uint32_t> crc32c;
  std::vector<storage::PutReceipt> receipts;
};
using Effect = std::variant<HeadSource, ReadChunk, PutWhole, PutPart, StartUpload, CompleteUpload, AbortUpload, ServerCopy, ServerCopyPart,
                            ReadAgain, ReleaseChunk, UploadStarted, PartDone, ObjectEnded>;

// Answers to effects.
struct HeadAnswer {
  ObjectId object;
  Result<storage::ObjectHead> outcome;
};
struct ReadAnswer {
  ChunkId chunk;
  Result<storage::Got> outcome;
  std::uint32_t crc32c = 0;
};
struct PutAnswer {
  ChunkId chunk;
  std::size_t target;
  Result<storage::PutReceipt> outcome;
};
struct PartAnswer {
  ChunkId chunk;
  std::size_t target;
  Result<storage::Part> outcome;
};
struct StartAnswer {
  ObjectId object;
  std::size_t target;
  Result<storage::Upload> outcome;
};
struct CompleteAnswer {
  ObjectId object;
  std::size_t target;
  Result<storage::PutReceipt> outcome;
};
struct AbortAnswer {
  ObjectId object;
  std::size_t target;
  storage::Upload upload;
  Status outcome;
};
struct CopyAnswer {
  ObjectId object;
  std::size_t target;
  Result<storage::PutReceipt> outcome;
};
struct CopyPartAnswer {
  ObjectId object;
  std::size_t target;
  int number;
  Result<storage::Part> outcome;
};
/// Time has come to `next_timer()`, or bytes may flow again.
struct Tick {};
struct ItemListed {
  CopyItem item;
};
struct ListingEnded {};
using Event = std::variant<HeadAnswer, ReadAnswer, PutAnswer, PartAnswer, StartAnswer, CompleteAnswer, AbortAnswer, CopyAnswer,
                           CopyPartAnswer, Tick, ItemListed, ListingEnded>;

/// Owned by one thread.
class CopyCore {
 public:
  CopyCore(CopyPlan plan, ResumeState resume);
  ~CopyCore();

  /// Handles one event. The driver carries the effects out, in order, before the next event.
  /// Cost     O(log n) for n chunks and objects under way
  std::vector<Effect> step(Event event, Instant now);

  /// Whether another ItemListed is welcome: more would only wait.
  bool wants_items() const;
  bool finished() const;
  std::optional<Instant> next_timer() const;

  /// For the driver, while it carries out an effect.
  const CopyItem& item(ObjectId object) const;
  const CopyItem& item(ChunkId chunk) const;
  ObjectId object_of(ChunkId chunk) const;
  const storage::Properties& properties(ObjectId object) const;
  std::uint32_t chunk_crc32c(ChunkId chunk) const;
  const storage::Upload& upload(ObjectId object, std::size_t target) const;
  std::uint64_t part_bytes(ObjectId object) const;
  std::vector<storage::Part> parts(ObjectId object, std::size_t target) const;
  std::optional<std::uint32_t> object_crc32c(ObjectId object) const;

  struct Totals {
    std::uint64_t objects_listed = 0, bytes_listed = 0, objects_done = 0, bytes_done = 0, objects_failed = 0, objects_done_before = 0;
    std::uint64_t bytes_read = 0, retries = 0, memory_bytes = 0;
    std::uint64_t uploads_left = 0;  ///< that could not be removed after a failure; the next run tries again
  };
  const Totals& totals() const;
  /// Why the job begins nothing more, though more was listed.
  const Status& stopped() const;

 private:
  class Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace isobar::transfer
