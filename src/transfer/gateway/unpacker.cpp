#include "unpacker.h"

#include <fmt/format.h>

#include "crypto/crc32c.h"

namespace isobar::transfer {

void Unpacker::take(PackedChunk chunk, std::uint64_t raw_bytes, std::uint32_t crc32c, Done done) {
  if (raw_bytes == 0 || raw_bytes > raw_bytes_most_) {
    Error why(Code::kDataLoss, fmt::format("a chunk says that it unpacks to {} bytes; {} is the most", raw_bytes, raw_bytes_most_));
    return post_([done = std::move(done), why = std::move(why)] { done(why); });
  }
  room_.add(raw_bytes);
  waiting_.push_back({std::move(chunk), raw_bytes, crc32c, std::move(done)});
  begin_next();
}

void Unpacker::begin_next() {
  while (room_.take_next()) {
    auto job = std::make_shared<Job>(std::move(waiting_.front()));
    waiting_.pop_front();
    threads_.run([this, job](Compressor& compressor) {
      ChunkBytes raw = memory_of(job->raw_bytes);
      Status whole = compressor.unpack(job->chunk.codec, job->chunk.bytes.view(), {raw.memory.get(), raw.bytes});
      if (whole.ok() && crypto::crc32c(raw.view()) != job->crc32c)
        whole = Error(Code::kDataLoss, "the chunk's checksum is not the one its source took");
      auto outcome = whole.ok() ? Result<ChunkBytes>(std::move(raw)) : Result<ChunkBytes>(whole.error());
      job->chunk = {};
      post_([done = std::move(job->done), outcome = std::move(outcome)] { done(outcome); });
    });
  }
}

// Not cleared: it is about to be written over.
ChunkBytes Unpacker::memory_of(std::uint64_t bytes) {
  const auto let_go = [this, bytes](const char* memory) {
    delete[] memory;
    post_([this, bytes] {
      room_.give_back(bytes);
      begin_next();
    });
  };
  return {std::shared_ptr<char[]>(new char[bytes], let_go), bytes};
}

}  // namespace isobar::transfer
