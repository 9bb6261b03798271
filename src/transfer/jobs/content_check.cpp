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

Result<bool> same_content(storage::Store& a, const storage::ObjectInfo& in_a, storage::Store& b, const storage::ObjectInfo& in_b,
                          const std::stop_token& stop) {
  if (in_a.bytes != in_b.bytes) return false;
  const auto size = static_cast<std::size_t>(std::min(kContentPiece, in_a.bytes));
  std::string left(size, '\0'), right(size, '\0');
  for (std::uint64_t offset = 0; offset < in_a.bytes; offset += kContentPiece) {
    if (stop.stop_requested()) return unavailable("comparing was stopped");
    const auto bytes = static_cast<std::size_t>(std::min(kContentPiece, in_a.bytes - offset));
    const storage::GetRequest there{in_b.key, offset, std::span(right).first(bytes), in_b.version};
    // One side is on its way while the other is waited for, and asked for again only if that failed.
    std::promise<Result<storage::Got>> promise;
    b.get(there, [&promise](Result<storage::Got> got) { promise.set_value(std::move(got)); });
    const auto got = read_piece(a, {in_a.key, offset, std::span(left).first(bytes), in_a.version});
    auto got_other = promise.get_future().get();
    if (!got.ok()) return got.error().context(in_a.key);
    if (!got_other.ok() && (storage::may_pass(got_other.error().code()) || got_other.error().code() == Code::kDataLoss))
      got_other = read_piece(b, there);
    if (!got_other.ok()) return got_other.error().context(in_b.key);
    if (got->bytes != bytes || got_other->bytes != bytes || left.compare(0, bytes, right, 0, bytes) != 0) return false;
  }
  return true;
}

}  // namespace isobar::transfer
