#include "transfer/content_check.h"

#include <future>

#include "storage/patience.h"

namespace isobar::transfer {

Result<storage::Got> read_piece(storage::Store& store, const storage::GetRequest& request) {
  for (int attempt = 1;; ++attempt) {
    auto got = storage::await_patiently<storage::Got>([&](auto done) { store.get(request, done); });
    // What arrived damaged is asked for anew at once.
    if (got.ok() || got.error().code() != Code::kDataLoss || attempt == 3) return got;
  }
}

Result<bool> same_content(storage::Store& a, const storage::ObjectInfo& in_a, storage::Store& b, const storage::ObjectInfo& in_b) {
  if (in_a.bytes != in_b.bytes) return false;
  constexpr std::uint64_t kPiece = 8 << 20;
  const auto size = static_cast<std::size_t>(std::min(kPiece, in_a.bytes));
  std::string left(size, '\0'), right(size, '\0');
  for (std::uint64_t offset = 0; offset < in_a.bytes; offset += kPiece) {
    const auto bytes = static_cast<std::size_t>(std::min(kPiece, in_a.bytes - offset));
    auto other = std::async(std::launch::async, [&] {
      return read_piece(b, {in_b.key, offset, std::span(right).first(bytes), in_b.version});
    });
    const auto got = read_piece(a, {in_a.key, offset, std::span(left).first(bytes), in_a.version});
    const auto got_other = other.get();
    if (!got.ok()) return got.error().context(in_a.key);
    if (!got_other.ok()) return got_other.error().context(in_b.key);
    if (got->bytes != bytes || got_other->bytes != bytes || left.compare(0, bytes, right, 0, bytes) != 0) return false;
  }
  return true;
}

}  // namespace isobar::transfer
