#pragma once

// What gateways say to one another, as bytes. docs/formats/gateway-wire.md has the layout.
//
// A link is one TCP connection from the gateway that sends chunks to the one that receives them. It begins with a TLS 1.3 handshake
// in which both show the certificates that the job's owner named to them; the frames' keys come out of it. From then on each frame
// is a header, sealed with the link's key and a running number (so that none can be forged, dropped, doubled or put elsewhere),
// and a body that was sealed by the chunk's source for the chunk's sink: relays hold no key to it and pass it on as it is.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"
#include "crypto/aead.h"

namespace isobar::transfer {

enum class FrameKind : std::uint8_t {
  kChunk = 1,  // begins a chunk: its sealed description, then its first bytes
  kData,       // more of its bytes
  kAck,        // a target's verdict: the sealed receipt of the sink
  kNack,       // the chunk did not get through; `detail` is a Nack
  kAbort,      // no more of this chunk will come
  kCredit,     // the receiver has room for `total_bytes` more
  kPing,
  kPong,
};

enum class Nack : std::uint8_t { kNoRoute = 1, kLinkLost, kCorrupt, kOverdue };

// A chunk as all gateways know it: which source process sends it, and its number there. `attempt` counts its sendings.
struct ChunkKey {
  std::uint64_t sender = 0, serial = 0;
  std::uint16_t attempt = 0;
  friend auto operator<=>(const ChunkKey&, const ChunkKey&) = default;
};

struct FrameHeader {
  FrameKind kind = FrameKind::kPing;
  std::uint8_t detail = 0;
  ChunkKey chunk;
  std::uint32_t partition = 0;
  std::uint64_t targets = 0;      // a bit for each target that the frame is about
  std::uint64_t offset = 0;       // of the body's first byte in the chunk
  std::uint64_t total_bytes = 0;  // kChunk: of the chunk; kCredit: granted
  std::uint32_t meta_bytes = 0;   // kChunk: of the body, how much is the sealed description
  std::uint32_t body_bytes = 0;   // that follow
  friend bool operator==(const FrameHeader&, const FrameHeader&) = default;
};

constexpr std::size_t kHeaderBytes = 60, kSealedHeaderBytes = kHeaderBytes + crypto::Aead::kTagBytes;
// Plain bytes of a chunk in one frame. Larger frames cost fewer headers and calls; smaller ones get sooner to the next hop.
constexpr std::uint32_t kFrameBytes = 256 << 10;
constexpr std::uint64_t kChunkBytesMost = 5ULL << 30;
constexpr std::uint32_t kMetaBytesMost = 1 << 20;

void encode(const FrameHeader& header, char* out);
// Errors   kDataLoss: no frame of ours; the message says what is wrong
Result<FrameHeader> decode_header(std::string_view bytes);

// Plain bytes that the body of a frame holds.
std::uint64_t plain_bytes(const FrameHeader& header);
// Whether this is the last frame of its chunk. total_bytes   of the chunk
bool ends_chunk(const FrameHeader& header, std::uint64_t total_bytes);

// Seals or opens the headers of one direction of a link, in order.
class HeaderCipher {
 public:
  // key   kKeyBytes
  explicit HeaderCipher(std::string_view key) : aead_(key) {}
  void seal(const FrameHeader& header, char* out);
  Result<FrameHeader> open(std::string_view sealed);

 private:
  crypto::Aead aead_;
  std::uint64_t next_ = 0;
};

// Seals what goes from a source to its sinks, under a key of this process alone: `sender` is drawn at random when it starts, so no
// nonce is used twice whatever serials a process after it uses.
class ChunkSealer {
 public:
  ChunkSealer(std::string_view job_key, std::uint64_t sender);
  std::uint64_t sender() const { return sender_; }
  std::string seal_meta(const ChunkKey& chunk, std::string_view meta);
  // Bytes from `offset`, which is a multiple of kFrameBytes. Writes data.size() + a tag.
  void seal_data(const ChunkKey& chunk, std::uint64_t offset, std::string_view data, char* out);

 private:
  std::uint64_t sender_;
  crypto::Aead aead_;
};

// Opens what ChunkSealers of the same job sealed.
class ChunkOpener {
 public:
  explicit ChunkOpener(std::string_view job_key) : job_key_(job_key) {}
  Result<std::string> open_meta(const ChunkKey& chunk, std::string_view sealed);
  // Writes sealed.size() - a tag. Errors   kDataLoss
  Status open_data(const ChunkKey& chunk, std::uint64_t offset, std::string_view sealed, char* out);

 private:
  crypto::Aead& key_of(std::uint64_t sender);
  std::string job_key_;
  std::unordered_map<std::uint64_t, crypto::Aead> keys_;
};

// What a sink says of a chunk that it was to write, for the source alone to read: a relay cannot say that something arrived.
class ReceiptSealer {
 public:
  ReceiptSealer(std::string_view job_key, std::uint64_t writer);
  std::string seal(const ChunkKey& chunk, int target, std::string_view receipt);

 private:
  std::uint64_t writer_, next_ = 0;
  crypto::Aead aead_;
};
Result<std::string> open_receipt(std::string_view job_key, const ChunkKey& chunk, int target, std::string_view sealed);

}  // namespace isobar::transfer
