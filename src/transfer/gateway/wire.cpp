#include "wire.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::transfer {

namespace {

constexpr std::uint8_t kVersion = 1;

// Numbers in network order, one after another.
class Writer {
 public:
  explicit Writer(char* out) : out_(out) {}
  template <class T>
  void put(T value) {
    for (std::size_t i = sizeof(T); i-- > 0;) *out_++ = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i));
  }

 private:
  char* out_;
};

class Reader {
 public:
  explicit Reader(const char* in) : in_(in) {}
  template <class T>
  T get() {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(T); ++i) value = value << 8 | static_cast<unsigned char>(*in_++);
    return static_cast<T>(value);
  }

 private:
  const char* in_;
};

Error malformed(std::string_view why) { return Error(Code::kDataLoss, fmt::format("not a frame of a gateway: {}", why)); }

// The bodies that each kind may have: a peer that was let in may still be wrong or hostile.
Status check(const FrameHeader& it) {
  constexpr std::uint32_t kTag = crypto::Aead::kTagBytes;
  const bool data = it.kind == FrameKind::kChunk || it.kind == FrameKind::kData;
  if (it.kind < FrameKind::kChunk || it.kind > FrameKind::kPing) return malformed("its kind is unknown");
  if (data && (it.body_bytes < it.meta_bytes || it.body_bytes - it.meta_bytes < kTag || it.body_bytes - it.meta_bytes > kFrameBytes + kTag))
    return malformed("its body has an impossible length");
  if (it.kind == FrameKind::kChunk && (it.meta_bytes < kTag || it.meta_bytes > kMetaBytesMost + kTag))
    return malformed("its description has an impossible length");
  if (it.kind != FrameKind::kChunk && it.meta_bytes != 0) return malformed("a description where there is none");
  if (it.kind == FrameKind::kChunk && (it.total_bytes > kChunkBytesMost || it.offset != 0)) return malformed("its chunk is too large");
  if (data && (it.offset % kFrameBytes != 0 || it.offset > kChunkBytesMost)) return malformed("its place in the chunk is impossible");
  if (it.kind == FrameKind::kAck && it.body_bytes > kMetaBytesMost) return malformed("its receipt is too long");
  if (!data && it.kind != FrameKind::kAck && it.body_bytes != 0) return malformed("a body where there is none");
  return {};
}

}  // namespace

void encode(const FrameHeader& header, char* out) {
  Writer writer(out);
  writer.put(kVersion);
  writer.put(static_cast<std::uint8_t>(header.kind));
  writer.put(header.detail);
  writer.put(std::uint8_t{0});
  writer.put(header.chunk.sender);
  writer.put(header.chunk.serial);
  writer.put(header.chunk.attempt);
  writer.put(std::uint16_t{0});
  writer.put(header.partition);
  writer.put(header.targets);
  writer.put(header.offset);
  writer.put(header.total_bytes);
  writer.put(header.meta_bytes);
  writer.put(header.body_bytes);
}

Result<FrameHeader> decode_header(std::string_view bytes) {
  if (bytes.size() != kHeaderBytes) return malformed("its header has another length");
  Reader reader(bytes.data());
  if (reader.get<std::uint8_t>() != kVersion) return malformed("it is of another version");
  FrameHeader header;
  header.kind = static_cast<FrameKind>(reader.get<std::uint8_t>());
  header.detail = reader.get<std::uint8_t>();
  if (reader.get<std::uint8_t>() != 0) return malformed("a field that is to be zero is not");
  header.chunk.sender = reader.get<std::uint64_t>();
  header.chunk.serial = reader.get<std::uint64_t>();
  header.chunk.attempt = reader.get<std::uint16_t>();
  if (reader.get<std::uint16_t>() != 0) return malformed("a field that is to be zero is not");
  header.partition = reader.get<std::uint32_t>();
  header.targets = reader.get<std::uint64_t>();
  header.offset = reader.get<std::uint64_t>();
  header.total_bytes = reader.get<std::uint64_t>();
  header.meta_bytes = reader.get<std::uint32_t>();
  header.body_bytes = reader.get<std::uint32_t>();
  TRY(check(header));
  return header;
}

std::uint64_t plain_bytes(const FrameHeader& header) { return header.body_bytes - header.meta_bytes - crypto::Aead::kTagBytes; }

bool ends_chunk(const FrameHeader& header, std::uint64_t total_bytes) { return header.offset + plain_bytes(header) == total_bytes; }

void HeaderCipher::seal(const FrameHeader& header, char* out) {
  encode(header, out);
  aead_.seal(crypto::make_nonce(0, next_++), {}, {out, kHeaderBytes}, out);
}

Result<FrameHeader> HeaderCipher::open(std::string_view sealed) {
  char plain[kHeaderBytes];
  if (sealed.size() != kSealedHeaderBytes) return malformed("its header has another length");
  TRY(aead_.open(crypto::make_nonce(0, next_++), {}, sealed, plain).context("frame"));
  return decode_header({plain, kHeaderBytes});
}

namespace {

// A key belongs to one sender; within it, serial (48 bits), attempt (16) and frame (32) make the nonce.
constexpr std::uint32_t kMetaFrame = ~0U;

crypto::Aead::Nonce nonce_of(const ChunkKey& chunk, std::uint32_t frame) {
  return crypto::make_nonce(frame, chunk.serial << 16 | chunk.attempt);
}

std::uint32_t frame_at(std::uint64_t offset) { return static_cast<std::uint32_t>(offset / kFrameBytes); }

std::string sender_key(std::string_view job_key, std::uint64_t sender) {
  return crypto::derive_key(job_key, fmt::format("chunks of {:016x}", sender));
}

std::string receipt_key(std::string_view job_key, std::uint64_t writer) {
  return crypto::derive_key(job_key, fmt::format("receipts of {:016x}", writer));
}

// A receipt is of one chunk at one target, by whatever attempt it came there.
std::string receipt_subject(const ChunkKey& chunk, int target) { return fmt::format("{:016x}/{}/{}", chunk.sender, chunk.serial, target); }

}  // namespace

ChunkSealer::ChunkSealer(std::string_view job_key, std::uint64_t sender) : sender_(sender), aead_(sender_key(job_key, sender)) {}

std::string ChunkSealer::seal_meta(const ChunkKey& chunk, std::string_view meta) {
  return aead_.seal(nonce_of(chunk, kMetaFrame), {}, meta);
}

void ChunkSealer::seal_data(const ChunkKey& chunk, std::uint64_t offset, std::string_view data, char* out) {
  aead_.seal(nonce_of(chunk, frame_at(offset)), {}, data, out);
}

crypto::Aead& ChunkOpener::key_of(std::uint64_t sender) {
  const auto known = keys_.find(sender);
  if (known != keys_.end()) return known->second;
  // Who may not send cannot make this grow: the links' peers are few, but a hostile relay could invent senders.
  if (keys_.size() >= 1024) keys_.clear();
  return keys_.emplace(sender, crypto::Aead(sender_key(job_key_, sender))).first->second;
}

Result<std::string> ChunkOpener::open_meta(const ChunkKey& chunk, std::string_view sealed) {
  return key_of(chunk.sender).open(nonce_of(chunk, kMetaFrame), {}, sealed);
}

Status ChunkOpener::open_data(const ChunkKey& chunk, std::uint64_t offset, std::string_view sealed, char* out) {
  return key_of(chunk.sender).open(nonce_of(chunk, frame_at(offset)), {}, sealed, out);
}

ReceiptSealer::ReceiptSealer(std::string_view job_key, std::uint64_t writer) : writer_(writer), aead_(receipt_key(job_key, writer)) {}

std::string ReceiptSealer::seal(const ChunkKey& chunk, int target, std::string_view receipt) {
  std::string out(16, '\0');
  Writer writer(out.data());
  writer.put(writer_);
  writer.put(next_);
  return out + aead_.seal(crypto::make_nonce(0, next_++), receipt_subject(chunk, target), receipt);
}

Result<std::string> open_receipt(std::string_view job_key, const ChunkKey& chunk, int target, std::string_view sealed) {
  if (sealed.size() < 16) return Error(Code::kDataLoss, "a receipt is too short");
  Reader reader(sealed.data());
  const auto writer = reader.get<std::uint64_t>();
  const auto number = reader.get<std::uint64_t>();
  crypto::Aead aead(receipt_key(job_key, writer));
  return aead.open(crypto::make_nonce(0, number), receipt_subject(chunk, target), sealed.substr(16)).context("receipt");
}

}  // namespace isobar::transfer
