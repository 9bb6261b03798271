#pragma once

/// What one connection of PostgreSQL's protocol asks of whoever runs its statements. The protocol's side knows messages, formats and the
/// state of the connection; this side knows SQL and transactions. Calls come from one thread at a time, but for `cancel`.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sql/error.h"
#include "sql/type.h"

namespace isobar::db {

using sql::SqlError;
using sql::SqlResult;
using sql::SqlStatus;

enum class Format : std::uint8_t { kText = 0, kBinary = 1 };

struct ResultColumn {
  std::string name;
  sql::Type type;
  sql::Oid table = 0;          ///< where it comes straight from a table's column
  std::int16_t attribute = 0;  ///< its number there, from 1
};

struct Notice {
  std::string severity = "NOTICE";  ///< or WARNING, INFO
  SqlError what;
};

/// Where a statement's rows go. Nothing is sent to the client before `flush_from` bytes have gathered or the statement is done: until then
/// all can be taken back, so that a statement that met a conflict can be tried again unseen.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  /// One field for each column, in the format that was asked for; none: null. Errors: the client is gone
  virtual SqlStatus row(std::span<const std::optional<std::string>> fields) = 0;
  /// COPY … TO STDOUT begins (CopyOutResponse); what was given as `copy_data` ends with the statement.
  virtual SqlStatus begin_copy(Format format, std::size_t columns) = 0;
  /// Of COPY … TO STDOUT: a line or a piece of binary data, as it goes to the client.
  virtual SqlStatus copy_data(std::string_view bytes) = 0;
  virtual void notice(Notice notice) = 0;
  /// ParameterStatus: a setting that clients are told of has another value now.
  virtual void parameter_changed(std::string_view name, std::string_view value) = 0;
  /// Takes back what this statement has produced. False: some of it was sent
  virtual bool rewind() = 0;
};

/// A statement that was parsed; it outlives changes of the schema (it is analysed again when it has to be).
class SqlStatement {
 public:
  virtual ~SqlStatement() = default;
  virtual const std::vector<sql::Type>& parameters() const = 0;
  /// None: it gives no rows.
  virtual const std::optional<std::vector<ResultColumn>>& columns() const = 0;
  /// BEGIN, COMMIT, ROLLBACK, ROLLBACK TO …: what is still listened to when the transaction has failed.
  virtual bool ends_failed_transaction() const = 0;
};

/// A statement with its parameters, under way. It ends with its transaction, unless it is held.
class SqlPortal {
 public:
  virtual ~SqlPortal() = default;
  virtual const std::optional<std::vector<ResultColumn>>& columns() const = 0;
};

/// CommandComplete: "SELECT 3", "INSERT 0 1", …; empty: the statement was empty (EmptyQueryResponse).
struct Completed {
  std::string tag;
};
/// As many rows as were asked for were given, and there may be more.
struct Suspended {};
/// COPY … FROM STDIN: the client is to send data now, which goes to `copy_data`.
struct WantsCopyData {
  Format format = Format::kText;
  std::size_t columns = 0;
};
using Executed = std::variant<Completed, Suspended, WantsCopyData>;

enum class TransactionStatus : char { kIdle = 'I', kInTransaction = 'T', kFailed = 'E' };

struct ParameterValue {
  std::optional<std::string> bytes;  ///< none: null
  Format format = Format::kText;
};

/// The schema changed while a statement was described and run: looked at again, it would have other columns.
inline bool changes_its_columns(const SqlError& error) {
  return error.sqlstate() == sql::state::kFeatureNotSupported && error.message() == "cached plan must not change result type";
}

class SqlSession {
 public:
  virtual ~SqlSession() = default;

  /// Splits a text into statements, and analyses each as far as it can be before those in front of it have run: one at a time, by
  /// `next`. Errors   42601 and others, with the position in `text`
  class Script {
   public:
    virtual ~Script() = default;
    /// None: there are no more.
    virtual SqlResult<std::unique_ptr<SqlStatement>> next() = 0;
    virtual bool is_last() const = 0;  ///< nothing comes after what `next` gave last
  };
  virtual SqlResult<std::unique_ptr<Script>> script(std::string text) = 0;
  /// For Parse: one statement at most; an empty text gives an empty statement. parameters  oid 0 or missing: to be found out
  virtual SqlResult<std::unique_ptr<SqlStatement>> prepare(std::string text, std::span<const sql::Oid> parameters) = 0;
  /// formats  of the result: none: text; one: of all columns; or one for each. `statement` outlives the portal
  virtual SqlResult<std::unique_ptr<SqlPortal>> bind(const SqlStatement& statement, std::vector<ParameterValue> values,
                                                     std::vector<Format> formats) = 0;
  /// rows_most  0: all. closes  nothing of this implicit transaction comes after it: it is committed before `Completed` is returned, and
  /// tried again, as long as the sink takes back, when it met a conflict. Within BEGIN … COMMIT it has no meaning.
  virtual SqlResult<Executed> execute(SqlPortal& portal, std::uint32_t rows_most, ResultSink& sink, bool closes) = 0;

  virtual SqlStatus copy_data(std::string_view bytes, ResultSink& sink) = 0;
  virtual SqlResult<Completed> copy_done(ResultSink& sink, bool closes) = 0;
  /// The client broke COPY off, with its reason. Returns the error to report.
  virtual SqlError copy_failed(std::string_view reason) = 0;

  /// Something failed: an implicit transaction is rolled back, one of BEGIN is marked failed.
  virtual void failed() = 0;
  /// Sync, or the end of a simple query: an implicit transaction that is still open is committed. Errors: it could not be
  virtual SqlStatus sync(ResultSink& sink) = 0;
  virtual TransactionStatus status() const = 0;

  // Statements and portals that Parse and Bind name are kept by the protocol's side; those that PREPARE and DECLARE name by this one.

  /// What runs is to end with 57014. From any thread.
  virtual void cancel() = 0;
  /// ParameterStatus at the start: server_version, client_encoding, DateStyle, …
  virtual std::vector<std::pair<std::string, std::string>> announced_settings() const = 0;
};

/// How somebody proves who he is.
struct ScramVerifier {
  std::string salt;  ///< bytes
  std::uint32_t iterations = 4096;
  std::string stored_key, server_key;  ///< 32 bytes each
};
struct Startup {
  std::string user, database;
  std::vector<std::pair<std::string, std::string>> settings;  ///< application_name, options' -c name=value, …
  bool encrypted = false;
  std::string peer_address;
};
struct Admission {
  std::optional<ScramVerifier> password;  ///< none: nobody asks him
};

/// Makes sessions. Calls come from any thread.
class SqlServer {
 public:
  virtual ~SqlServer() = default;
  /// Whether he may come in, and how he is to prove it. Who is not known gets a made-up verifier, always the same for a name, so that
  /// nobody learns which users there are. Errors   28000, 3D000
  virtual SqlResult<Admission> admit(const Startup& startup) = 0;
  /// He has proved it.
  virtual SqlResult<std::unique_ptr<SqlSession>> open(const Startup& startup) = 0;
};

}  // namespace isobar::db
