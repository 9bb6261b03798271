#pragma once

/// The join of any view, through the code that serves it: its rows and events are sorted by time, and merged into a ViewState, which is
/// told the events and asked for the rows.
///
/// So that no more than some keys' states are in memory, keys are dealt to groups by a hash, and one group is replayed after another: the
/// sort is by group, then by time. At one instant events come before rows. Events of keys that no row has are left out as far as a Bloom
/// filter knows them.
///
/// As of knowledge the order is that of arrival, and a view reaches back as far as the longest delay that was met, so that no event is too
/// late for it. As it was served the order is that of the log, each key is a group of its own, and its state's watermark is, at each row,
/// where it was when the row was served; what was too late then is so again. Events of keys that have removals are remembered while their
/// group lasts, since some aggregates are made again from those that are left.

#include <map>
#include <memory>
#include <unordered_set>
#include <vector>

#include "spill_sort.h"
#include "view_join.h"

namespace isobar::features {

class ReplayJoin final : public ViewJoin {
 public:
  struct Options {
    bool as_of_knowledge = false;
    bool as_served = false;
    bool short_way = false;  ///< of whoever chooses: it need not be this join
    std::uint64_t memory_bytes = 0;
    fs::path temporary;
    std::stop_token stop{};
    FeaturizerResources resources{};  ///< as ViewState::Options
    std::vector<bool> wanted{};       ///< of CompiledView::stored; the others are null. Empty: all are
  };
  ReplayJoin(const CompiledView& view, const Definition& definition, Options options);

  Status add_row(std::string_view key, Instant at, const SeenUpto& seen) override;
  Status end_rows() override { return {}; }
  Status add_event(const ViewEvent& event) override;
  /// Replays everything.
  Status end_events() override;
  Status next(ViewReading& reading) override;

  /// Of what was added so far, the longest from an event's time to its arrival; and what it is, over all shares of the view's keys.
  Duration delay() const { return delay_; }
  void set_delay(Duration delay) { delay_ = delay; }

  std::uint64_t spilled_bytes() const { return rows_.spilled_bytes() + events_.spilled_bytes() + readings_.spilled_bytes(); }

 private:
  struct Row;
  struct Event;
  class Group;
  struct History;

  std::uint64_t group_of(std::uint64_t hash) const;
  bool may_be_asked(std::uint64_t hash) const;
  void note_removal(std::uint64_t hash);
  bool has_removals(std::string_view key) const;
  Result<std::unique_ptr<CompiledView>> view_for_delay() const;
  Status replay(const CompiledView& view);
  Status read_row(Row& row);
  Result<bool> next_event(Event& event);
  Status answer(std::uint64_t row, const ViewReading& reading);

  const CompiledView& view_;
  const Definition& definition_;
  Options options_;
  const std::size_t group_bytes_;
  SpillSort rows_, events_, readings_;
  std::vector<std::uint64_t> asked_;                 ///< the bits of the Bloom filter
  std::unordered_set<std::uint64_t> with_removals_;  ///< hashes of keys
  bool many_removals_ = false;                       ///< too many keys to tell them apart: any may have some
  Duration delay_{0};                                ///< the longest from an event's time to its arrival
  std::uint64_t row_count_ = 0, event_count_ = 0, given_ = 0;
  std::string head_, tail_;
};

}  // namespace isobar::features
