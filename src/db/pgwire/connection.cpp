#include "connection.h"

#include <fmt/format.h>

namespace isobar::db {

namespace {

constexpr std::size_t kNamedMost = 10'000;  // statements and portals of one connection

SqlError malformed(std::string_view what) { return {sql::state::kProtocolViolation, fmt::format("malformed {} message", what)}; }

SqlError too_many(std::string_view what) { return {sql::state::kProgramLimitExceeded, fmt::format("too many {} are open", what)}; }

}  // namespace

void serve_connection(ByteStream& stream, SqlServer& server, CancelKeys& keys, const std::string& peer_address,
                      const ConnectionLimits& limits) {
  Connection(stream, server, keys, peer_address, limits).serve();
}

Connection::~Connection() {
  portals_.clear();
  statements_.clear();
  if (session_) keys_.remove(key_);
}

void Connection::serve() {
  if (!start()) return;
  while (!gone_ && serve_one()) {}
}

void Connection::report(const SqlError& error) {
  session_->failed();
  append_error(channel_.out, error, "ERROR");
}

void Connection::ready() {
  MessageWriter(channel_.out, 'Z').number(static_cast<char>(session_->status()), 1);
  if (!channel_.flush().ok()) gone_ = true;
}

bool Connection::serve_one() {
  const auto message = channel_.next();
  if (!message.ok()) {
    if (message.error().code() == Code::kInvalidArgument) refuse({sql::state::kProtocolViolation, message.error().message()});
    return false;
  }
  const MessageReader body(message->body);
  switch (message->type) {
    case 'X': return false;
    case 'S':
      skipping_ = false;
      sync();
      return true;
    case 'Q': {
      skipping_ = false;
      MessageReader reader(body);
      std::string text = reader.text();
      if (!reader.finished()) return refuse(malformed("query"));
      simple_query(std::move(text));
      return true;
    }
    case 'P':
    case 'B':
    case 'D':
    case 'E':
    case 'C': {
      if (skipping_) return true;
      if (const auto done = extended(message->type, body); !done.ok()) {
        report(done.error());
        skipping_ = true;
      }
      return !sink_.client_is_gone();
    }
    case 'H': gone_ = !channel_.flush().ok(); return true;
    // What is left of a COPY that has ended with an error.
    case 'd':
    case 'c':
    case 'f': return true;
    case 'F': return refuse({sql::state::kFeatureNotSupported, "function calls of the protocol are not supported"});
    default:
      return refuse({sql::state::kProtocolViolation, fmt::format("invalid frontend message type {}", static_cast<int>(message->type))});
  }
}

void Connection::sync() {
  sink_.begin();
  if (const auto synced = session_->sync(sink_); !synced.ok()) report(synced.error());
  if (session_->status() == TransactionStatus::kIdle) portals_.clear();
  ready();
}

void Connection::complete(const Completed& completed) {
  if (sink_.copies()) append_simple(channel_.out, 'c');
  if (completed.tag.empty()) append_simple(channel_.out, 'I');
  else MessageWriter(channel_.out, 'C').text(completed.tag);
}

// The simple protocol: a text, and all that comes of it.

void Connection::simple_query(std::string text) {
  portals_.erase("");
  statements_.erase("");
  sink_.begin();
  const std::size_t before = channel_.out.size();
  const bool was_idle = session_->status() == TransactionStatus::kIdle;
  auto done = run_script(text);
  // One statement that nobody has seen anything of is looked at again.
  if (!done.ok() && changes_its_columns(done.error()) && was_idle && statements_run_ == 1 && !sink_.has_sent()) {
    session_->failed();
    channel_.out.resize(before);
    done = run_script(std::move(text));
  }
  if (!done.ok()) {
    report(done.error());
  } else if (const auto synced = session_->sync(sink_); !synced.ok()) {
    report(synced.error());
  }
  if (session_->status() == TransactionStatus::kIdle) portals_.clear();
  if (sink_.client_is_gone()) gone_ = true;
  else ready();
}

SqlStatus Connection::run_script(std::string text) {
  TRY_ASSIGN(const auto script, session_->script(std::move(text)));
  statements_run_ = 0;
  for (;;) {
    TRY_ASSIGN(auto statement, script->next());
    if (!statement) break;
    ++statements_run_;
    TRY(run_statement(*statement, script->is_last()));
  }
  if (statements_run_ == 0) append_simple(channel_.out, 'I');
  return {};
}

SqlStatus Connection::run_statement(SqlStatement& statement, bool closes) {
  TRY_ASSIGN(const auto portal, session_->bind(statement, {}, {}));
  if (portal->columns()) append_row_description(channel_.out, *portal->columns(), {});
  sink_.begin();
  TRY_ASSIGN(const auto executed, session_->execute(*portal, 0, sink_, closes));
  if (const auto* wanted = std::get_if<WantsCopyData>(&executed)) {
    TRY_ASSIGN(const auto completed, copy_in(*wanted, closes));
    complete(completed);
  } else if (const auto* completed = std::get_if<Completed>(&executed)) {
    complete(*completed);
  }
  return {};
}

SqlResult<Completed> Connection::copy_in(const WantsCopyData& wanted, bool closes) {
  {
    MessageWriter message(channel_.out, 'G');
    message.number(static_cast<int>(wanted.format), 1).number(static_cast<std::int64_t>(wanted.columns), 2);
    for (std::size_t i = 0; i < wanted.columns; ++i) message.number(static_cast<int>(wanted.format), 2);
  }
  const SqlError lost(sql::state::kConnectionFailure, "the client left in the middle of COPY");
  if (!channel_.flush().ok()) return gone_ = true, lost;
  for (;;) {
    const auto message = channel_.next();
    if (!message.ok()) return gone_ = true, lost;
    switch (message->type) {
      case 'd': TRY(session_->copy_data(message->body, sink_)); break;
      case 'c': return session_->copy_done(sink_, closes);
      case 'f': {
        MessageReader reader(message->body);
        return session_->copy_failed(reader.text());
      }
      case 'H':
      case 'S': break;  // of clients that flush in between
      default:
        return SqlError(sql::state::kProtocolViolation,
                        fmt::format("unexpected message type 0x{:02X} during COPY from stdin", static_cast<unsigned>(message->type)));
    }
  }
}

// The extended protocol.

SqlStatus Connection::extended(char type, MessageReader body) {
  switch (type) {
    case 'P': return parse(body);
    case 'B': return bind(body);
    case 'D': return describe(body);
    case 'E': return execute(body);
    default: return close(body);
  }
}

SqlStatus Connection::parse(MessageReader& body) {
  const std::string name = body.text();
  std::string text = body.text();
  std::vector<sql::Oid> types;
  for (std::int32_t left = body.number(2); body.good() && left > 0; --left) types.push_back(static_cast<sql::Oid>(body.number(4)));
  if (!body.finished()) return malformed("Parse");
  if (!name.empty() && statements_.contains(name))
    return SqlError(sql::state::kDuplicatePreparedStatement, fmt::format("prepared statement \"{}\" already exists", name));
  if (statements_.size() >= kNamedMost) return too_many("prepared statements");
  TRY_ASSIGN(auto statement, session_->prepare(std::move(text), types));
  statements_[name] = std::move(statement);
  append_simple(channel_.out, '1');
  return {};
}

SqlStatus Connection::bind(MessageReader& body) {
  const std::string portal = body.text(), name = body.text();
  std::vector<Format> parameter_formats, formats;
  const auto read_formats = [&](std::vector<Format>& into) {
    for (std::int32_t left = body.number(2); body.good() && left > 0; --left)
      into.push_back(body.number(2) == 1 ? Format::kBinary : Format::kText);
  };
  read_formats(parameter_formats);
  std::vector<ParameterValue> values;
  for (std::int32_t left = body.number(2), i = 0; body.good() && i < left; ++i) {
    ParameterValue value;
    const std::int32_t size = body.number(4);
    if (size >= 0) value.bytes = std::string(body.bytes(static_cast<std::size_t>(size)));
    const auto place = static_cast<std::size_t>(i);
    if (parameter_formats.size() == 1) value.format = parameter_formats[0];
    else if (place < parameter_formats.size()) value.format = parameter_formats[place];
    values.push_back(std::move(value));
  }
  read_formats(formats);
  if (!body.finished()) return malformed("Bind");
  const auto statement = statements_.find(name);
  if (statement == statements_.end())
    return SqlError(sql::state::kInvalidSqlStatementName, name.empty() ? "unnamed prepared statement does not exist"
                                                                       : fmt::format("prepared statement \"{}\" does not exist", name));
  if (!portal.empty() && portals_.contains(portal))
    return SqlError(sql::state::kDuplicateCursor, fmt::format("cursor \"{}\" already exists", portal));
  if (portals_.size() >= kNamedMost) return too_many("portals");
  portals_.erase(portal);
  TRY_ASSIGN(auto bound, session_->bind(*statement->second, std::move(values), formats));
  portals_[portal] = {std::move(bound), std::move(formats), statement->second};
  append_simple(channel_.out, '2');
  return {};
}

SqlStatus Connection::describe(MessageReader& body) {
  const std::string_view what = body.bytes(1);
  const std::string name = body.text();
  if (!body.finished() || (what != "S" && what != "P")) return malformed("Describe");
  const std::optional<std::vector<ResultColumn>>* columns = nullptr;
  std::vector<Format> formats;
  if (what == "S") {
    const auto statement = statements_.find(name);
    if (statement == statements_.end())
      return SqlError(sql::state::kInvalidSqlStatementName, fmt::format("prepared statement \"{}\" does not exist", name));
    const auto& parameters = statement->second->parameters();
    MessageWriter message(channel_.out, 't');
    message.number(static_cast<std::int64_t>(parameters.size()), 2);
    for (const auto& type : parameters) message.number(sql::oid_of(type), 4);
    columns = &statement->second->columns();
  } else {
    const auto portal = portals_.find(name);
    if (portal == portals_.end()) return SqlError(sql::state::kInvalidCursorName, fmt::format("portal \"{}\" does not exist", name));
    columns = &portal->second.portal->columns();
    formats = portal->second.formats;
  }
  if (*columns) append_row_description(channel_.out, **columns, formats);
  else append_simple(channel_.out, 'n');
  return {};
}

SqlStatus Connection::execute(MessageReader& body) {
  const std::string name = body.text();
  const std::int32_t rows_most = body.number(4);
  if (!body.finished()) return malformed("Execute");
  const auto portal = portals_.find(name);
  if (portal == portals_.end()) return SqlError(sql::state::kInvalidCursorName, fmt::format("portal \"{}\" does not exist", name));
  sink_.begin();
  // Most clients send Sync along: then the transaction's end belongs to this statement, and so does its failure.
  const bool closes = channel_.peek() == 'S';
  TRY_ASSIGN(const auto executed,
             session_->execute(*portal->second.portal, rows_most < 0 ? 0 : static_cast<std::uint32_t>(rows_most), sink_, closes));
  if (std::holds_alternative<Suspended>(executed)) {
    append_simple(channel_.out, 's');
  } else if (const auto* wanted = std::get_if<WantsCopyData>(&executed)) {
    TRY_ASSIGN(const auto completed, copy_in(*wanted, false));
    complete(completed);
  } else {
    complete(std::get<Completed>(executed));
  }
  return {};
}

SqlStatus Connection::close(MessageReader& body) {
  const std::string_view what = body.bytes(1);
  const std::string name = body.text();
  if (!body.finished() || (what != "S" && what != "P")) return malformed("Close");
  if (what == "S") statements_.erase(name);
  else portals_.erase(name);
  append_simple(channel_.out, '3');
  return {};
}

}  // namespace isobar::db
