#pragma once

/// A campaign's folder: inputs by the hash of their bytes, what they killed the target with, and what is known of them. Inputs are files
/// from the moment they are found, so that a kill loses none; what is known of them is written every few seconds, whole or not at all.
///
///   inputs/HASH          what any fuzzer reads as a corpus
///   crashes/KIND-HASH    what ends the target: crash, timeout, memory, exit
///   state, state.2 …     of each worker: docs/formats/fuzz-corpus.md
///   lock, lock.2 …       held while a worker runs

#include "base/file.h"
#include "fuzz/champions.h"
#include "fuzz/executor.h"

namespace isobar::fuzz {

/// 128 bits, XXH3.
struct InputHash {
  std::uint64_t high = 0, low = 0;
  std::string hex() const;
  static std::optional<InputHash> parse(std::string_view hex);
  friend auto operator<=>(const InputHash&, const InputHash&) = default;
};
InputHash hash_of(ByteView bytes);

struct Entry {
  InputHash hash;
  std::uint32_t size = 0;
  Duration took{0};
  std::uint64_t path = 0;  ///< hash of the blocks that ran
  std::uint32_t blocks = 0, depth = 0;
  EntryId parent = kNobody;
  std::string found_by;
  std::vector<Goal> goals;  ///< that it moved when it came
  Duration found_at{0};     ///< of the campaign's running time
  std::uint64_t turns = 0, children = 0;
  bool examined = false;  ///< its compares were tried
  bool probed = false;    ///< its lengths were tried
  bool repairs = false;   ///< mending what a change breaks, a checksum, has found something
  bool varies = false;    ///< another run of it took another path
};

struct CampaignState {
  std::string target;  ///< fingerprint
  std::string aggregates, champions;
  std::vector<Entry> entries;
  std::uint64_t runs = 0, crashes = 0, hangs = 0;
  Duration ran{0};
  std::vector<Bytes> tokens;
  std::vector<std::uint32_t> varying_blocks;
};

class CorpusFolder {
 public:
  /// Makes what is missing, and takes the lock.
  /// worker   several workers share a folder's inputs; each has a state and a lock of its own
  /// Errors   kConflict: another campaign runs in it; kPermissionDenied, kExhausted
  static Result<CorpusFolder> open(const fs::path& path, int worker = 0);
  const fs::path& path() const { return path_; }
  fs::path inputs() const { return path_ / "inputs"; }

  /// Errors   kExhausted: the disk is full; nothing half-written has the name
  Status keep(const InputHash& hash, ByteView bytes) const;
  Result<Bytes> read(const InputHash& hash) const;
  Status forget(const InputHash& hash) const;
  /// All that have files, in the order of their hashes.
  Result<std::vector<InputHash>> list() const;
  /// The path it was written to.
  Result<fs::path> keep_ending(Ending ending, ByteView bytes) const;

  Status save(const CampaignState& state) const;
  /// None: there is none. Errors: kDataLoss, damaged or from a later version.
  Result<std::optional<CampaignState>> load() const;

 private:
  CorpusFolder(fs::path path, fs::path state, Fd lock) : path_(std::move(path)), state_(std::move(state)), lock_(std::move(lock)) {}
  fs::path path_, state_;
  Fd lock_;
};

std::string encode(const CampaignState& state);
Result<CampaignState> decode_state(std::string_view bytes);

/// The files of a folder, or a file: AFL's queues (also of several instances), libFuzzer's corpora, ours. Hidden files, and folders in
/// AFL's that hold no inputs, are left out. Larger than `size_max` are cut to it. Errors   kNotFound
Result<std::vector<Bytes>> read_inputs(const fs::path& path, std::size_t size_max);

}  // namespace isobar::fuzz
