#include "chunk_codec.h"

#include "crypto/crc32c.h"

namespace isobar::transfer {

std::shared_ptr<BytesBody> seal_frame(ChunkSealer& sealer, FrameHeader& header, std::uint64_t plain_bytes, std::string_view data,
                                      std::string_view meta) {
  constexpr std::size_t kTag = crypto::Aead::kTagBytes;
  const std::string sealed = header.kind == FrameKind::kChunk ? sealer.seal_meta(header.chunk, meta) : std::string();
  auto body = std::make_shared<BytesBody>(sealed.size() + plain_bytes + kTag);
  std::copy(sealed.begin(), sealed.end(), body->span().begin());
  sealer.seal_data(header.chunk, header.offset, data.substr(header.offset, plain_bytes), body->span().data() + sealed.size());
  header.meta_bytes = static_cast<std::uint32_t>(sealed.size());
  header.body_bytes = body->size();
  return body;
}

void Gathering::add(const FrameHeader& header, std::string_view body, ChunkOpener& opener) {
  if (failure_) return;
  const auto spoil = [this](Error error) { failure_ = std::move(error); };
  if (header.kind == FrameKind::kChunk) {
    const auto meta = opener.open_meta(header.chunk, body.substr(0, header.meta_bytes));
    if (!meta.ok()) return spoil(meta.error());
    if (!meta_.ParseFromString(*meta)) return spoil(Error(Code::kDataLoss, "a chunk's description cannot be read"));
  }
  const std::uint64_t bytes = plain_bytes(header);
  char* into = buffer_.data() + header.offset;
  const Status opened = opener.open_data(header.chunk, header.offset, body.substr(header.meta_bytes), into);
  if (!opened.ok()) return spoil(opened.error());
  // While it is in the cache.
  if (meta_.codec() == wire::NONE) crc32c_ = crypto::crc32c({into, bytes}, crc32c_);
}

Result<wire::ChunkMeta> Gathering::finish() const {
  if (failure_) return *failure_;
  if (meta_.codec() == wire::NONE && crc32c_ != meta_.crc32c())
    return Error(Code::kDataLoss, "the chunk's checksum is not the one its source took");
  return meta_;
}

}  // namespace isobar::transfer
