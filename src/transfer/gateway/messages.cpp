#include "messages.h"

#include <fmt/format.h>

namespace isobar::transfer {

void put(const storage::Properties& properties, wire::Properties* out) {
  out->set_content_type(properties.content_type);
  out->set_content_encoding(properties.content_encoding);
  out->set_content_language(properties.content_language);
  out->set_content_disposition(properties.content_disposition);
  out->set_cache_control(properties.cache_control);
  out->set_expires(properties.expires);
  out->set_storage_class(properties.storage_class);
  for (const auto& [name, value] : properties.metadata) (*out->mutable_metadata())[name] = value;
  out->set_tags_known(properties.tags.has_value());
  if (properties.tags)
    for (const auto& [name, value] : *properties.tags) (*out->mutable_tags())[name] = value;
}

storage::Properties get(const wire::Properties& in) {
  storage::Properties properties;
  properties.content_type = in.content_type();
  properties.content_encoding = in.content_encoding();
  properties.content_language = in.content_language();
  properties.content_disposition = in.content_disposition();
  properties.cache_control = in.cache_control();
  properties.expires = in.expires();
  properties.storage_class = in.storage_class();
  for (const auto& [name, value] : in.metadata()) properties.metadata[name] = value;
  if (in.tags_known()) {
    properties.tags.emplace();
    for (const auto& [name, value] : in.tags()) (*properties.tags)[name] = value;
  }
  return properties;
}

void put(const Error& error, wire::Failure* out) {
  out->set_code(static_cast<std::uint32_t>(error.code()));
  out->set_message(error.message());
  out->set_retry_after_nanos(error.retry_after().count());
}

Error get(const wire::Failure& in) {
  const bool known = in.code() <= static_cast<std::uint32_t>(Code::kDataLoss);
  return Error(known ? static_cast<Code>(in.code()) : Code::kUnavailable, in.message()).with_retry_after(Duration(in.retry_after_nanos()));
}

void put(const storage::Got& got, wire::ReadDone* out) {
  const auto& info = got.head.info;
  out->set_bytes(got.bytes);
  out->set_key(info.key);
  out->set_object_bytes(info.bytes);
  out->set_modified_nanos(info.modified.unix_nanos());
  out->set_version(info.version);
  out->set_etag(info.etag);
  out->set_storage_class(info.storage_class);
  if (info.checksums.crc32c) out->set_object_crc32c(*info.checksums.crc32c);
  put(got.head.properties, out->mutable_properties());
  out->set_has_tags(got.head.has_tags);
}

storage::Got got_of(const wire::ReadDone& in) {
  storage::Got got;
  got.bytes = in.bytes();
  auto& info = got.head.info;
  info.key = in.key();
  info.bytes = in.object_bytes();
  info.modified = Instant::from_unix_nanos(in.modified_nanos());
  info.version = in.version();
  info.etag = in.etag();
  info.storage_class = in.storage_class();
  if (in.has_object_crc32c()) info.checksums.crc32c = in.object_crc32c();
  got.head.properties = get(in.properties());
  got.head.has_tags = in.has_tags();
  return got;
}

wire::PackingChoice put(Compression choice) {
  switch (choice) {
    case Compression::kAuto: return wire::AUTO;
    case Compression::kZstd: return wire::ALWAYS_ZSTD;
    case Compression::kLz4: return wire::ALWAYS_LZ4;
    case Compression::kOff: break;
  }
  return wire::OFF;
}

Compression get(wire::PackingChoice choice) {
  switch (choice) {
    case wire::AUTO: return Compression::kAuto;
    case wire::ALWAYS_ZSTD: return Compression::kZstd;
    case wire::ALWAYS_LZ4: return Compression::kLz4;
    default: return Compression::kOff;
  }
}

void put(const PackedTotals& totals, wire::Traffic* out) {
  out->set_raw_bytes(totals.raw_bytes);
  out->set_sent_bytes(totals.sent_bytes);
  out->set_zstd_bytes(totals.zstd_bytes);
  out->set_lz4_bytes(totals.lz4_bytes);
}

PackedTotals totals_of(const wire::Traffic& in) { return {in.raw_bytes(), in.sent_bytes(), in.zstd_bytes(), in.lz4_bytes()}; }

wire::Receipt receipt_of(const Result<storage::PutReceipt>& outcome, std::uint64_t bytes) {
  wire::Receipt receipt;
  if (!outcome.ok()) {
    put(outcome.error(), receipt.mutable_failure());
    return receipt;
  }
  receipt.set_version(outcome->version);
  receipt.set_etag(outcome->etag);
  receipt.set_bytes(bytes);
  if (outcome->checksums.crc32c) receipt.set_crc32c(*outcome->checksums.crc32c);
  return receipt;
}

wire::Receipt receipt_of(const Result<storage::Part>& outcome) {
  wire::Receipt receipt;
  if (!outcome.ok()) {
    put(outcome.error(), receipt.mutable_failure());
    return receipt;
  }
  receipt.set_etag(outcome->etag);
  receipt.set_bytes(outcome->bytes);
  if (outcome->crc32c) receipt.set_crc32c(*outcome->crc32c);
  return receipt;
}

Result<storage::PutReceipt> put_receipt_of(const wire::Receipt& receipt) {
  if (receipt.has_failure()) return get(receipt.failure());
  storage::PutReceipt put;
  put.version = receipt.version();
  put.etag = receipt.etag();
  if (receipt.has_crc32c()) put.checksums.crc32c = receipt.crc32c();
  return put;
}

Result<storage::Part> part_of(const wire::Receipt& receipt, int number) {
  if (receipt.has_failure()) return get(receipt.failure());
  storage::Part part;
  part.number = number;
  part.bytes = receipt.bytes();
  part.etag = receipt.etag();
  if (receipt.has_crc32c()) part.crc32c = receipt.crc32c();
  return part;
}

Result<std::optional<std::string_view>> MessageCutter::next() {
  // What was taken is dropped only when it is much, so that many small messages do not each move the rest.
  if (taken_ > (1 << 20) || taken_ == buffer_.size()) {
    buffer_.erase(0, taken_);
    taken_ = 0;
  }
  const std::string_view rest = std::string_view(buffer_).substr(taken_);
  if (rest.size() < 4) return std::optional<std::string_view>();
  std::size_t length = 0;
  for (std::size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<unsigned char>(rest[i]);
  if (length > kMessageBytesMost) return Error(Code::kDataLoss, fmt::format("a message of {} bytes is too long", length));
  if (rest.size() < 4 + length) return std::optional<std::string_view>();
  taken_ += 4 + length;
  return std::optional(rest.substr(4, length));
}

}  // namespace isobar::transfer
