#include "gateway_session.h"

#include <fmt/format.h>

#include <chrono>
#include <random>
#include <thread>

#include "db/key_layout.h"
#include "privileges.h"

namespace isobar::db {

namespace ast = sql::ast;

namespace {

thread_local GatewaySession* running = nullptr;

/// The session is the one whose statement runs, as long as this lives.
class Running {
 public:
  explicit Running(GatewaySession* session) : before_(std::exchange(running, session)) {}
  ~Running() { running = before_; }

 private:
  GatewaySession* before_;
};

std::int64_t microseconds_since_2000() {
  constexpr std::int64_t kBetween = 946'684'800'000'000;
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count() - kBetween;
}

std::int64_t steady_microseconds() {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::mt19937_64& random_bits() {
  static thread_local std::mt19937_64 bits = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return bits;
}

sql::Uuid random_uuid() {
  sql::Uuid uuid{};
  std::random_device device;
  for (std::size_t i = 0; i < uuid.size(); i += 4) {
    const std::uint32_t bits = device();
    for (std::size_t j = 0; j < 4; ++j) uuid[i + j] = static_cast<std::uint8_t>(bits >> (8 * j));
  }
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0f) | 0x40);
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3f) | 0x80);
  return uuid;
}

bool is_planned(const ast::Statement& statement) {
  return std::visit(
      []<class T>(const T&) {
        return std::same_as<T, ast::QueryPtr> || std::same_as<T, ast::Insert> || std::same_as<T, ast::Update> ||
               std::same_as<T, ast::Delete>;
      },
      statement.node);
}

std::vector<ResultColumn> one_text_column(std::string name) { return {{std::move(name), sql::type_of(sql::Kind::kText)}}; }

}  // namespace

GatewaySession* GatewaySession::current() { return running; }

bool GatewayStatement::ends_failed_transaction() const {
  const auto* transaction = body_->ast ? std::get_if<ast::Transaction>(&body_->ast->node) : nullptr;
  using What = ast::Transaction::What;
  return transaction &&
         (transaction->what == What::kCommit || transaction->what == What::kRollback || transaction->what == What::kRollbackTo);
}

GatewaySession::GatewaySession(Gateway::Inside& gateway, const Startup& startup)
    : gateway_(gateway), user_(startup.user), database_(startup.database), backend_(gateway.next_backend++) {
  values_.user = values_.session_user = user_;
  values_.database = database_;
  values_.clock = microseconds_since_2000;
  values_.random = [] { return std::uniform_real_distribution<double>(0, 1)(random_bits()); };
  values_.new_uuid = random_uuid;
  values_.setting = [this](std::string_view name) { return settings_.get(name); };
  catalog_session_.user = user_;
  catalog_session_.database = database_;
  catalog_session_.backend_pid = backend_;
  catalog_session_.client_address = startup.peer_address;
  catalog_session_.started_at = microseconds_since_2000();
  catalog_session_.server_started_at = gateway.started_at;
  catalog_session_.set = [this](std::string_view name, std::string value, bool local) -> SqlResult<std::string> {
    TRY(settings_.set(name, std::move(value), local));
    ++settings_number_;
    path_ = settings_.search_path(user_);
    return settings_.get(name);
  };
  values_.canceled = [this] { return canceled_ || (deadline_ != 0 && steady_microseconds() > deadline_); };
}

SqlStatus GatewaySession::begin(const Startup& startup) {
  TRY_ASSIGN(schema_, gateway_.schema.current());
  for (const auto& [name, value] : startup.settings) TRY(settings_.set(name, value, false));
  settings_.end_transaction(false);
  path_ = settings_.search_path(user_);
  idle_catalog_ = std::make_unique<SessionCatalog>(schema_, path_, gateway_.find_virtual);
  set_times();
  return {};
}

std::vector<std::pair<std::string, std::string>> GatewaySession::announced_settings() const {
  std::vector<std::pair<std::string, std::string>> list;
  for (const auto& name : Settings::announced_names())
    list.emplace_back(name, name == "session_authorization" ? user_ : settings_.get(name).value_or(""));
  return list;
}

/// As the schema is now for whoever asks.
const CatalogView& GatewaySession::catalog_view() {
  catalog_session_.search_path = path_;
  catalog_session_.settings = settings_.all();
  catalog_session_.application = settings_.get("application_name").value_or("");
  catalog_view_.emplace(CatalogView{schema(), catalog_session_, &gateway_.functions});
  return *catalog_view_;
}

SqlResult<std::vector<sql::Row>> GatewaySession::virtual_rows(const sql::Table& table) {
  const auto sequence = schema().sequences.find(table.id);
  if (sequence == schema().sequences.end()) return catalog_rows(table, catalog_view());
  TRY_ASSIGN(const auto bytes, tx_->tx.read(key::sequence(table.id)));
  const SequenceState state = decode_sequence(sequence->second.sequence, bytes);
  return std::vector<sql::Row>{{sql::Value(state.last), sql::Value(std::int64_t{0}), sql::Value(state.called)}};
}

void GatewaySession::set_times() {
  values_.statement_time = microseconds_since_2000();
  if (!tx_) values_.transaction_time = values_.statement_time;
  values_.style.zone = settings_.zone().get();
  values_.style.now = values_.transaction_time;
  values_.style.extra_float_digits = std::atoi(settings_.get("extra_float_digits").value_or("1").c_str());
  values_.style.bytea_output = settings_.get("bytea_output").value_or("hex");
  values_.search_path = path_;
}

StatementContext GatewaySession::context(ResultSink& sink) {
  return {tx_->tx, tx_->rows, tx_->catalog, gateway_.functions, values_, [&sink](Notice notice) { sink.notice(std::move(notice)); }};
}

// Parsing and planning.

namespace {

class ParsedScript : public SqlSession::Script {
 public:
  using Make = std::function<SqlResult<std::unique_ptr<SqlStatement>>(ast::Statement)>;
  ParsedScript(std::vector<ast::Statement> statements, Make make) : statements_(std::move(statements)), make_(std::move(make)) {}
  SqlResult<std::unique_ptr<SqlStatement>> next() override {
    if (at_ == statements_.size()) return std::unique_ptr<SqlStatement>();
    return make_(std::move(statements_[at_++]));
  }
  bool is_last() const override { return at_ == statements_.size(); }

 private:
  std::vector<ast::Statement> statements_;
  Make make_;
  std::size_t at_ = 0;
};

/// What was parsed and planned before.
class KnownScript : public SqlSession::Script {
 public:
  explicit KnownScript(std::shared_ptr<StatementBody> body) : body_(std::move(body)) {}
  SqlResult<std::unique_ptr<SqlStatement>> next() override {
    if (!body_) return std::unique_ptr<SqlStatement>();
    return std::unique_ptr<SqlStatement>(std::make_unique<GatewayStatement>(std::exchange(body_, nullptr)));
  }
  bool is_last() const override { return !body_; }

 private:
  std::shared_ptr<StatementBody> body_;
};

}  // namespace

SqlResult<std::unique_ptr<SqlSession::Script>> GatewaySession::script(std::string text) {
  const std::uint64_t number = schema().number;
  if (const auto known = cache_.find(text); known != cache_.end()) {
    // What was found out of it may be otherwise since the schema or a setting changed.
    const StatementBody& body = *known->second;
    const bool holds = body.planned_for && body.planned_for->number == number && body.settings == settings_number_;
    if (holds && !(tx_ && (tx_->failed || tx_->tx.schema_changed())))
      return std::unique_ptr<Script>(std::make_unique<KnownScript>(known->second));
    cache_.erase(known);
  }
  TRY_ASSIGN(auto statements, sql::parse(text));
  const bool alone = statements.size() == 1 && text.size() <= 4096 && is_planned(statements.front());
  return std::unique_ptr<Script>(std::make_unique<ParsedScript>(
      std::move(statements), [this, alone, text = std::move(text)](ast::Statement statement) -> SqlResult<std::unique_ptr<SqlStatement>> {
        TRY_ASSIGN(auto body, body_of(std::make_shared<const ast::Statement>(std::move(statement)), {}));
        if (alone) {
          constexpr std::size_t kCacheMost = 256;
          if (cache_.size() >= kCacheMost) cache_.clear();
          cache_.emplace(text, body);
        }
        return std::unique_ptr<SqlStatement>(std::make_unique<GatewayStatement>(std::move(body)));
      }));
}

SqlResult<std::unique_ptr<SqlStatement>> GatewaySession::prepare(std::string text, std::span<const sql::Oid> parameters) {
  TRY_ASSIGN(auto statements, sql::parse(text));
  if (statements.size() > 1) return SqlError(sql::state::kSyntaxError, "cannot insert multiple commands into a prepared statement");
  if (statements.empty()) return std::unique_ptr<SqlStatement>(std::make_unique<GatewayStatement>(std::make_shared<StatementBody>()));
  TRY_ASSIGN(auto body, body_of(std::make_shared<const ast::Statement>(std::move(statements.front())), parameters));
  return std::unique_ptr<SqlStatement>(std::make_unique<GatewayStatement>(std::move(body)));
}

SqlResult<std::shared_ptr<StatementBody>> GatewaySession::body_of(std::shared_ptr<const ast::Statement> statement,
                                                                  std::span<const sql::Oid> parameters) {
  auto body = std::make_shared<StatementBody>();
  for (const auto oid : parameters) {
    const auto type = oid == 0 ? sql::type_of(sql::Kind::kUnknown) : sql::type_of_oid(oid);
    if (!type) return SqlError(sql::state::kUndefinedObject, fmt::format("type with OID {} does not exist", oid));
    body->declared.push_back(*type);
  }
  body->ast = std::move(statement);
  const auto* transaction = std::get_if<ast::Transaction>(&body->ast->node);
  if (tx_ && tx_->failed && !transaction)
    return SqlError(sql::state::kInFailedSqlTransaction, "current transaction is aborted, commands ignored until end of transaction block");
  auto analysed = analyse(*body);
  // Another gateway may have changed the schema.
  if (!analysed.ok() && is_stale()) analysed = analyse(*body);
  if (!analysed.ok()) return analysed.error();
  return body;
}

/// Whether the schema was another one than it is, where nobody has seen anything of it yet.
bool GatewaySession::is_stale() {
  if (tx_ && (tx_->statements > 0 || tx_->tx.schema_changed())) return false;
  const auto before = tx_ ? tx_->tx.schema_ptr() : schema_;
  auto now = gateway_.schema.refreshed();
  if (!now.ok() || (*now)->version.version == before->version.version) return false;
  if (tx_) {
    const bool implicit = tx_->implicit, read_only = tx_->read_only;
    const Access access = tx_->access;
    tx_.reset();
    if (!open_transaction(access, 0).ok()) return false;
    tx_->implicit = implicit;
    tx_->read_only = read_only;
  } else {
    schema_ = *now;
  }
  return true;
}

SqlStatus GatewaySession::analyse(StatementBody& body) {
  if (!tx_) {
    TRY_ASSIGN(schema_, gateway_.schema.current());
  }
  set_times();
  const Running guard(this);
  const ast::Statement& statement = *body.ast;
  if (is_planned(statement)) {
    TRY_ASSIGN(const auto plan, plan_of(body));
    body.parameters = plan->parameters();
    if (!plan->returns_rows()) return {};
    body.columns.emplace();
    for (const auto& column : plan->columns()) body.columns->push_back({column.name, column.type, column.table, column.attribute});
    return {};
  }
  if (const auto* show = std::get_if<ast::Show>(&statement.node)) {
    if (show->name == "all")
      body.columns = {{"name", sql::type_of(sql::Kind::kText)},
                      {"setting", sql::type_of(sql::Kind::kText)},
                      {"description", sql::type_of(sql::Kind::kText)}};
    else body.columns = one_text_column(show->name);
  } else if (std::holds_alternative<ast::Explain>(statement.node)) {
    body.columns = one_text_column("QUERY PLAN");
  } else if (const auto* execute = std::get_if<ast::Execute>(&statement.node)) {
    if (const auto named = named_.find(execute->name); named != named_.end()) body.columns = named->second->columns;
  } else if (const auto* fetch = std::get_if<ast::Fetch>(&statement.node)) {
    if (const auto cursor = cursors_.find(fetch->cursor); cursor != cursors_.end() && !fetch->move)
      body.columns = cursor->second.portal->result;
  }
  return {};
}

SqlResult<std::shared_ptr<sql::Prepared>> GatewaySession::plan_of(StatementBody& body) {
  const SchemaPtr& schema = tx_ ? tx_->tx.schema_ptr() : schema_;
  const bool holds = body.plan && body.settings == settings_number_ &&
                     (body.planned_for == schema || body.planned_for->number == schema->number) &&
                     !(tx_ && tx_->tx.schema_changed() && body.planned_for != schema);
  if (holds) return body.plan;
  sql::Catalog& catalog = tx_ ? static_cast<sql::Catalog&>(tx_->catalog) : *idle_catalog_;
  const std::vector<sql::Type>& known = body.parameters.empty() ? body.declared : body.parameters;
  TRY_ASSIGN(auto plan, sql::prepare(*body.ast, catalog, gateway_.functions, values_, known));
  TRY(check_privileges(*plan));
  if (body.columns && body.plan) {
    bool same = plan->columns().size() == body.columns->size();
    for (std::size_t i = 0; same && i < plan->columns().size(); ++i) same = plan->columns()[i].type == (*body.columns)[i].type;
    if (!same) return SqlError(sql::state::kFeatureNotSupported, "cached plan must not change result type");
  }
  body.plan = std::move(plan);
  body.planned_for = schema;
  body.settings = settings_number_;
  return body.plan;
}

sql::SqlStatus GatewaySession::check_privileges(const sql::Prepared& plan) const {
  return db::check_privileges(schema(), user_, plan.privileges());
}

/// Objects by their names.
std::string GatewaySession::text_of(const sql::Type& type, const sql::Value& value) {
  using sql::Kind;
  const bool is_object = type.kind == Kind::kRegclass || type.kind == Kind::kRegtype || type.kind == Kind::kRegproc ||
                         type.kind == Kind::kRegnamespace || type.kind == Kind::kRegrole;
  if (is_object) return regobject_text(catalog_view(), type.kind, static_cast<sql::Oid>(value.integer()));
  return sql::to_text(type, value, values_.style);
}

/// Those who met do not meet again at once.
void GatewaySession::back_off(std::uint32_t tries) {
  const int most = 500 << std::min<std::uint32_t>(tries, 6);
  std::this_thread::sleep_for(std::chrono::microseconds(std::uniform_int_distribution<int>(0, most)(random_bits())));
}

// Portals.

SqlResult<std::unique_ptr<SqlPortal>> GatewaySession::bind(const SqlStatement& statement, std::vector<ParameterValue> values,
                                                           std::vector<Format> formats) {
  const auto& body = static_cast<const GatewayStatement&>(statement).body();
  if (values.size() != body->parameters.size())
    return SqlError(sql::state::kProtocolViolation, fmt::format("bind message supplies {} parameters, but prepared statement requires {}",
                                                                values.size(), body->parameters.size()));
  auto portal = std::make_unique<GatewayPortal>();
  portal->body = body;
  portal->result = body->columns;
  const std::size_t columns = body->columns ? body->columns->size() : 0;
  if (formats.size() > 1 && formats.size() != columns)
    return SqlError(sql::state::kProtocolViolation,
                    fmt::format("bind message has {} result formats but query has {} columns", formats.size(), columns));
  set_times();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!values[i].bytes) {
      portal->values.emplace_back();
      continue;
    }
    auto value = values[i].format == Format::kBinary ? sql::from_binary(body->parameters[i], *values[i].bytes)
                                                     : sql::from_text(body->parameters[i], *values[i].bytes, values_.style);
    if (!value.ok()) return value.error();
    portal->values.push_back(std::move(*value));
  }
  portal->raw = std::move(values);
  portal->formats = std::move(formats);
  return std::unique_ptr<SqlPortal>(std::move(portal));
}

SqlResult<Executed> GatewaySession::execute(SqlPortal& given, std::uint32_t rows_most, ResultSink& sink, bool closes) {
  auto& portal = static_cast<GatewayPortal&>(given);
  if (!portal.body->ast) return Executed(Completed{""});
  canceled_ = false;
  const auto timeout = settings_.milliseconds("statement_timeout");
  deadline_ = timeout > 0 ? steady_microseconds() + timeout * 1000 : 0;
  const Running guard(this);
  for (std::uint32_t tries = 0;; ++tries) {
    const bool fresh = !portal.stream && (!tx_ || (tx_->implicit && tx_->statements == 0));
    auto executed = attempt(portal, rows_most, sink, closes, tries);
    if (executed.ok()) return executed;
    const bool conflicts = executed.error().sqlstate() == sql::state::kSerializationFailure;
    if (!fresh || tries >= gateway_.options.tries_most || (tx_ && !tx_->implicit) || canceled_) return executed;
    // Of another error the schema may be the cause, as this gateway knew it.
    if (!conflicts && (tries > 0 || !is_stale())) return executed;
    if (!sink.rewind()) return executed;
    portal.stream.reset();
    portal.done.reset();
    roll_back();
    if (conflicts) {
      TRY(gateway_.schema.refreshed());
      back_off(tries);
    }
  }
}

SqlResult<Executed> GatewaySession::attempt(GatewayPortal& portal, std::uint32_t rows_most, ResultSink& sink, bool closes,
                                            std::uint32_t tries) {
  const ast::Statement& statement = *portal.body->ast;
  if (const auto* transaction = std::get_if<ast::Transaction>(&statement.node)) return run(*transaction, sink);
  if (tx_ && tx_->failed)
    return SqlError(sql::state::kInFailedSqlTransaction, "current transaction is aborted, commands ignored until end of transaction block");
  if (portal.stream && portal.life != life_)
    return SqlError(sql::state::kInvalidCursorName, "portal does not exist: its transaction is over");
  if (!tx_) {
    TRY_ASSIGN(schema_, gateway_.schema.current());
  }
  set_times();
  // What only reads, and is alone in its transaction, needs no vote where replicas promise what it reads.
  bool only_reads = is_planned(statement) && closes && !tx_;
  if (only_reads) {
    TRY_ASSIGN(const auto plan, plan_of(*portal.body));
    only_reads = plan->reads_only();
  }
  TRY(ensure(only_reads ? Access::kRead : Access::kWrite, tries));
  values_.transaction_time = tx_->statements == 0 && tx_->implicit ? values_.statement_time : values_.transaction_time;
  DigestingSink digesting(&sink);
  auto executed = dispatch(portal, rows_most, tx_->implicit ? sink : static_cast<ResultSink&>(digesting));
  if (!executed.ok()) {
    // One of several statements of a block met a conflict: what came before it is run again, unseen.
    if (tx_ && !tx_->implicit && executed.error().sqlstate() == sql::state::kSerializationFailure && !portal.stream && replay().ok()) {
      digesting.rewind();
      executed = dispatch(portal, rows_most, digesting);
    }
    if (!executed.ok()) return executed;
  }
  if (!tx_) return executed;  // DISCARD ALL and its like
  ++tx_->statements;
  if (!tx_->implicit) {
    if (const auto* completed = std::get_if<Completed>(&*executed)) {
      digesting.mix(std::hash<std::string_view>{}(completed->tag));
      journal_.add({portal.body, portal.raw, portal.formats, digesting.digest()});
    } else {
      journal_.spoil();
    }
    return executed;
  }
  if (closes && std::holds_alternative<Completed>(*executed)) TRY(commit());
  return executed;
}

SqlResult<Executed> GatewaySession::dispatch(GatewayPortal& portal, std::uint32_t rows_most, ResultSink& sink) {
  const ast::Statement& statement = *portal.body->ast;
  const auto tag = [](std::string text) { return SqlResult<Executed>(Executed(Completed{std::move(text)})); };
  if (tx_->read_only && SchemaEditor::knows(statement))
    return SqlError(sql::state::kReadOnlySqlTransaction, "cannot change the schema in a read-only transaction");
  if (SchemaEditor::knows(statement)) {
    auto done = SchemaEditor(context(sink)).run(statement);
    if (!done.ok()) return done.error();
    return tag(std::move(*done));
  }
  return std::visit(
      [&]<class T>(const T& node) -> SqlResult<Executed> {
        if constexpr (std::same_as<T, ast::QueryPtr> || std::same_as<T, ast::Insert> || std::same_as<T, ast::Update> ||
                      std::same_as<T, ast::Delete>)
          return run_plan(portal, rows_most, sink);
        else if constexpr (std::same_as<T, ast::SetVariable>) return run(node, sink);
        else if constexpr (std::same_as<T, ast::CreateTableAs>) return run(node, statement, sink);
        else if constexpr (std::same_as<T, ast::Show> || std::same_as<T, ast::Fetch> || std::same_as<T, ast::Explain> ||
                           std::same_as<T, ast::Prepare> || std::same_as<T, ast::DeclareCursor>)
          return run(node, portal, sink);
        else if constexpr (std::same_as<T, ast::Deallocate> || std::same_as<T, ast::CloseCursor> || std::same_as<T, ast::Discard> ||
                           std::same_as<T, ast::SetConstraints>)
          return run(node);
        else if constexpr (std::same_as<T, ast::Execute>) return run(node, portal, rows_most, sink);
        else if constexpr (std::same_as<T, ast::Copy>) return run(node, statement, sink);
        else if constexpr (std::same_as<T, ast::Maintain>) return tag(node.vacuum ? "VACUUM" : "ANALYZE");
        else if constexpr (std::same_as<T, ast::Lock>) return tag("LOCK TABLE");
        else if constexpr (std::same_as<T, ast::Checkpoint>) return tag("CHECKPOINT");
        else if constexpr (std::same_as<T, ast::Listen>) return not_supported("LISTEN");
        else if constexpr (std::same_as<T, ast::Unlisten>) return tag("UNLISTEN");
        else if constexpr (std::same_as<T, ast::Notify>) return not_supported("NOTIFY");
        else if constexpr (std::same_as<T, ast::Unsupported>) return not_supported(node.what);
        else return SqlError(sql::state::kInternalError, "a statement that nobody runs");
      },
      statement.node);
}

SqlResult<Executed> GatewaySession::run_plan(GatewayPortal& portal, std::uint32_t rows_most, ResultSink& sink) {
  if (portal.done) return Executed(*portal.done);
  if (!portal.stream) {
    TRY_ASSIGN(portal.plan, plan_of(*portal.body));
    if (tx_->read_only && !portal.plan->reads_only())
      return SqlError(sql::state::kReadOnlySqlTransaction, "cannot execute a statement that writes in a read-only transaction");
    TRY_ASSIGN(portal.stream, portal.plan->execute(portal.values, tx_->rows, values_, {settings_.work_mem(), "work_mem"}));
    portal.life = life_;
  }
  for (std::uint32_t given = 0;;) {
    TRY_ASSIGN(const sql::Row* row, portal.stream->next());
    if (!row) break;
    TRY(give_row(portal, *row, sink));
    if (++given == rows_most) return Executed(Suspended{});
  }
  portal.done = Completed{portal.stream->tag()};
  portal.stream.reset();
  return Executed(*portal.done);
}

SqlStatus GatewaySession::give_row(GatewayPortal& portal, const sql::Row& row, ResultSink& sink) {
  thread_local std::vector<std::optional<std::string>> fields;
  fields.resize(row.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (row[i].is_null()) {
      fields[i].reset();
      continue;
    }
    const auto& formats = portal.formats;
    const Format format = formats.empty() ? Format::kText : formats.size() == 1 ? formats[0] : formats[i];
    const sql::Type& type = (*portal.result)[i].type;
    fields[i] = format == Format::kBinary ? sql::to_binary(type, row[i]) : text_of(type, row[i]);
  }
  return sink.row(fields);
}

}  // namespace isobar::db
