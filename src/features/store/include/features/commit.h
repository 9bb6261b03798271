#pragma once

/// What is written to the store at once: where the sources stand, the states that came of it, and the rows that are served and learnt from.
///
/// The offset is the commit point. Everything that follows from a piece of input is in one commit with the advance of its source, so that
/// after a crash the source is read on from where the store says, and nothing is lost or counted twice (Kreps et al.'s rule for a single
/// node; Samza, VLDB '17, has it with a changelog).

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "features/aggregate.h"

namespace isobar::features {

/// A view as the store knows it: the registry gives the numbers, and none is ever given again.
enum class ViewId : std::uint32_t {};

/// Where a source is read to. Kafka's offsets, JetStream's sequences and PostgreSQL's LSNs are `major` alone; an entry of a Redis stream is
/// both, milliseconds and sequence.
struct Position {
  std::uint64_t major = 0, minor = 0;
  friend constexpr auto operator<=>(const Position&, const Position&) = default;
};

struct PartitionId {
  std::string source, partition;
  friend auto operator<=>(const PartitionId&, const PartitionId&) = default;
};

/// A partition was read on from one position up to another.
struct Advance {
  PartitionId of;
  std::optional<Position> after;  ///< where it stood; none: at its beginning
  Position upto;                  ///< beyond `after`
};

/// The idempotency key of a push, and whose.
struct PushId {
  std::string source, id;
};

struct StateWrite {
  ViewId view{};
  std::string key;                                           ///< of features/key_codec.h
  std::uint8_t level = 0;                                    ///< of tiles; the rest is the caller's to define
  std::int64_t bucket = 0;                                   ///< within the level
  std::optional<std::string> state;                          ///< none: it is taken away
  Instant keep_until = Instant::from_unix_nanos(INT64_MAX);  ///< from then on it is not there
};

/// A row of a view. As the latest of its key it counts if no row of a greater order is there, in whatever order they come; in the history
/// it replaces the row of the same order alone.
struct RowWrite {
  ViewId view{};
  std::string key;                 ///< all the columns of the view's key, by features/key_codec.h; empty where it has none
  EventOrder order;                ///< created is when it became known
  std::optional<std::string> row;  ///< encoded (features/row_codec.h); none: since that time there is no such entity
  bool latest = true, history = true;
};

/// Of several writes to one state the last counts.
struct Commit {
  std::vector<Advance> advances;
  std::optional<PushId> push;
  std::vector<StateWrite> states;
  std::vector<RowWrite> rows;
};

enum class Outcome {
  kApplied,
  kReplayed,  ///< all its input was in the store: nothing was changed
};

}  // namespace isobar::features
