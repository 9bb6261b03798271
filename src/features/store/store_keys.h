#pragma once

/// The store's keys and what precedes its values. Keys sort as they are scanned: by view, by key, newest first. Pure.

#include <string>
#include <string_view>

#include "features/commit.h"

namespace isobar::features {

constexpr std::size_t kViewBytes = 4, kOrderBytes = 24, kStateSuffixBytes = 9, kInstantBytes = 8;

/// Big-endian, so that bytes are in the order of numbers; signed ones with their sign turned.
void append_ordered(std::string& out, std::uint64_t number);
void append_ordered_signed(std::string& out, std::int64_t number);
/// Of 8 bytes, which the caller sees to; `parse` of one that was stored says when there are fewer.
std::uint64_t ordered_from(std::string_view bytes);
std::int64_t ordered_signed_from(std::string_view bytes);

/// A view's keys are from its prefix to that of the next number.
std::string view_prefix(ViewId view);
ViewId view_of(std::string_view key);
std::string row_key(ViewId view, std::string_view key);

/// Time, created, sequence: ascending in the value of a latest row, all bits turned in the key of a row of history.
void append_order(std::string& out, const EventOrder& order);
EventOrder order_from(std::string_view bytes);
std::string history_key(ViewId view, std::string_view key, const EventOrder& order);
/// Of a key's end. Errors   kDataLoss: it is too short
Result<EventOrder> history_order(std::string_view key);

std::string state_key(ViewId view, std::string_view key, std::uint8_t level, std::int64_t bucket);
std::string offset_key(const PartitionId& of);
/// Errors   kDataLoss
Result<PartitionId> parse_offset_key(std::string_view key);
std::string position_value(const Position& position);
/// Errors   kDataLoss
Result<Position> parse_position(std::string_view value);
std::string push_key(const PushId& push);
bool is_push_key(std::string_view key);
std::string registry_key(std::uint64_t version);

/// A latest row's value: its order, what it is, the row.
enum class Mark : char {
  kDeleted = 0,
  kRow = 1,
  kForgotten = 2,  ///< it expired, and compaction left the order alone
};
struct LatestValue {
  EventOrder order;
  Mark mark;
  std::string_view row;
};
std::string latest_value(const EventOrder& order, Mark mark, std::string_view row);
/// Errors   kDataLoss: not such a value
Result<LatestValue> parse_latest(std::string_view value);

/// A row of history: what it is, the row; none: deleted.
std::string history_value(const std::optional<std::string>& row);
/// Errors   kDataLoss
Result<std::optional<std::string_view>> parse_history(std::string_view value);

}  // namespace isobar::features
