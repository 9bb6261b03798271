#pragma once

/// Keys and values in memory: for simulations, and for whatever does not outlive its process.

#include <map>

#include "db/settled.h"

namespace isobar::db {

class MemoryKeyValues : public KeyValues {
 public:
  Result<std::optional<std::string>> get(std::string_view key) const override {
    const auto found = entries_.find(key);
    return found == entries_.end() ? std::nullopt : std::optional(found->second);
  }
  Status write(std::span<const Change> changes) override {
    for (const auto& [key, value] : changes) {
      if (value) entries_.insert_or_assign(key, *value);
      else entries_.erase(key);
    }
    return {};
  }
  Result<std::vector<Entry>> scan(std::string_view prefix, std::string_view after, std::size_t bytes_most) const override {
    std::vector<Entry> found;
    std::size_t bytes = 0;
    for (auto at = entries_.upper_bound(after); at != entries_.end() && at->first.starts_with(prefix) && bytes < bytes_most; ++at) {
      bytes += at->first.size() + at->second.size();
      found.push_back(*at);
    }
    return found;
  }

 private:
  std::map<std::string, std::string, std::less<>> entries_;
};

/// With nothing in it.
inline std::unique_ptr<Settled> settled_in_memory(std::uint32_t buckets) {
  auto opened = Settled::open(std::make_unique<MemoryKeyValues>(), buckets);
  return std::move(*opened);
}

}  // namespace isobar::db
