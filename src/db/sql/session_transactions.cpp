// BEGIN to COMMIT.

#include <fmt/format.h>

#include <algorithm>

#include "db/key_layout.h"
#include "gateway_session.h"

namespace isobar::db {

namespace ast = sql::ast;
using Verb = ast::Transaction::What;

GatewaySession::Open::Open(std::unique_ptr<KeyTransaction> keys, SchemaPtr schema, Access a, GatewaySession& session)
    : tx(std::move(keys), std::move(schema)),
      rows(tx, session.gateway_.sequences, session.sequences_),
      catalog(tx.schema_ptr(), session.path_, session.gateway_.find_virtual),
      access(a) {
  rows.set_virtual_rows([&session](const sql::Table& table) { return session.virtual_rows(table); });
}

SqlStatus GatewaySession::open_transaction(Access access, std::uint32_t tries) {
  TRY_ASSIGN(auto schema, gateway_.schema.current());
  auto keys = gateway_.database.begin(access, tries);
  keys->assume(key::kVersion, schema->version);
  tx_ = std::make_unique<Open>(std::move(keys), std::move(schema), access, *this);
  return {};
}

SqlStatus GatewaySession::ensure(Access access, std::uint32_t tries) {
  if (tx_) return {};
  return open_transaction(access, tries);
}

/// What was put off until the end holds, and the database takes it.
SqlStatus GatewaySession::hand_in() {
  TRY(tx_->rows.check_deferred());
  return tx_->tx.commit();
}

SqlStatus GatewaySession::commit() {
  if (!tx_) return {};
  if (tx_->failed) {
    roll_back();
    return {};
  }
  const bool schema_changed = tx_->tx.schema_changed();
  const SqlStatus committed = hand_in();
  if (!committed.ok()) {
    roll_back();
    return committed;
  }
  if (schema_changed) gateway_.schema.forget();
  settings_.end_transaction(false);
  close_portals();
  return {};
}

void GatewaySession::roll_back() {
  if (!tx_) return;
  settings_.end_transaction(true);
  path_ = settings_.search_path(user_);
  ++settings_number_;
  close_portals();
}

/// Whatever was open goes with the transaction, but for cursors that are held.
void GatewaySession::close_portals() {
  tx_.reset();
  ++life_;
  journal_.clear();
  copy_.reset();
  std::erase_if(cursors_, [](const auto& entry) { return !entry.second.is_held; });
}

void GatewaySession::failed() {
  if (!tx_) return;
  if (tx_->implicit) return roll_back();
  tx_->failed = true;
  copy_.reset();
}

SqlStatus GatewaySession::sync(ResultSink&) {
  if (tx_ && tx_->implicit) return commit();
  return {};
}

TransactionStatus GatewaySession::status() const {
  if (!tx_ || tx_->implicit) return TransactionStatus::kIdle;
  return tx_->failed ? TransactionStatus::kFailed : TransactionStatus::kInTransaction;
}

SqlStatus GatewaySession::set_modes(const ast::TransactionModes& modes) {
  // Every transaction is serializable, which is more than any lower level asks for.
  if (!modes.read_only) return {};
  if (!*modes.read_only && tx_->read_only && tx_->statements > 0)
    return SqlError(sql::state::kActiveSqlTransaction, "transaction read-write mode must be set before any query");
  tx_->read_only = *modes.read_only;
  return {};
}

SqlResult<Executed> GatewaySession::begin_block(const ast::TransactionModes& modes, ResultSink& sink) {
  if (tx_ && !tx_->implicit) {
    sink.notice({"WARNING", SqlError(sql::state::kActiveSqlTransaction, "there is already a transaction in progress")});
    return Executed(Completed{"BEGIN"});
  }
  const bool read_only = modes.read_only.value_or(settings_.get("default_transaction_read_only").value_or("off") == "on");
  TRY(ensure(read_only ? Access::kRead : Access::kWrite, 0));
  tx_->implicit = false;
  tx_->read_only = read_only;
  set_times();
  values_.transaction_time = values_.statement_time;
  if (tx_->statements > 0) journal_.spoil();
  return Executed(Completed{"BEGIN"});
}

SqlResult<Executed> GatewaySession::commit_block(ResultSink& sink) {
  if (!tx_ || tx_->implicit) {
    sink.notice({"WARNING", SqlError(sql::state::kNoActiveSqlTransaction, "there is no transaction in progress")});
    if (tx_) TRY(commit());
    return Executed(Completed{"COMMIT"});
  }
  if (tx_->failed) {
    roll_back();
    return Executed(Completed{"ROLLBACK"});
  }
  // A cursor that outlives its transaction takes its rows along.
  for (auto& [name, cursor] : cursors_) {
    if (!cursor.hold || cursor.is_held) continue;
    while (cursor.portal->stream) {
      TRY_ASSIGN(const sql::Row* row, cursor.portal->stream->next());
      if (!row) cursor.portal->stream.reset();
      else cursor.held.push_back(*row);
    }
    cursor.is_held = true;
  }
  const bool schema_changed = tx_->tx.schema_changed();
  SqlStatus committed = hand_in();
  for (std::uint32_t tries = 1; !committed.ok() && committed.error().sqlstate() == sql::state::kSerializationFailure; ++tries) {
    if (tries > gateway_.options.tries_most || canceled_ || !replay_once(tries).ok()) break;
    committed = hand_in();
  }
  if (!committed.ok()) {
    roll_back();
    return committed.error();
  }
  if (schema_changed) gateway_.schema.forget();
  settings_.end_transaction(false);
  close_portals();
  return Executed(Completed{"COMMIT"});
}

SqlStatus GatewaySession::replay() {
  SqlStatus done = SqlError(sql::state::kSerializationFailure, "it was not tried again");
  for (std::uint32_t tries = 1; tries <= gateway_.options.tries_most && !canceled_; ++tries) {
    done = replay_once(tries);
    if (done.ok() || done.error().sqlstate() != sql::state::kSerializationFailure) break;
  }
  return done;
}

/// All that the transaction did, once more, in another one: it is as good as the first where every answer is the same.
/// Errors   40001: an answer is another one, or there was what cannot be repeated
SqlStatus GatewaySession::replay_once(std::uint32_t tries) {
  const SqlError differs(sql::state::kSerializationFailure,
                         "could not serialize access: another transaction changed what this one has read");
  if (!journal_.complete() || !cursors_.empty() || !tx_->savepoints.empty() || tx_->tx.schema_changed()) return differs;
  const bool read_only = tx_->read_only;
  const Access access = tx_->access;
  tx_.reset();
  back_off(tries);
  TRY(gateway_.schema.refreshed());
  TRY(open_transaction(access, tries));
  tx_->implicit = false;
  tx_->read_only = read_only;
  for (const auto& entry : journal_.entries()) {
    GatewayStatement statement(entry.body);
    TRY_ASSIGN(const auto portal, bind(statement, entry.values, entry.formats));
    DigestingSink sink(nullptr);
    TRY_ASSIGN(const auto executed, dispatch(static_cast<GatewayPortal&>(*portal), 0, sink));
    const auto* completed = std::get_if<Completed>(&executed);
    if (!completed) return differs;
    sink.mix(std::hash<std::string_view>{}(completed->tag));
    if (sink.digest() != entry.digest) return differs;
    ++tx_->statements;
  }
  return {};
}

SqlResult<Executed> GatewaySession::run(const ast::Transaction& s, ResultSink& sink) {
  const auto done = [](std::string tag) { return SqlResult<Executed>(Executed(Completed{std::move(tag)})); };
  const auto in_block = [&](std::string_view what) -> SqlStatus {
    if (tx_ && !tx_->implicit) return {};
    return SqlError(sql::state::kNoActiveSqlTransaction, fmt::format("{} can only be used in transaction blocks", what));
  };
  switch (s.what) {
    case Verb::kBegin: {
      auto begun = begin_block(s.modes, sink);
      if (begun.ok() && s.start) return done("START TRANSACTION");
      return begun;
    }
    case Verb::kCommit: {
      auto committed = commit_block(sink);
      if (!committed.ok() || !s.chain) return committed;
      TRY(begin_block({}, sink));
      return committed;
    }
    case Verb::kRollback:
      if (!tx_ || tx_->implicit)
        sink.notice({"WARNING", SqlError(sql::state::kNoActiveSqlTransaction, "there is no transaction in progress")});
      roll_back();
      if (s.chain) TRY(begin_block({}, sink));
      return done("ROLLBACK");
    case Verb::kSavepoint:
      TRY(in_block("SAVEPOINT"));
      if (tx_->failed)
        return SqlError(sql::state::kInFailedSqlTransaction,
                        "current transaction is aborted, commands ignored until end of transaction block");
      tx_->savepoints.emplace_back(s.name, tx_->tx.savepoint());
      return done("SAVEPOINT");
    case Verb::kRelease:
    case Verb::kRollbackTo: {
      TRY(in_block(s.what == Verb::kRelease ? "RELEASE SAVEPOINT" : "ROLLBACK TO SAVEPOINT"));
      if (tx_->failed && s.what == Verb::kRelease)
        return SqlError(sql::state::kInFailedSqlTransaction,
                        "current transaction is aborted, commands ignored until end of transaction block");
      const auto found =
          std::find_if(tx_->savepoints.rbegin(), tx_->savepoints.rend(), [&](const auto& each) { return each.first == s.name; });
      if (found == tx_->savepoints.rend())
        return SqlError(sql::state::kInvalidSavepoint, fmt::format("savepoint \"{}\" does not exist", s.name));
      const auto at = found.base() - 1;
      if (s.what == Verb::kRelease) {
        tx_->savepoints.erase(at, tx_->savepoints.end());
        return done("RELEASE");
      }
      journal_.spoil();
      tx_->tx.roll_back_to(at->second);
      tx_->rows.forget_forms();
      tx_->rows.forget_statement();
      tx_->failed = false;
      tx_->savepoints.erase(at + 1, tx_->savepoints.end());
      return done("ROLLBACK");
    }
    default: return not_supported("a prepared transaction");
  }
}

}  // namespace isobar::db
