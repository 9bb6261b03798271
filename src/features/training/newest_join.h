#pragma once

/// The join of a view whose features are all of the key's newest event. Neither rows nor events are sorted by time together.
///
/// The instants of a key's rows, sorted, cut time into intervals. Of the events in an interval only the newest can be the answer of the row
/// at its end, or of a later one; so an interval has room for one event. The newest of the interval that a key's events come for is beside
/// the key, and goes to its room when they come for another one, which is searched for from there. When all events are there, a row's event
/// is the newest in its interval and those before it. As of knowledge an event belongs to the interval of the later of its time and its
/// arrival; the newest is then still that of the greatest order, so a late correction of the past is seen from when it was known. What is
/// withdrawn is not to be had this way.
///
/// A profile of three views over three million events says that it waits for memory: the key's entry, its last event's values and the
/// interval's room are as many misses of the cache for each event, and as many again for each row's answer, which is why those are fetched
/// ahead.
///
/// Cost    some 0.1 µs an event where events come about in the order of time, whatever the number of rows
/// Memory  ~60 bytes a row, and its event's values; ~200 bytes a key, and an event's values

#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "key_hash.h"
#include "view_join.h"

namespace isobar::features {

/// Texts that are replaced again and again by ones of about their size.
class ReplacedTexts {
 public:
  using Place = std::uint64_t;
  static constexpr Place kNone = 0;
  /// Where the text is that takes the room of the one at a place, if it is large enough.
  Place put(Place instead_of, std::string_view text);
  std::string_view at(Place place) const;
  /// It is going to be asked for.
  void fetch(Place place) const { __builtin_prefetch(blocks_[place >> kBlockBits].get() + (place & (kBlockBytes - 1))); }
  std::uint64_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kBlockBits = 20;
  static constexpr std::size_t kBlockBytes = std::size_t{1} << kBlockBits;
  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t used_ = 0, room_ = 0;
  std::uint64_t bytes_ = 0;
};

class NewestJoin final : public ViewJoin {
 public:
  static bool can_join(const CompiledView& view) { return view.windows().empty() && view.expensive_features().empty(); }

  NewestJoin(const CompiledView& view, bool as_of_knowledge) : view_(view), as_of_knowledge_(as_of_knowledge) {}

  Status add_row(std::string_view key, Instant at, const SeenUpto& seen) override;
  Status end_rows() override;
  Status add_event(const ViewEvent& event) override;
  Status end_events() override;
  Status next(ViewReading& reading) override;

  /// What it holds.
  std::uint64_t bytes() const;
  bool too_many_rows() const { return rows_.size() >= UINT32_MAX - 1; }
  /// Hands all that was added to another join, of which no answer depends on the events that were let go of. Before `end_events`.
  Status move_to(ViewJoin& other);

 private:
  struct Asked {
    std::uint32_t key;
    std::int64_t at;
  };
  struct Newest {
    EventOrder order;
    ReplacedTexts::Place values = ReplacedTexts::kNone;  ///< kNone: there is no event
  };
  struct Key {
    std::uint32_t begin = 0, end = 0;  ///< of its intervals
    std::uint32_t last = 0;            ///< the interval of its last event
    bool waits = false;                ///< that event is here yet
    std::int64_t from = 0, until = 0;  ///< the instants of that interval
    EventOrder order;
    Row newest;
  };
  void settle(Key& key);
  void fetch_ahead() const;
  std::uint32_t interval_of(const Key& key, std::int64_t from) const;

  const CompiledView& view_;
  bool as_of_knowledge_;
  bool rows_ended_ = false;
  boost::unordered_flat_map<std::string, std::uint32_t, KeyHash, std::equal_to<>> ids_;
  std::uint64_t key_bytes_ = 0;
  std::vector<Asked> rows_;  ///< in their order
  std::vector<Key> keys_;
  std::vector<std::int64_t> ends_;       ///< of intervals: the instants of rows, key by key
  std::vector<std::uint32_t> interval_;  ///< of each row
  std::vector<Newest> newest_;           ///< of each interval
  ReplacedTexts values_;
  std::string encoded_;
  std::size_t given_ = 0;
};

}  // namespace isobar::features
