// What a session is asked beside rows: settings, prepared statements, cursors, plans.

#include <fmt/format.h>

#include "gateway_session.h"

namespace isobar::db {

namespace ast = sql::ast;

namespace {

SqlResult<Executed> done(std::string tag) { return Executed(Completed{std::move(tag)}); }

std::string words(const std::vector<std::string>& values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : ", ") + value;
  return text;
}

}  // namespace

SqlStatus GatewaySession::text_rows(const std::vector<std::vector<std::string>>& rows, ResultSink& sink) {
  for (const auto& row : rows) {
    const std::vector<std::optional<std::string>> fields(row.begin(), row.end());
    TRY(sink.row(fields));
  }
  return {};
}

SqlStatus GatewaySession::changed(const std::string& name, ResultSink& sink) {
  ++settings_number_;
  path_ = settings_.search_path(user_);
  set_times();
  if (!Settings::announced(name)) return {};
  TRY_ASSIGN(const std::string value, settings_.get(name));
  sink.parameter_changed(name, value);
  return {};
}

SqlResult<Executed> GatewaySession::run(const ast::SetVariable& s, ResultSink& sink) {
  using What = ast::SetVariable::What;
  switch (s.what) {
    case What::kTransaction: TRY(set_modes(s.modes)); return done("SET");
    case What::kSession:
      if (s.modes.read_only) TRY(settings_.set("default_transaction_read_only", *s.modes.read_only ? "on" : "off", false));
      return done("SET");
    case What::kResetAll:
      settings_.reset_all();
      for (const auto& name : Settings::announced_names()) TRY(changed(name, sink));
      return done("RESET");
    case What::kReset:
    case What::kDefault:
      TRY(settings_.reset(s.name));
      TRY(changed(s.name, sink));
      return done(s.what == What::kReset ? "RESET" : "SET");
    case What::kValue: break;
  }
  if (s.name == "role" || s.name == "session_authorization") {
    const bool itself = s.values.empty() || s.values.front() == user_ || s.values.front() == "none" || s.values.front() == "default";
    if (itself) return done("SET");
    return not_supported("SET ROLE");
  }
  if (s.name == "transaction_read_only") {
    ast::TransactionModes modes;
    modes.read_only = !s.values.empty() && (s.values.front() == "on" || s.values.front() == "true");
    TRY(set_modes(modes));
    return done("SET");
  }
  if (s.name == "transaction_isolation") return done("SET");
  TRY_ASSIGN(const std::string name, settings_.set(s.name, words(s.values), s.local));
  TRY(changed(name, sink));
  return done("SET");
}

SqlResult<Executed> GatewaySession::run(const ast::Show& s, GatewayPortal&, ResultSink& sink) {
  if (s.name == "all") {
    std::vector<std::vector<std::string>> rows;
    for (const auto& [name, value, description] : settings_.all()) rows.push_back({name, value, description});
    TRY(text_rows(rows, sink));
    return done("SHOW");
  }
  if (s.name == "transaction_read_only") {
    TRY(text_rows({{tx_->read_only ? "on" : "off"}}, sink));
    return done("SHOW");
  }
  TRY_ASSIGN(const std::string value, s.name == "session_authorization" ? SqlResult<std::string>(user_) : settings_.get(s.name));
  TRY(text_rows({{value}}, sink));
  return done("SHOW");
}

// PREPARE, EXECUTE.

namespace {

/// The statement inside another one, which it keeps alive.
std::shared_ptr<const ast::Statement> inner(const GatewayPortal& portal, const ast::StatementPtr& statement) {
  return {portal.body->ast, statement.get()};
}

}  // namespace

SqlResult<Executed> GatewaySession::run(const ast::Prepare& s, GatewayPortal& portal, ResultSink&) {
  if (named_.contains(s.name))
    return SqlError(sql::state::kDuplicatePreparedStatement, fmt::format("prepared statement \"{}\" already exists", s.name));
  std::vector<sql::Oid> types;
  for (const auto& name : s.types) {
    TRY_ASSIGN(const auto type, sql::resolve_type(name));
    types.push_back(sql::oid_of(type));
  }
  TRY_ASSIGN(auto body, body_of(inner(portal, s.statement), types));
  named_.emplace(s.name, std::move(body));
  journal_.spoil();
  return done("PREPARE");
}

SqlResult<Executed> GatewaySession::run(const ast::Execute& s, GatewayPortal& portal, std::uint32_t rows_most, ResultSink& sink) {
  const auto named = named_.find(s.name);
  if (named == named_.end())
    return SqlError(sql::state::kInvalidSqlStatementName, fmt::format("prepared statement \"{}\" does not exist", s.name));
  StatementBody& body = *named->second;
  if (s.args.size() != body.parameters.size())
    return SqlError(sql::state::kSyntaxError, fmt::format("wrong number of parameters for prepared statement \"{}\"", s.name))
        .with_detail(fmt::format("Expected {} parameters but got {}.", body.parameters.size(), s.args.size()));
  GatewayPortal inner;
  inner.body = named->second;
  inner.formats = portal.formats;
  for (std::size_t i = 0; i < s.args.size(); ++i) {
    TRY_ASSIGN(const auto bound, sql::bind_expression(*s.args[i], body.parameters[i], nullptr, tx_->catalog, gateway_.functions, values_));
    TRY_ASSIGN(auto value, sql::evaluate(bound, nullptr, tx_->rows, values_));
    inner.values.push_back(std::move(value));
  }
  inner.result = body.columns;
  if (!inner.body->plan) return dispatch(inner, rows_most, sink);
  return run_plan(inner, 0, sink);
}

SqlResult<Executed> GatewaySession::run(const ast::Deallocate& s) {
  if (s.name.empty()) named_.clear();
  else if (named_.erase(s.name) == 0)
    return SqlError(sql::state::kInvalidSqlStatementName, fmt::format("prepared statement \"{}\" does not exist", s.name));
  return done(s.name.empty() ? "DEALLOCATE ALL" : "DEALLOCATE");
}

// Cursors: forward ones, over the portal of their query.

SqlResult<Executed> GatewaySession::run(const ast::DeclareCursor& s, GatewayPortal& portal, ResultSink&) {
  if (tx_->implicit && !s.hold)
    return SqlError(sql::state::kNoActiveSqlTransaction, "DECLARE CURSOR can only be used in transaction blocks");
  if (cursors_.contains(s.name)) return SqlError(sql::state::kDuplicateCursor, fmt::format("cursor \"{}\" already exists", s.name));
  TRY_ASSIGN(auto body, body_of(inner(portal, s.query), {}));
  if (!body->columns) return SqlError(sql::state::kInvalidCursorName, "DECLARE CURSOR must specify a query");
  Cursor cursor;
  cursor.portal = std::make_unique<GatewayPortal>();
  cursor.portal->body = body;
  cursor.portal->result = body->columns;
  if (s.binary) cursor.portal->formats = {Format::kBinary};
  cursor.hold = s.hold;
  TRY_ASSIGN(cursor.portal->plan, plan_of(*body));
  TRY_ASSIGN(cursor.portal->stream, cursor.portal->plan->execute({}, tx_->rows, values_, {settings_.work_mem(), "work_mem"}));
  if (s.hold && tx_->implicit) {
    for (;;) {
      TRY_ASSIGN(const sql::Row* row, cursor.portal->stream->next());
      if (!row) break;
      cursor.held.push_back(*row);
    }
    cursor.portal->stream.reset();
    cursor.is_held = true;
  }
  cursors_.emplace(s.name, std::move(cursor));
  return done("DECLARE CURSOR");
}

SqlResult<Executed> GatewaySession::run(const ast::Fetch& s, GatewayPortal& portal, ResultSink& sink) {
  const auto found = cursors_.find(s.cursor);
  if (found == cursors_.end()) return SqlError(sql::state::kInvalidCursorName, fmt::format("cursor \"{}\" does not exist", s.cursor));
  if (s.direction != ast::Fetch::Direction::kForward || s.count < 0)
    return SqlError(sql::state::kObjectNotInPrerequisiteState, "cursor can only scan forward")
        .with_hint("Declare it without SCROLL and fetch forward.");
  Cursor& cursor = found->second;
  cursor.portal->formats = portal.formats.empty() ? cursor.portal->formats : portal.formats;
  std::int64_t given = 0;
  while (given < s.count) {
    const sql::Row* row = nullptr;
    if (cursor.is_held) {
      if (cursor.at < cursor.held.size()) row = &cursor.held[cursor.at++];
    } else if (cursor.portal->stream) {
      TRY_ASSIGN(row, cursor.portal->stream->next());
    }
    if (!row) {
      if (!cursor.is_held) cursor.portal->stream.reset();
      break;
    }
    ++given;
    if (!s.move) TRY(give_row(*cursor.portal, *row, sink));
  }
  return done(fmt::format("{} {}", s.move ? "MOVE" : "FETCH", given));
}

SqlResult<Executed> GatewaySession::run(const ast::CloseCursor& s) {
  if (s.name.empty()) cursors_.clear();
  else if (cursors_.erase(s.name) == 0)
    return SqlError(sql::state::kInvalidCursorName, fmt::format("cursor \"{}\" does not exist", s.name));
  return done(s.name.empty() ? "CLOSE CURSOR ALL" : "CLOSE CURSOR");
}

SqlResult<Executed> GatewaySession::run(const ast::Explain& s, GatewayPortal& portal, ResultSink& sink) {
  bool costs = true, analyze = false;
  for (const auto& option : s.options) {
    const bool on = !option.value || (*option.value != "off" && *option.value != "false" && *option.value != "0");
    if (option.name == "costs") costs = on;
    else if (option.name == "analyze") analyze = on;
    else if (option.name == "format" && option.value && *option.value != "text")
      return not_supported("EXPLAIN in a format other than text");
  }
  TRY_ASSIGN(const auto body, body_of(inner(portal, s.statement), {}));
  if (!body->plan) return not_supported("EXPLAIN of a statement that has no plan");
  TRY_ASSIGN(const auto plan, plan_of(*body));
  std::vector<std::vector<std::string>> lines;
  for (auto& line : plan->explain(costs)) lines.push_back({std::move(line)});
  if (analyze) {
    const auto began = values_.clock();
    TRY_ASSIGN(auto stream, plan->execute({}, tx_->rows, values_, {settings_.work_mem(), "work_mem"}));
    std::uint64_t rows = 0;
    for (;; ++rows) {
      TRY_ASSIGN(const sql::Row* row, stream->next());
      if (!row) break;
    }
    lines.push_back({fmt::format("Actual Rows: {}", rows)});
    lines.push_back({fmt::format("Execution Time: {:.3f} ms", static_cast<double>(values_.clock() - began) / 1000)});
  }
  TRY(text_rows(lines, sink));
  return done("EXPLAIN");
}

SqlResult<Executed> GatewaySession::run(const ast::Discard& s) {
  using What = ast::Discard::What;
  if (s.what == What::kAll) {
    if (!tx_->implicit) return SqlError(sql::state::kActiveSqlTransaction, "DISCARD ALL cannot run inside a transaction block");
    settings_.reset_all();
    ++settings_number_;
    path_ = settings_.search_path(user_);
    named_.clear();
    cursors_.clear();
    sequences_ = {};
  }
  if (s.what == What::kAll || s.what == What::kPlans) cache_.clear();
  if (s.what == What::kSequences) sequences_ = {};
  return done(s.what == What::kAll         ? "DISCARD ALL"
              : s.what == What::kPlans     ? "DISCARD PLANS"
              : s.what == What::kSequences ? "DISCARD SEQUENCES"
                                           : "DISCARD TEMP");
}

SqlResult<Executed> GatewaySession::run(const ast::SetConstraints& s) {
  if (!s.constraints.empty()) return not_supported("SET CONSTRAINTS of single constraints");
  if (!s.deferred) TRY(tx_->rows.check_deferred());
  return done("SET CONSTRAINTS");
}

/// The columns are those of the query, under the names that were given.
SqlResult<Executed> GatewaySession::run(const ast::CreateTableAs& s, const ast::Statement& statement, ResultSink& sink) {
  TRY_ASSIGN(const auto query, sql::prepare(statement, tx_->catalog, gateway_.functions, values_, {}));
  TRY(check_privileges(*query));
  std::vector<sql::Column> columns;
  for (std::size_t i = 0; i < query->columns().size(); ++i) {
    const auto& column = query->columns()[i];
    columns.push_back({i < s.columns.size() ? s.columns[i] : column.name,
                       column.type.kind == sql::Kind::kUnknown ? sql::type_of(sql::Kind::kText) : column.type});
  }
  SchemaEditor editor(context(sink));
  auto table = editor.create_plain(s.table.name, std::move(columns));
  if (!table.ok() && s.if_not_exists && table.error().sqlstate() == sql::state::kDuplicateTable) {
    sink.notice(
        {"NOTICE", SqlError(sql::state::kDuplicateTable, fmt::format("relation \"{}\" already exists, skipping", s.table.name.last()))});
    return done("CREATE TABLE AS");
  }
  if (!table.ok()) return table.error();
  std::uint64_t rows = 0;
  if (s.with_data) {
    TRY_ASSIGN(auto stream, query->execute({}, tx_->rows, values_, {settings_.work_mem(), "work_mem"}));
    std::vector<sql::Row> all;
    for (;;) {
      TRY_ASSIGN(const sql::Row* row, stream->next());
      if (!row) break;
      all.push_back(*row);
    }
    for (auto& row : all) {
      TRY(tx_->rows.insert(**table, std::move(row)));
      ++rows;
    }
    TRY(tx_->rows.end_statement());
  }
  return done(fmt::format("SELECT {}", rows));
}

}  // namespace isobar::db
