#pragma once

/// The memory that the fuzzer shares with a target, and the words in it on which each waits for the other.

#include <memory>

#include "base/file.h"
#include "base/result.h"
#include "base/time.h"
#include "isobar/fuzz_abi.h"

namespace isobar::fuzz {

class SharedMemory {
 public:
  /// Errors   kExhausted: no address space
  static Result<std::unique_ptr<SharedMemory>> create();
  ~SharedMemory();
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  isobar_fuzz_shared& operator*() const { return *shared_; }
  isobar_fuzz_shared* operator->() const { return shared_; }
  std::uint8_t* at(std::uint64_t offset) const { return reinterpret_cast<std::uint8_t*>(shared_) + offset; }
  /// To be inherited by the target.
  int descriptor() const { return descriptor_.get(); }

 private:
  SharedMemory(Fd descriptor, isobar_fuzz_shared* shared) : descriptor_(std::move(descriptor)), shared_(shared) {}
  Fd descriptor_;
  isobar_fuzz_shared* shared_;
};

std::uint32_t load(const std::uint32_t& word);
void store(std::uint32_t& word, std::uint32_t value);
void wake(std::uint32_t& word);
/// Until the word is no longer `old`, or the time is over. May return early.
void wait_while(std::uint32_t& word, std::uint32_t old, Duration at_most);
/// Of CLOCK_MONOTONIC, as targets write it.
std::uint64_t monotonic_nanoseconds();

}  // namespace isobar::fuzz
