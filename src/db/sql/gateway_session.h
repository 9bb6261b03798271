#pragma once

// One connection's statements and transactions.

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "copy_state.h"
#include "db/pg_catalog.h"
#include "gateway_inside.h"
#include "journal.h"
#include "row_storage.h"
#include "schema_editor.h"
#include "settings.h"
#include "sql/prepared.h"

namespace isobar::db {

/// A statement, parsed, and how it is run with the schema as it was last.
struct StatementBody {
  std::shared_ptr<const sql::ast::Statement> ast;  ///< none: empty
  std::vector<sql::Type> declared;                 ///< parameters whose types the client said
  std::vector<sql::Type> parameters;
  std::optional<std::vector<ResultColumn>> columns;
  std::shared_ptr<sql::Prepared> plan;  ///< of queries and what changes rows
  SchemaPtr planned_for;
  std::uint64_t settings = 0;  ///< the settings that it was planned under
};

class GatewayStatement : public SqlStatement {
 public:
  explicit GatewayStatement(std::shared_ptr<StatementBody> body) : body_(std::move(body)) {}
  const std::vector<sql::Type>& parameters() const override { return body_->parameters; }
  const std::optional<std::vector<ResultColumn>>& columns() const override { return body_->columns; }
  bool ends_failed_transaction() const override;
  const std::shared_ptr<StatementBody>& body() const { return body_; }

 private:
  std::shared_ptr<StatementBody> body_;
};

struct GatewayPortal : public SqlPortal {
  std::shared_ptr<StatementBody> body;
  std::vector<ParameterValue> raw;  ///< as they came: a replay binds them again
  std::vector<sql::Value> values;
  std::vector<Format> formats;
  std::optional<std::vector<ResultColumn>> result;
  std::shared_ptr<sql::Prepared> plan;  ///< kept while the stream is open
  std::unique_ptr<sql::RowStream> stream;
  std::optional<Completed> done;
  std::uint64_t life = 0;  ///< of the transaction that it is of
  const std::optional<std::vector<ResultColumn>>& columns() const override { return result; }
};

class GatewaySession : public SqlSession {
 public:
  GatewaySession(Gateway::Inside& gateway, const Startup& startup);
  /// Of the settings that it came with. Errors   22023, 42704
  SqlStatus begin(const Startup& startup);

  SqlResult<std::unique_ptr<Script>> script(std::string text) override;
  SqlResult<std::unique_ptr<SqlStatement>> prepare(std::string text, std::span<const sql::Oid> parameters) override;
  SqlResult<std::unique_ptr<SqlPortal>> bind(const SqlStatement& statement, std::vector<ParameterValue> values,
                                             std::vector<Format> formats) override;
  SqlResult<Executed> execute(SqlPortal& portal, std::uint32_t rows_most, ResultSink& sink, bool closes) override;
  SqlStatus copy_data(std::string_view bytes, ResultSink& sink) override;
  SqlResult<Completed> copy_done(ResultSink& sink, bool closes) override;
  SqlError copy_failed(std::string_view reason) override;
  void failed() override;
  SqlStatus sync(ResultSink& sink) override;
  TransactionStatus status() const override;
  void cancel() override { canceled_ = true; }
  std::vector<std::pair<std::string, std::string>> announced_settings() const override;

  /// For what the catalog's functions ask.
  const CatalogView& catalog_view();
  /// The session whose statement runs on this thread.
  static GatewaySession* current();

 private:
  struct Open {
    Open(std::unique_ptr<KeyTransaction> keys, SchemaPtr schema, Access access, GatewaySession& session);
    SqlTransaction tx;
    RowStorage rows;
    SessionCatalog catalog;
    Access access;
    bool implicit = true, failed = false, read_only = false;
    std::size_t statements = 0;
    std::vector<std::pair<std::string, SqlTransaction::Savepoint>> savepoints;
  };
  friend struct Open;

  // Statements (gateway_session.cpp).
  SqlResult<std::shared_ptr<StatementBody>> body_of(std::shared_ptr<const sql::ast::Statement> statement,
                                                    std::span<const sql::Oid> parameters);
  SqlStatus analyse(StatementBody& body);
  SqlResult<std::shared_ptr<sql::Prepared>> plan_of(StatementBody& body);
  sql::SqlStatus check_privileges(const sql::Prepared& plan) const;
  std::string text_of(const sql::Type& type, const sql::Value& value);
  SqlResult<Executed> attempt(GatewayPortal& portal, std::uint32_t rows_most, ResultSink& sink, bool closes, std::uint32_t tries);
  SqlResult<Executed> dispatch(GatewayPortal& portal, std::uint32_t rows_most, ResultSink& sink);
  SqlResult<Executed> run_plan(GatewayPortal& portal, std::uint32_t rows_most, ResultSink& sink);
  SqlStatus give_row(GatewayPortal& portal, const sql::Row& row, ResultSink& sink);
  bool is_stale();
  static void back_off(std::uint32_t tries);
  void set_times();
  StatementContext context(ResultSink& sink);
  const SchemaSnapshot& schema() const { return tx_ ? tx_->tx.schema() : *schema_; }
  SqlResult<std::vector<sql::Row>> virtual_rows(const sql::Table& table);

  // Transactions (session_transactions.cpp).
  SqlStatus ensure(Access access, std::uint32_t tries);
  SqlStatus open_transaction(Access access, std::uint32_t tries);
  SqlStatus hand_in();
  SqlStatus commit();
  void roll_back();
  void close_portals();
  SqlResult<Executed> run(const sql::ast::Transaction& s, ResultSink& sink);
  SqlResult<Executed> begin_block(const sql::ast::TransactionModes& modes, ResultSink& sink);
  SqlResult<Executed> commit_block(ResultSink& sink);
  SqlStatus set_modes(const sql::ast::TransactionModes& modes);
  SqlStatus replay();
  SqlStatus replay_once(std::uint32_t tries);

  // Everything else (session_commands.cpp).
  SqlResult<Executed> run(const sql::ast::SetVariable& s, ResultSink& sink);
  SqlResult<Executed> run(const sql::ast::Show& s, GatewayPortal& portal, ResultSink& sink);
  SqlResult<Executed> run(const sql::ast::Prepare& s, GatewayPortal& portal, ResultSink& sink);
  SqlResult<Executed> run(const sql::ast::Execute& s, GatewayPortal& portal, std::uint32_t rows_most, ResultSink& sink);
  SqlResult<Executed> run(const sql::ast::Deallocate& s);
  SqlResult<Executed> run(const sql::ast::DeclareCursor& s, GatewayPortal& portal, ResultSink& sink);
  SqlResult<Executed> run(const sql::ast::Fetch& s, GatewayPortal& portal, ResultSink& sink);
  SqlResult<Executed> run(const sql::ast::CloseCursor& s);
  SqlResult<Executed> run(const sql::ast::Explain& s, GatewayPortal& portal, ResultSink& sink);
  SqlResult<Executed> run(const sql::ast::Discard& s);
  SqlResult<Executed> run(const sql::ast::CreateTableAs& s, const sql::ast::Statement& statement, ResultSink& sink);
  SqlResult<Executed> run(const sql::ast::SetConstraints& s);
  SqlStatus text_rows(const std::vector<std::vector<std::string>>& rows, ResultSink& sink);
  SqlStatus changed(const std::string& name, ResultSink& sink);

  // COPY (session_copy.cpp).
  SqlResult<Executed> run(const sql::ast::Copy& s, const sql::ast::Statement& statement, ResultSink& sink);
  SqlResult<Executed> copy_out(const sql::ast::Copy& s, CopyOptions options, const sql::ast::Statement& statement, ResultSink& sink);
  SqlStatus copy_rows(bool at_end);
  SqlResult<std::vector<std::uint32_t>> copy_columns(const sql::Table& table, const sql::ast::Copy& s) const;

  Gateway::Inside& gateway_;
  std::string user_, database_;
  std::int32_t backend_;
  Settings settings_;
  std::uint64_t settings_number_ = 1;  // counted up with each change
  SessionSequences sequences_;
  CatalogSession catalog_session_;
  std::optional<CatalogView> catalog_view_;
  std::vector<std::string> path_;
  sql::SessionValues values_;
  SchemaPtr schema_;  // while no transaction is open
  std::unique_ptr<SessionCatalog> idle_catalog_;
  std::unique_ptr<Open> tx_;
  std::uint64_t life_ = 1;  // of transactions
  Journal journal_;
  std::map<std::string, std::shared_ptr<StatementBody>> named_;
  struct Cursor {
    std::unique_ptr<GatewayPortal> portal;
    std::vector<sql::Row> held;  // WITH HOLD, once its transaction is over
    bool hold = false, is_held = false;
    std::size_t at = 0;
  };
  std::map<std::string, Cursor> cursors_;
  std::optional<CopyState> copy_;
  std::map<std::string, std::shared_ptr<StatementBody>> cache_;  // by text: of simple queries without parameters
  std::atomic<bool> canceled_ = false;
  std::int64_t deadline_ = 0;  // of the statement, steady microseconds; 0: none
};

}  // namespace isobar::db
