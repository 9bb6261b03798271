#include "both_test.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::sql {
namespace {

Answer failed(const SqlError& error) {
  Answer answer;
  answer.sqlstate = error.sqlstate();
  answer.message = error.message();
  answer.detail = error.detail();
  return answer;
}

std::string shown(const std::vector<std::optional<std::string>>& row) {
  std::string text;
  for (const auto& field : row) text += (text.empty() ? "" : "|") + field.value_or("∅");
  return "(" + text + ")";
}

}  // namespace

const FunctionSet& Ours::functions() {
  static const FunctionSet set = FunctionSet::built_in();
  return set;
}

Ours::Ours() {
  session_.user = session_.session_user = "isobar";
  session_.database = "postgres";
  session_.search_path = {"public"};
  session_.random = [] { return 0.5; };
}

Answer Ours::ask(const std::string& statement) {
  const auto parsed = parse(statement);
  if (!parsed.ok()) return failed(parsed.error());
  Answer answer;
  for (const auto& one : *parsed) {
    answer = run(one);
    if (!answer.sqlstate.empty()) break;
  }
  return answer;
}

Answer Ours::run(const ast::Statement& statement) {
  const bool query = std::holds_alternative<ast::QueryPtr>(statement.node) || std::holds_alternative<ast::Insert>(statement.node) ||
                     std::holds_alternative<ast::Update>(statement.node) || std::holds_alternative<ast::Delete>(statement.node);
  if (!query) {
    const auto status = database_->define(statement);
    return status.ok() ? Answer() : failed(status.error());
  }
  database_->count_rows();
  auto prepared = prepare(statement, *database_, functions(), session_, {});
  if (!prepared.ok()) return failed(prepared.error());
  Answer answer;
  const auto& columns = (*prepared)->columns();
  for (const auto& column : columns) answer.columns.push_back(column.name), answer.types.push_back(oid_of(column.type));
  auto stream = (*prepared)->execute({}, *database_, session_, {});
  auto error = stream.ok() ? SqlStatus() : SqlStatus(stream.error());
  while (error.ok()) {
    const auto row = (*stream)->next();
    if (!row.ok()) error = row.error();
    else if (*row == nullptr) break;
    else {
      auto& into = answer.rows.emplace_back();
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto& value = (**row)[i];
        into.push_back(value.is_null() ? std::nullopt : std::optional(to_text(columns[i].type, value, session_.style)));
      }
    }
  }
  if (!error.ok()) {
    database_->undo();
    return failed(error.error());
  }
  database_->keep();
  answer.tag = (*stream)->tag();
  return answer;
}

bool is_ordered(const std::string& statement) {
  const auto parsed = parse(statement);
  if (!parsed.ok() || parsed->empty()) return false;
  const auto* query = std::get_if<ast::QueryPtr>(&parsed->back().node);
  return query != nullptr && !(*query)->order.empty();
}

std::string difference(const Answer& ours, const Answer& theirs, bool ordered) {
  if (ours.sqlstate != theirs.sqlstate)
    return fmt::format("ours [{}] {}; theirs [{}] {}", ours.sqlstate, ours.message, theirs.sqlstate, theirs.message);
  if (!ours.sqlstate.empty())
    return ours.message == theirs.message ? "" : fmt::format("message: ours {}; theirs {}", ours.message, theirs.message);
  if (ours.tag.empty()) return {};
  if (ours.tag != theirs.tag) return fmt::format("tag: ours {}; theirs {}", ours.tag, theirs.tag);
  if (ours.columns != theirs.columns)
    return fmt::format("columns: ours {}; theirs {}", fmt::join(ours.columns, ","), fmt::join(theirs.columns, ","));
  if (ours.types != theirs.types) return fmt::format("types: ours {}; theirs {}", fmt::join(ours.types, ","), fmt::join(theirs.types, ","));
  auto a = ours.rows, b = theirs.rows;
  if (!ordered) std::ranges::sort(a), std::ranges::sort(b);
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (a[i] != b[i]) return fmt::format("row {}: ours {}; theirs {}", i, shown(a[i]), shown(b[i]));
  return a.size() == b.size() ? "" : fmt::format("rows: ours {}; theirs {}", a.size(), b.size());
}

}  // namespace isobar::sql
