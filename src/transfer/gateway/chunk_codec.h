#pragma once

// Bodies of frames: what a source makes of a chunk, and what a sink makes of the frames again. Pure.

#include <span>

#include "gateway_core.h"
#include "messages.h"

namespace isobar::transfer {

// In memory.
class BytesBody final : public FrameBody {
 public:
  // Not cleared: it is about to be written over.
  explicit BytesBody(std::size_t bytes) : memory_(new char[bytes]), bytes_(bytes) {}
  explicit BytesBody(std::string_view bytes) : BytesBody(bytes.size()) { std::copy(bytes.begin(), bytes.end(), memory_.get()); }
  std::uint32_t size() const override { return static_cast<std::uint32_t>(bytes_); }
  std::span<char> span() { return {memory_.get(), bytes_}; }
  std::string_view view() const { return {memory_.get(), bytes_}; }

 private:
  std::unique_ptr<char[]> memory_;
  std::size_t bytes_;
};

// Seals one frame of a chunk and completes its header's lengths.
// data   of the whole chunk.  meta   encoded ChunkMeta
std::shared_ptr<BytesBody> seal_frame(ChunkSealer& sealer, FrameHeader& header, std::uint64_t plain_bytes, std::string_view data,
                                      std::string_view meta);

// A chunk that is being gathered at a sink.
class Gathering {
 public:
  // buffer   of the chunk's bytes; memory of the caller's that stays
  explicit Gathering(std::span<char> buffer) : buffer_(buffer) {}
  // The next frame. What does not open spoils the chunk.
  void add(const FrameHeader& header, std::string_view body, ChunkOpener& opener);
  // Errors   kDataLoss: some frame was not what its source sealed, or the checksum differs; that of a packed chunk is of what comes
  //          out of it, and so still to be looked at
  Result<wire::ChunkMeta> finish() const;
  std::string_view bytes() const { return {buffer_.data(), buffer_.size()}; }

 private:
  std::span<char> buffer_;
  std::uint32_t crc32c_ = 0;
  wire::ChunkMeta meta_;
  std::optional<Error> failure_;
};

}  // namespace isobar::transfer
