#include "transfer/listing.h"

#include "storage/patience.h"

namespace isobar::transfer {

namespace {

// The first page is a short one, there sooner than a long one over a long way: work begins while the next is read.
constexpr int kFirstPageKeys = 250;

}  // namespace

ListCursor::ListCursor(storage::Store& store, storage::ListRequest request) : store_(store), request_(std::move(request)) {
  const int keys = std::exchange(request_.keys_max, std::min(request_.keys_max, kFirstPageKeys));
  fetch();
  request_.keys_max = keys;
  request_.calls_ahead = 0;
}

ListCursor::~ListCursor() {
  if (ahead_.valid()) ahead_.wait();
}

void ListCursor::fetch() {
  auto promise = std::make_shared<std::promise<Result<storage::ListPage>>>();
  ahead_ = promise->get_future();
  store_.list(request_, [promise](Result<storage::ListPage> page) { promise->set_value(std::move(page)); });
}

Result<storage::ListPage> ListCursor::page_with_patience() {
  return storage::with_patience([this] {
    if (!ahead_.valid()) fetch();
    return ahead_.get();
  });
}

Result<std::optional<storage::ObjectInfo>> ListCursor::next() {
  while (page_.empty() && !ended_) {
    TRY_ASSIGN(auto page, page_with_patience());
    request_.page = page.next;
    ended_ = page.next.empty();
    if (!ended_) fetch();
    page_.assign(std::make_move_iterator(page.objects.begin()), std::make_move_iterator(page.objects.end()));
  }
  if (page_.empty()) return std::optional<storage::ObjectInfo>();
  storage::ObjectInfo info = std::move(page_.front());
  page_.pop_front();
  if (!first_ && info.key <= last_)
    return Error(Code::kDataLoss, "the store lists its keys out of order: '" + info.key + "' after '" + last_ + "'");
  first_ = false;
  last_ = info.key;
  return std::optional(std::move(info));
}

}  // namespace isobar::transfer
