#pragma once

/// What a copy job has done, on disk, so that a job that was killed at any point goes on where it was: which objects are done,
/// which uploads are open with which parts, and which were about to be started. Records are appended and made durable in
/// groups; a record that was cut short by a crash ends the journal.

#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "transfer/copy_core.h"

namespace isobar::transfer {

/// An upload that was about to be started: if it was, only the store knows its id.
struct StartIntent {
  std::size_t target = 0;
  std::string target_key;
  Instant since;
};

struct JournalState {
  ResumeState resume;
  std::vector<StartIntent> intents;  ///< without a record of how they went
  std::uint64_t objects_done = 0;
};

/// Owned by one thread.
class Journal {
 public:
  /// Opens or makes the journal and reads what it holds. A damaged tail is cut off.
  /// Errors   kConflict: another process works on this job; kDataLoss: not a journal
  static Result<std::pair<Journal, JournalState>> open(const fs::path& path);
  Journal(Journal&&) noexcept;
  Journal& operator=(Journal&&) noexcept;
  ~Journal();

  void intend_upload(const CopyItem& item, std::size_t target, Instant now);
  void started(const CopyItem& item, std::size_t target, std::uint64_t part_bytes, const storage::Upload& upload);
  void part_done(const CopyItem& item, std::size_t target, const storage::Part& part);
  void aborted(const CopyItem& item, std::size_t target);
  void object_done(const CopyItem& item);

  bool dirty() const { return !pending_.empty(); }
  /// Makes all records so far durable. Errors as of writing a file: the disk may be full
  Status sync();
  /// Forgets everything: the job is over.
  Status remove();

 private:
  Journal() = default;
  void append(std::string_view record);
  fs::path path_;
  Fd file_;
  std::string pending_;
};

/// Reads records; pure. Returns how many bytes of `bytes` are whole records.
std::size_t replay(std::string_view bytes, JournalState& state);

}  // namespace isobar::transfer
