// A key's state as bytes: docs/formats/feature-state.md.

#include <fmt/format.h>

#include "view_inside.h"

namespace isobar::features {

namespace {

constexpr std::uint8_t kStateVersion = 1;

void append_bytes(std::string& out, std::string_view bytes) {
  append_varint(out, bytes.size());
  out += bytes;
}

Result<std::string_view> read_bytes(ByteReader& reader) {
  TRY_ASSIGN(const std::uint64_t bytes, reader.varint());
  return reader.take(bytes);
}

void append_values(std::string& out, const Row& row) {
  append_varint(out, row.size());
  for (const auto& value : row) append_value(out, value);
}

Result<Row> read_values(ByteReader& reader, std::size_t expected) {
  TRY_ASSIGN(const std::size_t count, reader.count(1));
  if (count != expected) return damaged("a row of another number of values");
  Row row;
  for (std::size_t i = 0; i < count; ++i) {
    TRY_ASSIGN(Value value, reader.value());
    row.push_back(std::move(value));
  }
  return row;
}

void append_event(std::string& out, const ViewState::KeyEvent& event) {
  encode_order(out, event.order);
  append_values(out, event.contribution.newest);
  append_values(out, event.contribution.arguments);
  append_values(out, event.contribution.inputs);
}

struct Widths {
  std::size_t newest, arguments, inputs;
};

Result<ViewState::KeyEvent> read_event(ByteReader& reader, std::string_view key, Widths widths) {
  ViewState::KeyEvent event;
  event.contribution.key = key;
  TRY_ASSIGN(event.order, decode_order(reader));
  TRY_ASSIGN(event.contribution.newest, read_values(reader, widths.newest));
  TRY_ASSIGN(event.contribution.arguments, read_values(reader, widths.arguments));
  TRY_ASSIGN(event.contribution.inputs, read_values(reader, widths.inputs));
  return event;
}

Widths widths_of(const CompiledView& view, std::span<const std::shared_ptr<const Featurizer>> featurizers) {
  Widths widths{view.newest_features().size(), view.argument_types().size(), 0};
  for (const auto& featurizer : featurizers) widths.inputs += featurizer->inputs();
  return widths;
}

}  // namespace

std::optional<std::string> ViewState::encode(std::string_view key) const {
  const auto known = inside_->keys.find(key);
  if (known == inside_->keys.end()) return std::nullopt;
  const KeyEntry& entry = *known->second;
  std::string out;
  append_byte(out, kStateVersion);
  append_byte(out, entry.newest ? 1 : 0);
  if (entry.newest) {
    encode_order(out, *entry.newest);
    append_values(out, entry.row);
  }
  const auto windows = inside_->windows ? inside_->windows->encode(key) : std::nullopt;
  append_bytes(out, windows ? *windows : std::string());
  append_varint(out, entry.expensive.size());
  for (const auto& [input, row] : entry.expensive) {
    input->encode(out);
    append_byte(out, row ? 1 : 0);
    if (row) encode_row(out, *row);
  }
  append_varint(out, entry.waiting.size());
  for (const auto& event : entry.waiting) append_event(out, event);
  return out;
}

Status ViewState::decode(std::string_view key, std::string_view bytes) {
  erase(key);
  KeyEntry& entry = inside_->entry(key);
  ByteReader reader(bytes);
  TRY_ASSIGN(const std::uint8_t version, reader.byte());
  if (version != kStateVersion)
    return damaged(fmt::format("a key's state of version {}; this program reads version {}", version, kStateVersion));
  const Widths widths = widths_of(*inside_->view, inside_->featurizers);
  TRY_ASSIGN(const std::uint8_t newest, reader.byte());
  if (newest != 0) {
    TRY_ASSIGN(entry.newest, decode_order(reader));
    TRY_ASSIGN(entry.row, read_values(reader, widths.newest));
  }
  TRY_ASSIGN(const std::string_view windows, read_bytes(reader));
  if (!windows.empty()) {
    if (!inside_->windows) return damaged("a state of windows in a view that has none");
    TRY(inside_->windows->decode(key, windows));
  }
  TRY_ASSIGN(const std::uint64_t expensive, reader.varint());
  if (expensive != entry.expensive.size()) return damaged("a state of another number of expensive features");
  for (auto& [input, row] : entry.expensive) {
    TRY(input->decode(reader));
    TRY_ASSIGN(const std::uint8_t has_row, reader.byte());
    if (has_row == 0) continue;
    TRY_ASSIGN(row, decode_row(reader));
  }
  TRY_ASSIGN(const std::size_t waiting, reader.count(1));
  for (std::size_t i = 0; i < waiting; ++i) {
    TRY_ASSIGN(auto event, read_event(reader, key, widths));
    inside_->due.emplace(event.order.time, std::string(key));
    entry.waiting.push_back(std::move(event));
  }
  return reader.finish();
}

void ViewState::erase(std::string_view key) {
  const auto known = inside_->keys.find(key);
  if (known != inside_->keys.end()) inside_->keys.erase(known);
  if (inside_->windows) inside_->windows->erase(key);
}

}  // namespace isobar::features
