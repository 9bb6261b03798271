#pragma once

/// A store's keys as one stream in order, however many pages they come in.

#include <deque>
#include <future>
#include <memory>
#include <optional>

#include "storage/store.h"

namespace isobar::transfer {

/// Reads a page ahead. Owned by one thread, which waits here; memory: two pages.
class ListCursor {
 public:
  ListCursor(storage::Store& store, storage::ListRequest request);
  /// Waits for the page that is being read.
  ~ListCursor();
  /// None: the end.
  /// Errors   as of Store::list, tried again while they may pass; kDataLoss: the store's keys are out of order, so that no conclusion
  ///          about what is missing may be drawn
  Result<std::optional<storage::ObjectInfo>> next();

 private:
  void fetch();
  Result<storage::ListPage> page_with_patience();

  storage::Store& store_;
  storage::ListRequest request_;
  std::future<Result<storage::ListPage>> ahead_;
  std::deque<storage::ObjectInfo> page_;
  std::string last_;
  bool first_ = true, ended_ = false;
};

}  // namespace isobar::transfer
