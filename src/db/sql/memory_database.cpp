#include "db/memory_database.h"

#include <algorithm>

namespace isobar::db {

namespace {
constexpr std::size_t kPageRows = 100;
}

class MemoryTransaction : public KeyTransaction {
 public:
  explicit MemoryTransaction(MemoryDatabase& database) : database_(database) {}

  Result<std::vector<ReadValue>> read(std::vector<std::string> keys, ReadFor) override {
    const std::scoped_lock lock(database_.mutex_);
    std::vector<ReadValue> values;
    for (const auto& key : keys) {
      values.push_back(newest(key));
      reads_.emplace(key, values.back().version);
    }
    return values;
  }

  Result<KeyPage> scan(const ScanOrder& order) override {
    const std::scoped_lock lock(database_.mutex_);
    const std::size_t most = order.rows_most == 0 ? kPageRows : std::min<std::size_t>(order.rows_most, kPageRows);
    KeyPage page;
    const auto first = database_.keys_.lower_bound(order.from), end = database_.keys_.lower_bound(order.until);
    const auto take = [&](const auto& entry) {
      if (entry.second.value) page.rows.emplace_back(entry.first, *entry.second.value);
      if (page.rows.size() < most) return true;
      page.next = order.backward ? entry.first : entry.first + '\0';
      return false;
    };
    if (order.backward)
      for (auto at = end; at != first && take(*std::prev(at));) --at;
    else
      for (auto at = first; at != end && take(*at);) ++at;
    Range range{
        order.backward ? page.next.value_or(order.from) : order.from, order.backward ? order.until : page.next.value_or(order.until), {}};
    range.versions = versions_in(range);
    ranges_.push_back(std::move(range));
    return page;
  }

  void assume(const std::string& key, const ReadValue& read) override { reads_.insert_or_assign(key, read.version); }

  Status commit(std::vector<Write> writes) override {
    const std::scoped_lock lock(database_.mutex_);
    for (const auto& [key, version] : reads_)
      if (newest(key).version != version) return Error(Code::kConflict, "aborted: another transaction wrote meanwhile what it had read");
    for (const auto& range : ranges_)
      if (versions_in(range) != range.versions)
        return Error(Code::kConflict, "aborted: another transaction wrote into a range that it had read");
    if (writes.empty()) return {};
    ++database_.time_;
    for (auto& write : writes) database_.keys_[write.key] = {{database_.time_, ClientId(1)}, std::move(write.value), std::nullopt};
    return {};
  }

 private:
  struct Range {
    std::string from, until;
    std::vector<std::pair<std::string, Timestamp>> versions;
  };
  ReadValue newest(const std::string& key) const {
    const auto found = database_.keys_.find(key);
    return found == database_.keys_.end() ? ReadValue{} : found->second;
  }
  std::vector<std::pair<std::string, Timestamp>> versions_in(const Range& range) const {
    std::vector<std::pair<std::string, Timestamp>> versions;
    for (auto at = database_.keys_.lower_bound(range.from); at != database_.keys_.end() && at->first < range.until; ++at)
      versions.emplace_back(at->first, at->second.version);
    return versions;
  }

  MemoryDatabase& database_;
  std::map<std::string, Timestamp> reads_;
  std::vector<Range> ranges_;
};

std::unique_ptr<KeyTransaction> MemoryDatabase::begin(Access, std::uint32_t) { return std::make_unique<MemoryTransaction>(*this); }

std::size_t MemoryDatabase::size() const {
  const std::scoped_lock lock(mutex_);
  return keys_.size();
}

}  // namespace isobar::db
