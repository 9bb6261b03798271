#pragma once

/// Many requests at once whose answers are wanted as one.

#include <memory>
#include <mutex>
#include <vector>

#include "storage/store.h"

namespace isobar::storage {

/// Collects what `expected` parties add, in any order and from any thread, and reports when the last has.
template <class T>
class Gather {
 public:
  /// With nothing expected it reports at once.
  static std::shared_ptr<Gather> create(std::size_t expected, Done<std::vector<T>> done) {
    if (expected == 0) {
      done(std::vector<T>());
      return nullptr;
    }
    return std::shared_ptr<Gather>(new Gather(expected, std::move(done)));
  }

  void add(std::vector<T> more) {
    {
      const std::scoped_lock lock(mutex_);
      for (T& item : more) all_.push_back(std::move(item));
      if (--outstanding_ > 0) return;
    }
    done_(std::move(all_));
  }

 private:
  Gather(std::size_t expected, Done<std::vector<T>> done) : outstanding_(expected), done_(std::move(done)) {}
  std::mutex mutex_;
  std::size_t outstanding_;
  std::vector<T> all_;
  Done<std::vector<T>> done_;
};

}  // namespace isobar::storage
