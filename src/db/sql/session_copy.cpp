// COPY: rows in and out in bulk.

#include <fmt/format.h>

#include <algorithm>

#include "gateway_session.h"
#include "privileges.h"
#include "quoting.h"

namespace isobar::db {

namespace ast = sql::ast;

namespace {

/// PostgreSQL's binary form begins with this, and an empty extension.
std::string binary_header() { return std::string("PGCOPY\n\xff\r\n\0", 11) + std::string(8, '\0'); }

void append_count(std::string& out, std::uint32_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(number >> shift);
}

}  // namespace

SqlResult<std::vector<std::uint32_t>> GatewaySession::copy_columns(const sql::Table& table, const ast::Copy& s) const {
  std::vector<std::uint32_t> places;
  for (const auto& name : s.columns) {
    const auto place = column_place(table, name);
    if (!place)
      return SqlError(sql::state::kUndefinedColumn, fmt::format("column \"{}\" of relation \"{}\" does not exist", name, table.name));
    if (table.columns[*place].generated && s.from)
      return SqlError(sql::state::kInvalidColumnReference, fmt::format("column \"{}\" is a generated column", name))
          .with_detail("Generated columns cannot be used in COPY.");
    places.push_back(*place);
  }
  for (std::uint32_t i = 0; s.columns.empty() && i < table.columns.size(); ++i)
    if (!table.columns[i].dropped && !table.columns[i].generated) places.push_back(i);
  return places;
}

SqlResult<Executed> GatewaySession::run(const ast::Copy& s, const ast::Statement& statement, ResultSink& sink) {
  if (s.file || s.program)
    return SqlError(sql::state::kInsufficientPrivilege, "COPY from or to a file of the gateway's machine is not supported")
        .with_hint("Use COPY … FROM STDIN or TO STDOUT; psql's \\copy does so for you.");
  if (s.where) return not_supported("COPY … WHERE");
  TRY_ASSIGN(auto options, copy_options(s.options));
  journal_.spoil();
  if (!s.from) return copy_out(s, std::move(options), statement, sink);
  if (tx_->read_only) return SqlError(sql::state::kReadOnlySqlTransaction, "cannot execute COPY FROM in a read-only transaction");
  TRY_ASSIGN(const auto table, tx_->catalog.find_table(s.table.name.qualifier(), s.table.name.last()));
  if (!table) return SqlError(sql::state::kUndefinedTable, fmt::format("relation \"{}\" does not exist", s.table.name.last()));
  if (table->what != sql::Table::What::kTable)
    return SqlError(sql::state::kWrongObjectType, fmt::format("cannot copy to \"{}\": it is not a table", table->name));
  TRY_ASSIGN(const auto places, copy_columns(*table, s));
  std::string columns, values;
  CopyState copy;
  for (std::size_t i = 0; i < places.size(); ++i) {
    const sql::Column& column = table->columns[places[i]];
    columns += (i == 0 ? "" : ", ") + always_quoted(column.name);
    values += fmt::format("{}${}", i == 0 ? "" : ", ", i + 1);
    copy.types.push_back(column.type);
    copy.columns.push_back(column.name);
  }
  const std::string overriding = std::any_of(places.begin(), places.end(),
                                             [&](auto place) { return table->columns[place].identity == sql::Column::Identity::kAlways; })
                                     ? " OVERRIDING SYSTEM VALUE"
                                     : "";
  TRY_ASSIGN(auto insert, sql::parse(fmt::format("INSERT INTO {}.{} ({}){} VALUES ({})", always_quoted(table->schema),
                                                 always_quoted(table->name), columns, overriding, values)));
  TRY_ASSIGN(copy.insert, sql::prepare(insert.front(), tx_->catalog, gateway_.functions, values_, copy.types));
  TRY(check_privileges(*copy.insert));
  copy.table = table->name;
  copy.skip_header = options.header;
  const bool binary = options.form == CopyOptions::Form::kBinary;
  copy.options = options;
  copy.reader = CopyReader(std::move(options));
  copy_ = std::move(copy);
  tx_->rows.begin_batch();
  return Executed(WantsCopyData{binary ? Format::kBinary : Format::kText, places.size()});
}

SqlStatus GatewaySession::copy_data(std::string_view bytes, ResultSink&) {
  if (!copy_ || !tx_) return SqlError(sql::state::kProtocolViolation, "there is no COPY under way");
  copy_->reader.add(bytes);
  return copy_rows(false);
}

SqlStatus GatewaySession::copy_rows(bool at_end) {
  const auto where = [this](SqlError error) {
    return std::move(error).with_detail(fmt::format("COPY {}, line {}", copy_->table, copy_->reader.line()));
  };
  for (;;) {
    auto fields = copy_->reader.next(at_end);
    if (!fields.ok()) return where(fields.error());
    if (!*fields) return {};
    if (std::exchange(copy_->skip_header, false)) continue;
    if (canceled_) return SqlError(sql::state::kQueryCanceled, "canceling statement due to user request");
    if ((*fields)->size() != copy_->types.size()) {
      const bool more = (*fields)->size() > copy_->types.size();
      return where(SqlError(sql::state::kBadCopyFileFormat,
                            more ? "extra data after last expected column"
                                 : fmt::format("missing data for column \"{}\"", copy_->columns[(*fields)->size()])));
    }
    std::vector<sql::Value> values;
    values.reserve(copy_->types.size());
    for (std::size_t i = 0; i < copy_->types.size(); ++i) {
      const auto& field = (**fields)[i];
      if (!field) {
        values.emplace_back();
        continue;
      }
      auto value = copy_->options.form == CopyOptions::Form::kBinary ? sql::from_binary(copy_->types[i], *field)
                                                                     : sql::from_text(copy_->types[i], *field, values_.style);
      if (!value.ok()) return where(value.error());
      values.push_back(std::move(*value));
    }
    auto stream = copy_->insert->execute(std::move(values), tx_->rows, values_, {settings_.work_mem(), "work_mem"});
    if (!stream.ok()) return where(stream.error());
    const auto end = (*stream)->next();
    if (!end.ok()) return where(end.error());
    ++copy_->rows;
  }
}

SqlResult<Completed> GatewaySession::copy_done(ResultSink&, bool closes) {
  if (!copy_ || !tx_) return SqlError(sql::state::kProtocolViolation, "there is no COPY under way");
  TRY(copy_rows(true));
  TRY(tx_->rows.end_batch());
  const Completed completed{fmt::format("COPY {}", copy_->rows)};
  copy_.reset();
  ++tx_->statements;
  if (closes && tx_->implicit) TRY(commit());
  return completed;
}

SqlError GatewaySession::copy_failed(std::string_view reason) {
  copy_.reset();
  return {sql::state::kQueryCanceled, fmt::format("COPY from stdin failed: {}", reason)};
}

SqlResult<Executed> GatewaySession::copy_out(const ast::Copy& s, CopyOptions options, const ast::Statement& statement, ResultSink& sink) {
  std::shared_ptr<sql::Prepared> query;
  std::vector<ast::Statement> made;
  if (s.query) {
    TRY_ASSIGN(query, sql::prepare(statement, tx_->catalog, gateway_.functions, values_, {}));
    TRY(check_privileges(*query));
  } else {
    TRY_ASSIGN(const auto table, tx_->catalog.find_table(s.table.name.qualifier(), s.table.name.last()));
    if (!table) return SqlError(sql::state::kUndefinedTable, fmt::format("relation \"{}\" does not exist", s.table.name.last()));
    TRY_ASSIGN(const auto places, copy_columns(*table, s));
    std::string columns;
    for (const auto place : places) columns += (columns.empty() ? "" : ", ") + always_quoted(table->columns[place].name);
    TRY_ASSIGN(made, sql::parse(fmt::format("SELECT {} FROM {}.{}", columns, always_quoted(table->schema), always_quoted(table->name))));
    TRY_ASSIGN(query, sql::prepare(made.front(), tx_->catalog, gateway_.functions, values_, {}));
    TRY(check_privileges(*query));
  }
  const bool binary = options.form == CopyOptions::Form::kBinary;
  TRY(sink.begin_copy(binary ? Format::kBinary : Format::kText, query->columns().size()));
  std::string line;
  if (binary) TRY(sink.copy_data(binary_header()));
  CopyFields fields(query->columns().size());
  if (options.header) {
    for (std::size_t i = 0; i < fields.size(); ++i) fields[i] = query->columns()[i].name;
    append_copy_row(line, options, fields);
    TRY(sink.copy_data(std::exchange(line, {})));
  }
  TRY_ASSIGN(auto stream, query->execute({}, tx_->rows, values_, {settings_.work_mem(), "work_mem"}));
  std::uint64_t rows = 0;
  for (;; ++rows) {
    TRY_ASSIGN(const sql::Row* row, stream->next());
    if (!row) break;
    line.clear();
    if (binary) append_count(line, static_cast<std::uint32_t>(row->size()), 2);
    for (std::size_t i = 0; i < row->size(); ++i) {
      const sql::Type& type = query->columns()[i].type;
      if ((*row)[i].is_null()) fields[i].reset();
      else fields[i] = binary ? sql::to_binary(type, (*row)[i]) : text_of(type, (*row)[i]);
      if (!binary) continue;
      append_count(line, fields[i] ? static_cast<std::uint32_t>(fields[i]->size()) : ~0U, 4);
      if (fields[i]) line += *fields[i];
    }
    if (!binary) append_copy_row(line, options, fields);
    TRY(sink.copy_data(line));
  }
  if (binary) TRY(sink.copy_data(std::string_view("\xff\xff", 2)));
  return Executed(Completed{fmt::format("COPY {}", rows)});
}

}  // namespace isobar::db
