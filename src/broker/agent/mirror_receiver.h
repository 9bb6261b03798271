#pragma once

/// The receiving end of a mirror: makes a destination hold what the source holds, and nothing that an earlier mirror put
/// there and the source lost since. Files that jobs made on the node are not the mirror's, and stay.
///
/// To tell the two apart, a record of what was mirrored is kept for each destination. Before anything changes, the
/// record names the old tree and the new one; when all is done, the new one alone: a mirror that was interrupted
/// anywhere is repaired by the next. Every path is walked from the destination's folder with openat and O_NOFOLLOW, so
/// that no symlink, whoever made it, leads a write elsewhere.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "broker/agent_messages.h"
#include "compression/compressor.h"

namespace isobar::broker {

class MirrorReceiver {
 public:
  /// manifest  whole; home  of the node; records  the folder of the records
  /// Errors    kInvalidArgument: a path that leaves the destination, a file above another entry, an entry twice
  static Result<MirrorReceiver> open(MirrorManifest manifest, const fs::path& home, const fs::path& records);

  /// Makes folders and symlinks, and names the files whose content is wanted, by index in the manifest.
  /// Errors  kInvalidArgument: a file is to stand where a folder holds files of the jobs
  Result<std::vector<std::uint64_t>> prepare();
  /// Errors  kInvalidArgument: a piece out of order, or more or fewer bytes than the manifest says; the disk's errors
  Status receive(const MirrorData& piece);
  /// Removes what the source lost, sets the folders' modes, and seals the record.
  Result<MirrorReport> finish();

 private:
  struct Item {
    MirrorEntry entry;                   // its path is relative to base_
    std::optional<std::uint64_t> index;  // in the manifest; none: a folder that only paths imply
  };
  struct Part {
    std::uint64_t index = 0;
    const Item* item = nullptr;
    Fd folder, file;
    std::uint64_t written = 0;
  };
  using Items = std::map<std::string, Item>;  // by path: a folder comes before what is in it

  MirrorReceiver(fs::path base, fs::path record, MirrorCompare compare)
      : base_path_(std::move(base)), record_path_(std::move(record)), compare_(compare) {}
  Status add(const std::string& top, std::vector<MirrorEntry> entries);
  Status load_record();
  Status save_record(bool with_old) const;

  Result<Fd> open_folder_of(const std::string& path) const;
  Status clear_way(const Item& item);
  Status make_folder(const Item& item);
  Status make_symlink(const Item& item);
  Result<bool> has_file(const Item& item) const;
  Result<bool> has_content(int folder, const std::string& name, const MirrorEntry& entry) const;
  Status begin_part(std::uint64_t index);
  Status end_part();
  Result<std::string_view> content_of(const MirrorData& piece);
  bool remove_old(const std::string& path, EntryKind kind) const;

  fs::path base_path_, record_path_;
  MirrorCompare compare_;
  Fd base_, lock_;
  Items items_;
  std::vector<const Item*> by_index_;
  std::map<std::string, EntryKind> old_;
  std::optional<Part> part_;
  compression::Compressor compressor_;
  std::string unpacked_;  // of the piece at hand
  MirrorReport report_;
};

}  // namespace isobar::broker
