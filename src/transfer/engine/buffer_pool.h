#pragma once

// Memory for chunks, used again and again: fresh memory of this size would cost a page fault for every 4 KiB (measured: 0.2 s of
// CPU a GiB), more than moving the bytes does.

#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <vector>

namespace isobar::transfer {

/// Owned by one thread; the memory it gives may be used on any.
class BufferPool {
 public:
  /// bytes_most   what is kept for later use in all
  explicit BufferPool(std::size_t bytes_most) : bytes_most_(bytes_most) {}

  class Buffer {
   public:
    Buffer() = default;
    std::span<char> span(std::size_t bytes) const { return {memory_.get(), bytes}; }

   private:
    friend class BufferPool;
    std::unique_ptr<char[]> memory_;
    std::size_t bytes_ = 0;
  };

  /// At least `bytes`, not cleared.
  Buffer take(std::size_t bytes) {
    // Classes of powers of two and halves of them: a quarter is lost at most.
    std::size_t size = 4096;
    while (size < bytes) size = size * 3 / 2 >= bytes ? size * 3 / 2 : size * 2;
    Buffer buffer;
    auto& idle = idle_[size];
    if (!idle.empty()) {
      buffer.memory_ = std::move(idle.back());
      idle.pop_back();
      idle_bytes_ -= size;
    } else {
      buffer.memory_.reset(new char[size]);
    }
    buffer.bytes_ = size;
    return buffer;
  }

  void give_back(Buffer buffer) {
    if (!buffer.memory_ || idle_bytes_ + buffer.bytes_ > bytes_most_) return;
    idle_bytes_ += buffer.bytes_;
    idle_[buffer.bytes_].push_back(std::move(buffer.memory_));
  }

 private:
  std::size_t bytes_most_, idle_bytes_ = 0;
  std::map<std::size_t, std::vector<std::unique_ptr<char[]>>> idle_;
};

}  // namespace isobar::transfer
