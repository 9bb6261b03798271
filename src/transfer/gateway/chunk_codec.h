#pragma once

// Bodies of frames: what a source makes of a chunk, and what a sink makes of the frames again. Pure.

#include "gateway_core.h"
#include "messages.h"

namespace isobar::transfer {

class BytesBody final : public FrameBody {
 public:
  explicit BytesBody(std::string bytes) : bytes_(std::move(bytes)) {}
  std::string_view view() const { return bytes_; }

 private:
  std::string bytes_;
};

// Seals one frame of a chunk and completes its header's lengths.
// data   of the whole chunk.  meta   encoded ChunkMeta
std::string seal_frame(ChunkSealer& sealer, FrameHeader& header, std::uint64_t plain_bytes, std::string_view data, std::string_view meta);

// A chunk that is being gathered at a sink.
class Gathering {
 public:
  // buffer   of the chunk's bytes; memory of the caller's that stays
  explicit Gathering(std::span<char> buffer) : buffer_(buffer) {}
  // The next frame. What does not open spoils the chunk.
  void add(const FrameHeader& header, std::string_view body, ChunkOpener& opener);
  // Errors   kDataLoss: some frame was not what its source sealed, or the checksum differs
  Result<wire::ChunkMeta> finish() const;
  std::string_view bytes() const { return {buffer_.data(), buffer_.size()}; }

 private:
  std::span<char> buffer_;
  std::uint32_t crc32c_ = 0;
  wire::ChunkMeta meta_;
  std::optional<Error> failure_;
};

}  // namespace isobar::transfer
