#pragma once

/// What is kept of a view's keys.

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <boost/unordered/unordered_flat_map.hpp>
#include <map>
#include <utility>

#include "features/view_state.h"

namespace isobar::features {

struct KeyEntry {
  std::optional<EventOrder> newest;  ///< none: all its events are from the future, or were taken out
  Row row;                           ///< of the newest, as Contribution::newest
  struct Expensive {
    std::unique_ptr<ExpensiveInput> input;
    std::optional<ExpensiveRow> row;
  };
  std::vector<Expensive> expensive;
  std::vector<ViewState::KeyEvent> waiting;  ///< ascending
};

struct ViewState::Inside {
  Inside(const CompiledView& of, Options with) : view(&of), options(std::move(with)) {}
  Status make_featurizers();

  KeyEntry& entry(std::string_view key);
  Placed take(const EventOrder& order, const Contribution& contribution);
  void take_expensive(KeyEntry& key, std::size_t i, const EventOrder& order, const Contribution& contribution);
  std::span<const Value> inputs_of(std::size_t i, const Contribution& contribution) const;
  void read_values(std::string_view key, const KeyEntry& entry, Instant at, const std::vector<bool>& wanted, ViewReading& reading) const;
  Value expensive_value(const KeyEntry& entry, std::size_t i, Instant at) const;

  struct Hash {
    using is_transparent = void;
    using is_avalanching = void;
    std::size_t operator()(std::string_view key) const noexcept { return XXH3_64bits(key.data(), key.size()); }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(std::string_view a, std::string_view b) const noexcept { return a == b; }
  };

  const CompiledView* view;
  Options options;
  std::unique_ptr<KeyedWindows> windows;  ///< none: the view has no aggregates
  std::vector<std::shared_ptr<const Featurizer>> featurizers;
  boost::unordered_flat_map<std::string, std::unique_ptr<KeyEntry>, Hash, Equal> keys;
  std::multimap<Instant, std::string> due;  ///< keys that have events waiting, and when those are to be taken in
  std::vector<Note> notes;
  Instant watermark = Instant::from_unix_nanos(INT64_MIN);
};

}  // namespace isobar::features
