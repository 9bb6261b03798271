#include "wire.h"

namespace isobar::db {

std::int32_t MessageReader::number(int bytes) {
  const std::string_view taken = this->bytes(static_cast<std::size_t>(bytes));
  std::uint32_t value = 0;
  for (const char c : taken) value = value << 8 | static_cast<std::uint8_t>(c);
  return bytes == 2 ? static_cast<std::int16_t>(value) : static_cast<std::int32_t>(value);
}

std::string MessageReader::text() {
  const std::size_t end = rest_.find('\0');
  if (end == std::string_view::npos) {
    good_ = false;
    rest_ = {};
    return {};
  }
  std::string taken(rest_.substr(0, end));
  rest_.remove_prefix(end + 1);
  return taken;
}

std::string_view MessageReader::bytes(std::size_t count) {
  if (count > rest_.size()) {
    good_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

namespace {

void append_fields(std::string& out, char type, const SqlError& error, std::string_view severity) {
  MessageWriter message(out, type);
  const auto field = [&](char code, std::string_view value) {
    if (!value.empty()) message.bytes({&code, 1}).text(value);
  };
  field('S', severity);
  field('V', severity);
  field('C', error.sqlstate());
  field('M', error.message().empty() ? "unknown error" : error.message());
  field('D', error.detail());
  field('H', error.hint());
  if (error.position() > 0) field('P', std::to_string(error.position()));
  field('s', error.schema());
  field('t', error.table());
  field('c', error.column());
  field('n', error.constraint());
  message.number(0, 1);
}

}  // namespace

void append_error(std::string& out, const SqlError& error, std::string_view severity) { append_fields(out, 'E', error, severity); }
void append_notice(std::string& out, const Notice& notice) { append_fields(out, 'N', notice.what, notice.severity); }

void append_row_description(std::string& out, const std::vector<ResultColumn>& columns, const std::vector<Format>& formats) {
  MessageWriter message(out, 'T');
  message.number(static_cast<std::int64_t>(columns.size()), 2);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const ResultColumn& column = columns[i];
    const Format format = formats.empty() ? Format::kText : formats.size() == 1 ? formats[0] : formats[i];
    message.text(column.name).number(column.table, 4).number(column.attribute, 2).number(sql::oid_of(column.type), 4);
    message.number(sql::size_of(column.type), 2).number(column.type.modifier, 4).number(static_cast<int>(format), 2);
  }
}

void append_data_row(std::string& out, std::span<const std::optional<std::string>> fields) {
  MessageWriter message(out, 'D');
  message.number(static_cast<std::int64_t>(fields.size()), 2);
  for (const auto& field : fields) {
    if (field) message.number(static_cast<std::int64_t>(field->size()), 4).bytes(*field);
    else message.number(-1, 4);
  }
}

void append_simple(std::string& out, char type) { const MessageWriter message(out, type); }

}  // namespace isobar::db
