#include "context.h"

#include <fmt/format.h>

namespace isobar::sql::execute {

Cell* Context::cell(ColumnId id) {
  auto& known = by_id_[id];
  if (known == nullptr) {
    cells_.push_back(&kNullValue);
    known = &cells_.back();
    relations_[id.relation].emplace_back(id.column, known);
  }
  return known;
}

bool Context::check_canceled() {
  if (!session->canceled || !session->canceled()) return true;
  return fail(SqlError(state::kQueryCanceled, "canceling statement due to user request"));
}

bool Context::keep(std::size_t bytes) {
  if (budget.take(bytes)) return true;
  return fail(SqlError(state::kOutOfMemory, "out of memory")
                  .with_detail(fmt::format("The statement would keep more than {} bytes, which \"{}\" allows.", budget.most(),
                                           limits->memory_setting)));
}

std::size_t bytes_beside(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value.held())) return text->capacity() > 15 ? text->capacity() + 16 : 0;
  std::size_t bytes = 0;
  if (const auto* array = std::get_if<ArrayPtr>(&value.held())) {
    for (const auto& element : (*array)->elements) bytes += bytes_of(element);
    return bytes + sizeof(Array);
  }
  if (const auto* record = std::get_if<RecordPtr>(&value.held())) {
    for (const auto& field : (*record)->values) bytes += bytes_of(field);
    return bytes + sizeof(Record);
  }
  return 0;
}

}  // namespace isobar::sql::execute
