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
  Status visit(std::string_view from, std::string_view until, bool backward, const Visitor& visitor) const override {
    const auto first = entries_.lower_bound(from), end = entries_.lower_bound(until);
    if (backward)
      for (auto at = end; at != first && visitor(std::prev(at)->first, std::prev(at)->second);) --at;
    else
      for (auto at = first; at != end && visitor(at->first, at->second);) ++at;
    return {};
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
