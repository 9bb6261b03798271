// What a gateway's links bring: headers that any peer may send once it was let in, and descriptions of chunks. Whatever decodes is in
// bounds and encodes back to the same bytes.

#include <cstdint>

#include "chunk_codec.h"
#include "wire.h"

using namespace isobar;
using namespace isobar::transfer;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto header = decode_header(bytes.substr(0, std::min(size, kHeaderBytes))); header.ok()) {
    char again[kHeaderBytes];
    encode(*header, again);
    CHECK(std::string_view(again, kHeaderBytes) == bytes.substr(0, kHeaderBytes));
    CHECK(header->body_bytes <= kFrameBytes + kMetaBytesMost + 2 * crypto::Aead::kTagBytes, header->body_bytes);
    if (header->kind == FrameKind::kChunk || header->kind == FrameKind::kData)
      CHECK(plain_bytes(*header) <= kFrameBytes, plain_bytes(*header));
  }
  MessageCutter cutter;
  cutter.add(bytes);
  for (;;) {
    const auto next = cutter.next();
    if (!next.ok() || !*next) break;
    wire::ToGateway to;
    if (to.ParseFromArray((*next)->data(), static_cast<int>((*next)->size())) && to.has_send()) [[maybe_unused]]
      const auto properties = get(to.send().meta().properties());
    wire::FromGateway from;
    if (from.ParseFromArray((*next)->data(), static_cast<int>((*next)->size())) && from.has_read_done()) [[maybe_unused]]
      const auto got = got_of(from.read_done());
  }
  wire::Receipt receipt;
  if (receipt.ParseFromArray(data, static_cast<int>(size))) {
    [[maybe_unused]] const auto part = part_of(receipt, 1);
    [[maybe_unused]] const auto put = put_receipt_of(receipt);
  }
  return 0;
}
