#pragma once

#include <map>

#include "byte_stream.h"
#include "db/pg_connection.h"
#include "wire.h"

namespace isobar::db {

/// Messages of one stream, both ways.
class Channel {
 public:
  Channel(ByteStream& stream, const ConnectionLimits& limits) : stream_(stream), limits_(limits) {}

  struct Message {
    char type = 0;
    std::string_view body;  // until the next one is read
  };
  /// Errors   kInvalidArgument: too long, or not a length; else the connection is gone
  Result<Message> next();
  /// One without a type, as connections begin. Errors   as of `next`
  Result<std::string_view> next_untyped();
  /// The type of the message that comes next, as far as it is there already; 0: it is not.
  char peek() const;
  std::string out;
  Status flush();
  ByteStream& stream() { return stream_; }
  /// Bytes that came ahead of TLS are not believed.
  bool has_unread() const { return at_ < in_.size(); }

 private:
  Status fill(std::size_t bytes);
  ByteStream& stream_;
  const ConnectionLimits& limits_;
  std::string in_;
  std::size_t at_ = 0;
};

/// Rows on their way to the client.
class WireSink : public ResultSink {
 public:
  WireSink(Channel& channel, std::size_t buffered_most) : channel_(channel), most_(buffered_most) {}
  /// A statement begins: from here on it can be taken back.
  void begin() { start_ = channel_.out.size(), sent_ = false, copies_ = false; }
  SqlStatus row(std::span<const std::optional<std::string>> fields) override;
  SqlStatus begin_copy(Format format, std::size_t columns) override;
  SqlStatus copy_data(std::string_view bytes) override;
  void notice(Notice notice) override { append_notice(channel_.out, notice); }
  void parameter_changed(std::string_view name, std::string_view value) override;
  bool rewind() override;
  bool has_sent() const { return sent_; }
  bool copies() const { return copies_; }
  bool client_is_gone() const { return gone_; }

 private:
  SqlStatus spill();
  Channel& channel_;
  std::size_t most_, start_ = 0;
  bool sent_ = false, copies_ = false, gone_ = false;
};

class Connection {
 public:
  Connection(ByteStream& stream, SqlServer& server, CancelKeys& keys, std::string peer_address, const ConnectionLimits& limits)
      : channel_(stream, limits), sink_(channel_, limits.buffered_most), server_(server), keys_(keys), limits_(limits) {
    startup_.peer_address = std::move(peer_address);
  }
  ~Connection();
  void serve();

 private:
  struct OpenPortal {
    std::unique_ptr<SqlPortal> portal;
    std::vector<Format> formats;
    std::shared_ptr<SqlStatement> statement;  // outlives it
  };

  // Startup (startup.cpp). Whether the client is in.
  bool start();
  bool read_startup(std::string_view message);
  bool authenticate();
  bool scram(const ScramVerifier& verifier);
  Result<std::string> answer_to(std::string_view what);
  void greet();
  bool refuse(const SqlError& error);

  bool serve_one();  // whether to go on
  void simple_query(std::string text);
  SqlStatus run_script(std::string text);
  SqlStatus run_statement(SqlStatement& statement, bool closes);
  SqlResult<Completed> copy_in(const WantsCopyData& wanted, bool closes);
  SqlStatus extended(char type, MessageReader body);
  SqlStatus parse(MessageReader& body);
  SqlStatus bind(MessageReader& body);
  SqlStatus describe(MessageReader& body);
  SqlStatus execute(MessageReader& body);
  SqlStatus close(MessageReader& body);
  void complete(const Completed& completed);
  void sync();
  void ready();
  void report(const SqlError& error);

  Channel channel_;
  WireSink sink_;
  SqlServer& server_;
  CancelKeys& keys_;
  const ConnectionLimits& limits_;
  Startup startup_;
  std::unique_ptr<SqlSession> session_;
  CancelKeys::Key key_;
  std::map<std::string, std::shared_ptr<SqlStatement>> statements_;
  std::map<std::string, OpenPortal> portals_;
  std::size_t statements_run_ = 0;  // of the last simple query
  bool skipping_ = false;           // until Sync, after an error
  bool gone_ = false;
};

}  // namespace isobar::db
