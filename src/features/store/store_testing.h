#pragma once

/// For the tests of stores: folders that go away, a clock that is set, rows and commits in few words.

#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>

#include "features/key_codec.h"
#include "features/row_codec.h"
#include "features/store.h"

namespace isobar::features {

class TemporaryFolder {
 public:
  TemporaryFolder() : path_(root() / fmt::format("isobar-store-{}-{}", ::getpid(), next_++)) { fs::create_directories(path_); }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  fs::path operator/(std::string_view name) const { return path_ / name; }

 private:
  /// In memory where there is such a folder: a killed process loses nothing there that it would not lose on a disk.
  static fs::path root() { return fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path(); }

  static inline std::atomic<int> next_ = 0;
  fs::path path_;
};

class SetClock final : public Clock {
 public:
  Instant now() const override { return Instant::from_unix_nanos(nanos_); }
  void set(Instant at) { nanos_ = at.unix_nanos(); }

 private:
  std::atomic<std::int64_t> nanos_ = 0;
};

inline Instant at(std::int64_t seconds) { return Instant::from_unix_seconds(seconds); }
inline std::string key_of(std::int64_t number) {
  std::string key;
  append_key_value(key, Value(number));
  return key;
}
inline std::string row_of(std::int64_t number) { return encode_row(Row{Value(number)}); }

inline StoreConfig at_once() {
  StoreConfig config;
  config.group_delay.value = 0ms;
  return config;
}

inline std::unique_ptr<Store> opened(const fs::path& folder, const Clock& clock, const StoreConfig& config = at_once()) {
  auto store = Store::open(folder, config, clock);
  CHECK(store.ok(), store.ok() ? "" : store.error().message());
  return std::move(*store);
}

/// The number of a view, which is made if it is not there; others stay.
inline ViewId view(Store& store, const std::string& name, Lifetime lifetime = {}) {
  std::vector<ViewSpec> views{{name, lifetime}};
  for (const auto& other : store.registry().views)
    if (other.name != name) views.push_back({other.name, other.lifetime});
  const auto applied = store.apply("definition of " + name, views);
  CHECK(applied.ok(), applied.ok() ? "" : applied.error().message());
  for (const auto& made : applied->views)
    if (made.name == name) return made.id;
  return ViewId{};
}

inline Commit rows(std::vector<RowWrite> rows) { return {.advances = {}, .push = {}, .states = {}, .rows = std::move(rows)}; }
inline Commit states(std::vector<StateWrite> states) { return {.advances = {}, .push = {}, .states = std::move(states), .rows = {}}; }
inline RowWrite row(ViewId view, std::int64_t key, EventOrder order, std::int64_t number) {
  return {.view = view, .key = key_of(key), .order = order, .row = row_of(number)};
}

inline LatestRow latest(const Store& store, ViewId view, std::int64_t key) {
  const std::string bytes = key_of(key);
  const RowKey one{view, bytes};
  auto found = store.latest({&one, 1});
  CHECK(found.ok(), found.ok() ? "" : found.error().message());
  return std::move(found->front());
}

/// Times and rows of one key, newest first.
using Seen = std::vector<std::pair<EventOrder, std::optional<std::string>>>;
inline Seen history(const Snapshot& snapshot, ViewId view, std::int64_t key, Instant newest) {
  Seen seen;
  const auto status = snapshot.history({view, key_of(key)}, newest, [&](const HistoryRow& row) {
    seen.emplace_back(row.order, row.row ? std::optional(std::string(*row.row)) : std::nullopt);
    return true;
  });
  CHECK(status.ok(), status.ok() ? "" : status.error().message());
  return seen;
}

template <class T>
testing::AssertionResult has_code(const Result<T>& result, Code code, std::string_view part) {
  if (result.ok()) return testing::AssertionFailure() << "it succeeded";
  if (result.error().code() == code && result.error().message().find(part) != std::string::npos) return testing::AssertionSuccess();
  return testing::AssertionFailure() << name_of(result.error().code()) << ": " << result.error().message();
}

}  // namespace isobar::features
