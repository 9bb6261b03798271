#pragma once

// Between the store's types and the messages that carry them. Encoding cannot fail; what is decoded is in the bounds that the types
// promise.

#include "base/result.h"
#include "gateway.pb.h"
#include "storage/store.h"
#include "transfer/chunk_compression.h"

namespace isobar::transfer {

void put(const storage::Properties& properties, wire::Properties* out);
storage::Properties get(const wire::Properties& in);
void put(const Error& error, wire::Failure* out);
Error get(const wire::Failure& in);
void put(const storage::Got& got, wire::ReadDone* out);
storage::Got got_of(const wire::ReadDone& in);

wire::PackingChoice put(Compression choice);
Compression get(wire::PackingChoice choice);
void put(const PackedTotals& totals, wire::Traffic* out);
PackedTotals totals_of(const wire::Traffic& in);

wire::Receipt receipt_of(const Result<storage::PutReceipt>& outcome, std::uint64_t bytes);
wire::Receipt receipt_of(const Result<storage::Part>& outcome);
Result<storage::PutReceipt> put_receipt_of(const wire::Receipt& receipt);
Result<storage::Part> part_of(const wire::Receipt& receipt, int number);

// A message after its length.
template <class Message>
std::string framed(const Message& message) {
  const std::string body = message.SerializeAsString();
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(body.size() >> shift));
  return out + body;
}
constexpr std::size_t kMessageBytesMost = 64 << 20;

// Takes messages off the front of what has arrived.
class MessageCutter {
 public:
  void add(std::string_view bytes) { buffer_.append(bytes); }
  // None: the next is not whole yet.  Errors   kDataLoss: too long
  Result<std::optional<std::string_view>> next();

 private:
  std::string buffer_;
  std::size_t taken_ = 0;
};

}  // namespace isobar::transfer
