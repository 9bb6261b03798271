#include "store_keys.h"

#include <array>

#include "features/key_codec.h"
#include "features/row_codec.h"

namespace isobar::features {

namespace {

constexpr std::uint64_t kSign = std::uint64_t{1} << 63;
constexpr char kOffsets = 'o', kPushes = 'p';
constexpr std::size_t kPositionBytes = 16;
constexpr std::array<Type, 2> kTwoTexts{Type{Kind::kBytes}, Type{Kind::kBytes}};

std::string two_texts(char kind, const std::string& first, const std::string& second) {
  std::string key(1, kind);
  append_key_value(key, Value(Bytes{first}));
  append_key_value(key, Value(Bytes{second}));
  return key;
}

std::string turned(std::string_view bytes) {
  std::string result(bytes);
  for (char& byte : result) byte = static_cast<char>(~byte);
  return result;
}

}  // namespace

void append_ordered(std::string& out, std::uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}

void append_ordered_signed(std::string& out, std::int64_t number) { append_ordered(out, static_cast<std::uint64_t>(number) ^ kSign); }

std::uint64_t ordered_from(std::string_view bytes) {
  CHECK(bytes.size() >= 8, bytes.size());
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = number << 8 | static_cast<std::uint8_t>(bytes[i]);
  return number;
}

std::int64_t ordered_signed_from(std::string_view bytes) { return static_cast<std::int64_t>(ordered_from(bytes) ^ kSign); }

std::string view_prefix(ViewId view) {
  std::string key;
  for (int shift = 24; shift >= 0; shift -= 8) key.push_back(static_cast<char>(static_cast<std::uint32_t>(view) >> shift));
  return key;
}

ViewId view_of(std::string_view key) {
  CHECK(key.size() >= kViewBytes, key.size());
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < kViewBytes; ++i) number = number << 8 | static_cast<std::uint8_t>(key[i]);
  return ViewId{number};
}

std::string row_key(ViewId view, std::string_view key) { return view_prefix(view).append(key); }

void append_order(std::string& out, const EventOrder& order) {
  append_ordered_signed(out, order.time.unix_nanos());
  append_ordered_signed(out, order.created.unix_nanos());
  append_ordered(out, order.sequence);
}

EventOrder order_from(std::string_view bytes) {
  CHECK(bytes.size() >= kOrderBytes, bytes.size());
  return {Instant::from_unix_nanos(ordered_signed_from(bytes)), Instant::from_unix_nanos(ordered_signed_from(bytes.substr(8))),
          ordered_from(bytes.substr(16))};
}

std::string history_key(ViewId view, std::string_view key, const EventOrder& order) {
  std::string bytes;
  append_order(bytes, order);
  return row_key(view, key).append(turned(bytes));
}

Result<EventOrder> history_order(std::string_view key) {
  if (key.size() < kViewBytes + kOrderBytes) return damaged("a key of history is too short");
  return order_from(turned(key.substr(key.size() - kOrderBytes)));
}

std::string state_key(ViewId view, std::string_view key, std::uint8_t level, std::int64_t bucket) {
  std::string result = row_key(view, key);
  result.push_back(static_cast<char>(level));
  append_ordered_signed(result, bucket);
  return result;
}

std::string offset_key(const PartitionId& of) { return two_texts(kOffsets, of.source, of.partition); }

Result<PartitionId> parse_offset_key(std::string_view key) {
  if (!key.starts_with(kOffsets)) return damaged("the key of an offset begins otherwise");
  TRY_ASSIGN(const auto texts, decode_key(kTwoTexts, key.substr(1)));
  if (texts[0].is_null() || texts[1].is_null()) return damaged("the key of an offset has no source or partition");
  return PartitionId{texts[0].as<Bytes>().data, texts[1].as<Bytes>().data};
}

std::string position_value(const Position& position) {
  std::string value;
  append_ordered(value, position.major);
  append_ordered(value, position.minor);
  return value;
}

Result<Position> parse_position(std::string_view value) {
  if (value.size() != kPositionBytes) return damaged("an offset is not of its length");
  return Position{ordered_from(value), ordered_from(value.substr(8))};
}

std::string push_key(const PushId& push) { return two_texts(kPushes, push.source, push.id); }
bool is_push_key(std::string_view key) { return key.starts_with(kPushes); }

std::string registry_key(std::uint64_t version) {
  std::string key;
  append_ordered(key, version);
  return key;
}

std::string latest_value(const EventOrder& order, Mark mark, std::string_view row) {
  std::string value;
  value.reserve(kOrderBytes + 1 + row.size());
  append_order(value, order);
  value.push_back(static_cast<char>(mark));
  return value.append(row);
}

Result<LatestValue> parse_latest(std::string_view value) {
  if (value.size() <= kOrderBytes) return damaged("a latest row is too short");
  const char mark = value[kOrderBytes];
  if (mark < 0 || mark > static_cast<char>(Mark::kForgotten)) return damaged("a latest row is of no known kind");
  return LatestValue{order_from(value), static_cast<Mark>(mark), value.substr(kOrderBytes + 1)};
}

std::string history_value(const std::optional<std::string>& row) {
  std::string value(1, static_cast<char>(row ? Mark::kRow : Mark::kDeleted));
  return row ? value.append(*row) : value;
}

Result<std::optional<std::string_view>> parse_history(std::string_view value) {
  if (value.starts_with(static_cast<char>(Mark::kRow))) return std::optional(value.substr(1));
  if (value.size() == 1 && value[0] == static_cast<char>(Mark::kDeleted)) return std::optional<std::string_view>();
  return damaged("a row of history is of no known kind");
}

}  // namespace isobar::features
