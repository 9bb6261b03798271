#pragma once

// A server that gives back what it is told, and a stream of bytes at hand: for the protocol's tests and its fuzz target.

#include "byte_stream.h"
#include "db/pg_connection.h"
#include "db/scram.h"
#include "wire.h"

namespace isobar::db {

class EchoStatement : public SqlStatement {
 public:
  explicit EchoStatement(std::string text) : text_(std::move(text)), columns_{{{"echo", sql::type_of(sql::Kind::kText)}}} {}
  const std::vector<sql::Type>& parameters() const override { return parameters_; }
  const std::optional<std::vector<ResultColumn>>& columns() const override { return columns_; }
  bool ends_failed_transaction() const override { return false; }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::vector<sql::Type> parameters_;
  std::optional<std::vector<ResultColumn>> columns_;
};

class EchoPortal : public SqlPortal {
 public:
  explicit EchoPortal(const EchoStatement& statement) : statement_(statement) {}
  const std::optional<std::vector<ResultColumn>>& columns() const override { return statement_.columns(); }
  const EchoStatement& statement() const { return statement_; }

 private:
  const EchoStatement& statement_;
};

/// Gives back the text of each statement; "error" is one, "copy" takes data, and a row is longer than what is buffered for "long".
class EchoSession : public SqlSession {
 public:
  class OneStatement : public Script {
   public:
    explicit OneStatement(std::string text) : text_(std::move(text)) {}
    SqlResult<std::unique_ptr<SqlStatement>> next() override {
      if (done_ || text_.empty()) return std::unique_ptr<SqlStatement>();
      done_ = true;
      return std::unique_ptr<SqlStatement>(std::make_unique<EchoStatement>(text_));
    }
    bool is_last() const override { return done_; }

   private:
    std::string text_;
    bool done_ = false;
  };
  SqlResult<std::unique_ptr<Script>> script(std::string text) override {
    return std::unique_ptr<Script>(std::make_unique<OneStatement>(std::move(text)));
  }
  SqlResult<std::unique_ptr<SqlStatement>> prepare(std::string text, std::span<const sql::Oid>) override {
    return std::unique_ptr<SqlStatement>(std::make_unique<EchoStatement>(std::move(text)));
  }
  SqlResult<std::unique_ptr<SqlPortal>> bind(const SqlStatement& statement, std::vector<ParameterValue>, std::vector<Format>) override {
    return std::unique_ptr<SqlPortal>(std::make_unique<EchoPortal>(static_cast<const EchoStatement&>(statement)));
  }
  SqlResult<Executed> execute(SqlPortal& portal, std::uint32_t, ResultSink& sink, bool closes) override {
    const std::string& text = static_cast<EchoPortal&>(portal).statement().text();
    if (text == "error") return SqlError(sql::state::kDivisionByZero, "division by zero").at(3);
    if (text == "copy") return Executed(WantsCopyData{Format::kText, 1});
    const std::vector<std::optional<std::string>> fields{text == "long" ? std::string(100'000, 'x') : text};
    TRY(sink.row(fields));
    if (text == "twice" && sink.rewind()) TRY(sink.row(fields));
    if (text == "long") took_back_what_was_sent = sink.rewind();
    return Executed(Completed{closes ? "CLOSES" : "GOES ON"});
  }
  SqlStatus copy_data(std::string_view bytes, ResultSink&) override {
    copied += bytes;
    return {};
  }
  SqlResult<Completed> copy_done(ResultSink&, bool) override { return Completed{"COPY " + copied}; }
  SqlError copy_failed(std::string_view reason) override { return {sql::state::kQueryCanceled, std::string(reason)}; }
  void failed() override {}
  SqlStatus sync(ResultSink&) override { return {}; }
  TransactionStatus status() const override { return TransactionStatus::kIdle; }
  void cancel() override {}
  std::vector<std::pair<std::string, std::string>> announced_settings() const override { return {{"server_version", "15"}}; }
  std::string copied;
  static inline bool took_back_what_was_sent = false;
};

class EchoServer : public SqlServer {
 public:
  SqlResult<Admission> admit(const Startup& startup) override {
    if (startup.user == "nobody") return SqlError(sql::state::kInvalidAuthorizationSpecification, "no such role");
    return Admission{password};
  }
  SqlResult<std::unique_ptr<SqlSession>> open(const Startup&) override {
    return std::unique_ptr<SqlSession>(std::make_unique<EchoSession>());
  }
  std::optional<ScramVerifier> password;
};

class NoKeys : public CancelKeys {
 public:
  Key add(SqlSession&) override { return {7, 8}; }
  void remove(const Key&) override {}
  void cancel(const Key& key) override { canceled = key.process * 100 + key.secret; }
  int canceled = 0;
};

class Bytes : public ByteStream {
 public:
  explicit Bytes(std::string in, std::size_t piece = 7) : in_(std::move(in)), piece_(piece) {}
  Result<std::size_t> read(char* into, std::size_t most) override {
    const std::size_t count = in_.copy(into, std::min(most, piece_), at_);
    at_ += count;
    return count;
  }
  Status write(std::string_view bytes) override {
    out += bytes;
    return {};
  }
  bool can_encrypt() const override { return false; }
  Status encrypt() override { return invalid("there is no TLS here"); }
  void set_patience(int) override {}
  std::string out;

 private:
  std::string in_;
  std::size_t at_ = 0, piece_;
};

}  // namespace isobar::db
