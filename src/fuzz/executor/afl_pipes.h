#pragma once

/// What AFL's fork servers and their controllers share: two pipes of 4-byte words, and System V memory.

#include <optional>
#include <string>

#include "base/file.h"
#include "base/time.h"

namespace isobar::fuzz {

class AflPipes {
 public:
  /// Errors   kExhausted: no more descriptors
  static Result<AflPipes> create();

  int for_target_to_hear() const { return target_hears_.get(); }
  int for_target_to_tell() const { return target_tells_.get(); }
  /// When the target has its own ends, so that its end is seen.
  void close_targets();

  /// False: nobody reads.
  bool say(std::uint32_t word);
  /// Nothing: not within the time, or the other side is gone (`broken`). Never waits longer.
  std::optional<std::uint32_t> hear(Duration at_most);
  bool skip(std::uint32_t bytes, Duration at_most);
  bool broken() const { return broken_; }

 private:
  bool read_whole(void* into, std::size_t bytes, Duration at_most);

  Fd target_hears_, target_tells_, tells_, hears_;
  bool broken_ = false;
  std::uint8_t part_[4] = {};  ///< of a word that came in pieces
  std::size_t part_bytes_ = 0;
};

/// Memory by an id. It goes with the last process that has it, however that ends.
class SystemVMemory {
 public:
  /// Errors   kExhausted: the system's limit of such memory
  static Result<SystemVMemory> create(std::size_t bytes);
  SystemVMemory(SystemVMemory&& other) noexcept : id_(other.id_), bytes_(std::exchange(other.bytes_, nullptr)) {}
  SystemVMemory& operator=(SystemVMemory&& other) noexcept;
  ~SystemVMemory();

  int id() const { return id_; }
  std::uint8_t* bytes() const { return bytes_; }

 private:
  SystemVMemory(int id, std::uint8_t* bytes) : id_(id), bytes_(bytes) {}
  int id_;
  std::uint8_t* bytes_;
};

/// Where a program's file is: as execvp finds it. The name itself, if nowhere.
std::string program_in_path(const std::string& name);

}  // namespace isobar::fuzz
