#include "packer.h"

#include <algorithm>

namespace isobar::transfer {

namespace {

PackedChunk pack(Compressor& compressor, Codec codec, const ChunkBytes& raw) {
  const std::uint64_t most = packed_bytes_most(raw.bytes);
  const std::unique_ptr<char[]> scratch(new char[most]);
  const auto bytes = compressor.pack(codec, raw.view(), {scratch.get(), most});
  if (!bytes) return {Codec::kNone, raw};
  // In memory of its own size: it is kept until every target has it.
  PackedChunk chunk{codec, {std::shared_ptr<char[]>(new char[*bytes]), *bytes}};
  std::copy_n(scratch.get(), *bytes, chunk.bytes.memory.get());
  return chunk;
}

}  // namespace

Packer::Packer(Compression choice, std::uint64_t raw_bytes_most, std::size_t packers, Post post, std::function<bool()> hungry, Ready ready)
    : policy_(choice, packers, raw_bytes_most),
      post_(std::move(post)),
      hungry_(std::move(hungry)),
      ready_(std::move(ready)),
      threads_(packers) {}

bool Packer::take(std::uint64_t serial, const ChunkBytes& raw, Instant now) {
  if (!policy_.tries(raw.bytes)) return false;
  if (!compression::worth_packing(sampler_, policy_.for_samples(), raw.view())) return false;
  jobs_[serial] = {++last_number_, raw};
  policy_.add(serial, raw.bytes, now);
  begin_next();
  return true;
}

void Packer::withdraw(std::uint64_t serial) {
  if (jobs_.erase(serial) > 0) policy_.remove(serial);
}

std::optional<std::uint64_t> Packer::take_raw(Instant now) {
  if (policy_.empty() || !hungry_()) return std::nullopt;
  const auto serial = policy_.next_to_send_raw(now);
  if (serial) jobs_.erase(*serial);
  return serial;
}

void Packer::begin_next() {
  while (const auto order = policy_.next_to_pack()) {
    const Job& job = jobs_.at(order->serial);
    threads_.run([this, serial = order->serial, codec = order->codec, number = job.number, raw = job.raw](Compressor& compressor) {
      auto chunk = pack(compressor, codec, raw);
      post_([this, serial, number, chunk = std::move(chunk)] { packed(serial, number, chunk); });
    });
  }
}

void Packer::packed(std::uint64_t serial, std::uint64_t number, PackedChunk chunk) {
  policy_.packed();
  begin_next();
  const auto job = jobs_.find(serial);
  if (job == jobs_.end() || job->second.number != number) return;  // withdrawn meanwhile
  jobs_.erase(job);
  ready_(serial, std::move(chunk));
}

}  // namespace isobar::transfer
