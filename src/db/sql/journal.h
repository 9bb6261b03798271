#pragma once

// What a transaction has been asked and has answered, so that one that met a conflict can be run again behind its client's back: when every
// answer comes out the same, nobody can tell that it was run twice.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "db/sql_session.h"

namespace isobar::db {

struct StatementBody;

/// Passes rows on, and remembers what they were.
class DigestingSink : public ResultSink {
 public:
  explicit DigestingSink(ResultSink* next) : next_(next) {}
  SqlStatus row(std::span<const std::optional<std::string>> fields) override {
    for (const auto& field : fields) mix(field ? std::hash<std::string_view>{}(*field) + 1 : 0);
    return next_ ? next_->row(fields) : SqlStatus();
  }
  SqlStatus begin_copy(Format format, std::size_t columns) override { return next_ ? next_->begin_copy(format, columns) : SqlStatus(); }
  SqlStatus copy_data(std::string_view bytes) override {
    mix(std::hash<std::string_view>{}(bytes));
    return next_ ? next_->copy_data(bytes) : SqlStatus();
  }
  void notice(Notice notice) override {
    if (next_) next_->notice(std::move(notice));
  }
  void parameter_changed(std::string_view name, std::string_view value) override {
    if (next_) next_->parameter_changed(name, value);
  }
  bool rewind() override {
    if (next_ && !next_->rewind()) return false;
    digest_ = 0;
    return true;
  }
  void mix(std::uint64_t value) { digest_ = (digest_ ^ value) * 0x9e3779b97f4a7c15U + (digest_ >> 29); }
  std::uint64_t digest() const { return digest_; }

 private:
  ResultSink* next_;
  std::uint64_t digest_ = 0;
};

class Journal {
 public:
  struct Entry {
    std::shared_ptr<StatementBody> body;
    std::vector<ParameterValue> values;
    std::vector<Format> formats;
    std::uint64_t digest = 0;  // of its rows and its tag
  };
  void add(Entry entry) {
    if (!complete_) return;
    for (const auto& value : entry.values) bytes_ += value.bytes ? value.bytes->size() : 0;
    entries_.push_back(std::move(entry));
    if (entries_.size() > kEntriesMost || bytes_ > kBytesMost) spoil();
  }
  /// Something happened that cannot be repeated.
  void spoil() { complete_ = false, entries_.clear(); }
  void clear() { *this = Journal(); }
  bool complete() const { return complete_; }
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  static constexpr std::size_t kEntriesMost = 1000, kBytesMost = 4U << 20;
  std::vector<Entry> entries_;
  std::size_t bytes_ = 0;
  bool complete_ = true;
};

}  // namespace isobar::db
