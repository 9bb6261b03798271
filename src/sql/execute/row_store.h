#pragma once

/// Rows that are kept: of as many values each as the store is wide, one after the other in blocks.

#include <memory>
#include <vector>

#include "context.h"

namespace isobar::sql::execute {

class RowStore {
 public:
  RowStore(Context& context, std::size_t width) : context_(context), width_(width) {}
  ~RowStore() { clear(); }
  RowStore(const RowStore&) = delete;
  RowStore& operator=(const RowStore&) = delete;

  std::size_t size() const { return size_; }
  std::size_t width() const { return width_; }
  Value* row(std::size_t place) { return blocks_[place / kRows].get() + place % kRows * width_; }
  const Value* row(std::size_t place) const { return blocks_[place / kRows].get() + place % kRows * width_; }
  /// A row of nulls at the end; none: there is no memory left. `kept` is called when its values are in it.
  Value* add() {
    if (size_ % kRows == 0) blocks_.push_back(std::make_unique<Value[]>(kRows * std::max<std::size_t>(width_, 1)));
    return row(size_++);
  }
  /// Counts the memory of the row that was added last.
  bool kept() {
    std::size_t bytes = 0;
    const Value* last = row(size_ - 1);
    for (std::size_t i = 0; i < width_; ++i) bytes += bytes_of(last[i]);
    bytes_ += bytes;
    return context_.keep(bytes);
  }
  /// The current row's cells, copied.
  bool add(const std::vector<Cell*>& cells) {
    Value* into = add();
    for (std::size_t i = 0; i < cells.size(); ++i) into[i] = **cells[i];
    return kept();
  }
  void show(std::size_t place, const std::vector<Cell*>& cells) const {
    const Value* from = row(place);
    for (std::size_t i = 0; i < cells.size(); ++i) *cells[i] = from + i;
  }
  void clear() {
    context_.budget.give(bytes_);
    bytes_ = size_ = 0;
    blocks_.clear();
  }
  void swap(RowStore& other) {
    std::swap(size_, other.size_), std::swap(bytes_, other.bytes_);
    blocks_.swap(other.blocks_);
  }

 private:
  static constexpr std::size_t kRows = 64;
  Context& context_;
  std::size_t width_ = 0, size_ = 0, bytes_ = 0;
  std::vector<std::unique_ptr<Value[]>> blocks_;
};

/// Finds rows by their keys, nulls being equal to each other. Rows are numbered as they come.
class KeyTable {
 public:
  KeyTable(Context& context, std::vector<Type> types) : types_(std::move(types)), keys_(context, types_.size()) {}

  static constexpr std::uint32_t kNone = UINT32_MAX;
  std::uint32_t find(const Value* const* keys) const {
    if (buckets_.empty()) return kNone;
    const std::size_t hash = hash_of(keys);
    for (std::uint32_t at = buckets_[hash & (buckets_.size() - 1)]; at != kNone; at = entries_[at].next)
      if (entries_[at].hash == hash && same(at, keys)) return at;
    return kNone;
  }
  /// kNone: there is no memory left.
  std::uint32_t find_or_add(const Value* const* keys, bool& added);
  const Value* keys(std::uint32_t place) const { return keys_.row(place); }
  std::size_t size() const { return entries_.size(); }
  void clear() { keys_.clear(), entries_.clear(), buckets_.clear(); }

 private:
  struct Entry {
    std::size_t hash;
    std::uint32_t next;
  };
  std::size_t hash_of(const Value* const* keys) const;
  bool same(std::uint32_t place, const Value* const* keys) const;
  void grow();

  std::vector<Type> types_;
  RowStore keys_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> buckets_;
};

bool same_value(const Type& type, const Value& a, const Value& b);
std::size_t hash_value(const Type& type, const Value& value);

}  // namespace isobar::sql::execute
