#include "log_record.h"

#include <fmt/format.h>

#include <algorithm>

#include "features/cast.h"
#include "features/row_codec.h"
#include "log_places.h"

namespace isobar::features {

namespace {

constexpr std::uint8_t kRecordVersion = 1;
constexpr std::uint8_t kHasAdded = 1, kHasRemoved = 2;

void append_bytes(std::string& out, std::string_view bytes) {
  append_varint(out, bytes.size());
  out += bytes;
}

Result<std::string_view> read_bytes(ByteReader& reader) {
  TRY_ASSIGN(const std::uint64_t bytes, reader.varint());
  return reader.take(bytes);
}

void append_entry(std::string& out, const LogEntry& entry) {
  encode_order(out, entry.order);
  append_bytes(out, encode_row(entry.row));
}

Result<LogEntry> read_entry(ByteReader& reader) {
  LogEntry entry;
  TRY_ASSIGN(entry.order, decode_order(reader));
  TRY_ASSIGN(const std::string_view row, read_bytes(reader));
  TRY_ASSIGN(entry.row, decode_row(row));
  return entry;
}

}  // namespace

namespace {

std::string encode_record(const LogRecord& record) {
  std::string out;
  append_byte(out, kRecordVersion);
  append_byte(out, static_cast<std::uint8_t>((record.added ? kHasAdded : 0) | (record.removed ? kHasRemoved : 0)));
  append_varint(out, record.columns);
  append_zigzag(out, record.arrived.unix_nanos());
  if (record.added) append_entry(out, *record.added);
  if (record.removed) {
    append_entry(out, *record.removed);
    append_zigzag(out, record.withdrawn.unix_nanos());
  }
  return out;
}

Result<LogRecord> decode_record(std::string_view bytes, std::uint64_t sequence) {
  ByteReader reader(bytes);
  LogRecord record;
  TRY_ASSIGN(const std::uint8_t version, reader.byte());
  if (version != kRecordVersion)
    return damaged(fmt::format("a line of the log of version {}; this program reads {}", version, kRecordVersion));
  TRY_ASSIGN(const std::uint8_t has, reader.byte());
  TRY_ASSIGN(const std::uint64_t columns, reader.varint());
  record.columns = static_cast<std::uint32_t>(columns);
  TRY_ASSIGN(const std::int64_t arrived, reader.zigzag());
  record.arrived = Instant::from_unix_nanos(arrived);
  if ((has & kHasAdded) != 0) {
    TRY_ASSIGN(record.added, read_entry(reader));
    record.added->order.sequence = sequence;
  }
  if ((has & kHasRemoved) != 0) {
    TRY_ASSIGN(record.removed, read_entry(reader));
    TRY_ASSIGN(const std::int64_t withdrawn, reader.zigzag());
    record.withdrawn = Instant::from_unix_nanos(withdrawn);
  }
  TRY(reader.finish());
  return record;
}

}  // namespace

void append_record(std::string& piece, const LogRecord& record) { append_bytes(piece, encode_record(record)); }

Status each_record(std::string_view piece, std::uint64_t first,
                   const std::function<Status(LogRecord record, std::uint64_t number)>& visit) {
  ByteReader reader(piece);
  for (std::uint64_t number = first; !reader.done(); ++number) {
    TRY_ASSIGN(const std::string_view bytes, read_bytes(reader));
    auto record = decode_record(bytes, number);
    if (!record) return record.error().context(fmt::format("line {} of the log", number));
    TRY(visit(std::move(*record), number));
  }
  return {};
}

Result<std::uint64_t> records_in(std::string_view piece) {
  ByteReader reader(piece);
  std::uint64_t records = 0;
  for (; !reader.done(); ++records) TRY(read_bytes(reader));
  return records;
}

Result<LogColumns> LogColumns::load(const Snapshot& snapshot, ViewId log) {
  LogColumns columns;
  Status sound;
  const Status scanned = snapshot.states({log, kColumnsKey}, kLogLevel, 0, [&](const StoredState& state) {
    const auto read = [&]() -> Status {
      ByteReader reader(state.state);
      Known known;
      TRY_ASSIGN(const std::string_view source, read_bytes(reader));
      known.source = source;
      TRY_ASSIGN(const std::size_t count, reader.count(2));
      for (std::size_t i = 0; i < count; ++i) {
        TRY_ASSIGN(const std::string_view name, read_bytes(reader));
        TRY_ASSIGN(const std::string_view type, read_bytes(reader));
        TRY_ASSIGN(const Type parsed, parse_type(type));
        known.columns.push_back({std::string(name), parsed});
      }
      columns.known_.push_back(std::move(known));
      return reader.finish();
    };
    sound = read();
    return sound.ok();
  });
  TRY(scanned);
  TRY(sound);
  return columns;
}

std::optional<std::uint32_t> LogColumns::find(const Source& source) const {
  for (std::size_t i = known_.size(); i-- > 0;)
    if (known_[i].source == source.name && known_[i].columns == source.columns) return static_cast<std::uint32_t>(i);
  return std::nullopt;
}

std::uint32_t LogColumns::number_of(const Source& source) const {
  const auto number = find(source);
  CHECK(number.has_value(), source.name);
  return *number;
}

std::uint32_t LogColumns::number_of(const Source& source, ViewId log, std::vector<StateWrite>& added) {
  if (const auto number = find(source)) return *number;
  std::string bytes;
  append_bytes(bytes, source.name);
  append_varint(bytes, source.columns.size());
  for (const auto& column : source.columns) {
    append_bytes(bytes, column.name);
    append_bytes(bytes, name_of(column.type));
  }
  const auto number = static_cast<std::uint32_t>(known_.size());
  added.push_back({.view = log, .key = std::string(kColumnsKey), .level = kLogLevel, .bucket = number, .state = std::move(bytes)});
  known_.push_back({source.name, source.columns});
  return number;
}

Result<const LogColumns::Known*> LogColumns::find(std::uint32_t number) const {
  if (number >= known_.size()) return damaged(fmt::format("the log names columns of number {}, and there are {}", number, known_.size()));
  return &known_[number];
}

Result<Row> in_columns(Row row, const std::vector<Column>& then, const std::vector<Column>& now) {
  if (then == now) return row;
  if (row.size() != then.size()) return damaged(fmt::format("a row of {} values for {} columns", row.size(), then.size()));
  Row moved;
  for (const auto& column : now) {
    const auto at = std::ranges::find(then, column.name, &Column::name);
    if (at == then.end()) {
      moved.emplace_back();
      continue;
    }
    TRY_ASSIGN(Value value, cast_into(column, row[static_cast<std::size_t>(at - then.begin())]));
    moved.push_back(std::move(value));
  }
  return moved;
}

}  // namespace isobar::features
