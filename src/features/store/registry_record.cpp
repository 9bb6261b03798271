#include "registry_record.h"

#include <fmt/format.h>

#include <algorithm>

#include "features/row_codec.h"

namespace isobar::features {

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kViewBytesLeast = 5;

void append_text(std::string& out, std::string_view text) {
  append_varint(out, text.size());
  out.append(text);
}

Result<std::string> read_text(ByteReader& reader) {
  TRY_ASSIGN(const std::uint64_t bytes, reader.varint());
  TRY_ASSIGN(const std::string_view text, reader.take(bytes));
  return std::string(text);
}

Result<std::uint32_t> read_view_number(ByteReader& reader) {
  TRY_ASSIGN(const std::uint64_t number, reader.varint());
  if (number > UINT32_MAX) return damaged("a view's number is too large");
  return static_cast<std::uint32_t>(number);
}

Result<RegisteredView> read_view(ByteReader& reader) {
  RegisteredView view;
  TRY_ASSIGN(view.name, read_text(reader));
  TRY_ASSIGN(const std::uint32_t number, read_view_number(reader));
  view.id = ViewId{number};
  for (Duration* span : {&view.lifetime.ttl, &view.lifetime.remembered, &view.lifetime.history}) {
    TRY_ASSIGN(const std::int64_t nanos, reader.zigzag());
    *span = Duration(nanos);
  }
  return view;
}

Status check_view(const ViewSpec& view) {
  if (view.name.empty()) return invalid("a view has no name: give it one");
  const auto& [ttl, remembered, history] = view.lifetime;
  if (std::min({ttl, remembered, history}) < Duration(0))
    return invalid(fmt::format("view {}: ttl, remembered and history are spans from 0 on: one is negative", view.name));
  return {};
}

}  // namespace

std::string encode_registry(const RegistryRecord& record) {
  std::string out;
  append_byte(out, kVersion);
  append_varint(out, record.registry.version);
  append_varint(out, record.next_view);
  append_text(out, record.registry.definition);
  append_varint(out, record.registry.views.size());
  for (const auto& view : record.registry.views) {
    append_text(out, view.name);
    append_varint(out, static_cast<std::uint32_t>(view.id));
    for (const Duration span : {view.lifetime.ttl, view.lifetime.remembered, view.lifetime.history}) append_zigzag(out, span.count());
  }
  return out;
}

Result<RegistryRecord> decode_registry(std::string_view bytes) {
  ByteReader reader(bytes);
  TRY_ASSIGN(const std::uint8_t version, reader.byte());
  if (version != kVersion) return damaged(fmt::format("the registry is of version {}, which is not known here", version));
  RegistryRecord record;
  TRY_ASSIGN(record.registry.version, reader.varint());
  TRY_ASSIGN(record.next_view, read_view_number(reader));
  TRY_ASSIGN(record.registry.definition, read_text(reader));
  TRY_ASSIGN(const std::size_t views, reader.count(kViewBytesLeast));
  for (std::size_t i = 0; i < views; ++i) {
    TRY_ASSIGN(auto view, read_view(reader));
    record.registry.views.push_back(std::move(view));
  }
  TRY(reader.finish());
  return record;
}

Result<RegistryRecord> next_registry(const RegistryRecord& now, std::string definition, std::span<const ViewSpec> views) {
  std::vector<ViewSpec> sorted(views.begin(), views.end());
  std::ranges::sort(sorted, {}, &ViewSpec::name);
  RegistryRecord next{{now.registry.version, std::move(definition), {}}, now.next_view};
  for (auto& view : sorted) {
    TRY(check_view(view));
    if (!next.registry.views.empty() && next.registry.views.back().name == view.name)
      return invalid(fmt::format("view {} is there twice: give each its own name", view.name));
    const auto known = std::ranges::find(now.registry.views, view.name, &RegisteredView::name);
    const ViewId id = known != now.registry.views.end() ? known->id : ViewId{next.next_view++};
    next.registry.views.push_back({std::move(view.name), id, view.lifetime});
  }
  if (next.registry != now.registry || now.registry.version == 0) ++next.registry.version;
  return next;
}

std::vector<ViewId> dropped_views(const Registry& before, const Registry& after) {
  std::vector<ViewId> dropped;
  for (const auto& view : before.views)
    if (std::ranges::find(after.views, view.id, &RegisteredView::id) == after.views.end()) dropped.push_back(view.id);
  return dropped;
}

}  // namespace isobar::features
