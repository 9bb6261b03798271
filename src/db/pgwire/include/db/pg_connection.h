#pragma once

/// One client's connection in PostgreSQL's protocol 3.0 (chapter 55 of its manual), over any stream of bytes. Whatever comes in, memory is
/// bounded and nothing fails but the connection.

#include <functional>
#include <memory>
#include <string>

#include "db/sql_session.h"

namespace isobar::db {

class ByteStream;

/// Sessions that can be canceled, by what clients were told at their start.
class CancelKeys {
 public:
  virtual ~CancelKeys() = default;
  struct Key {
    std::int32_t process = 0, secret = 0;
  };
  virtual Key add(SqlSession& session) = 0;
  virtual void remove(const Key& key) = 0;
  virtual void cancel(const Key& key) = 0;
};

struct ConnectionLimits {
  std::size_t message_most = std::size_t{256} << 20;  ///< bytes of one message
  std::size_t buffered_most = std::size_t{1} << 20;   ///< of results, before some are sent and can no longer be taken back
  int startup_seconds = 30;                           ///< until the client is let in
  bool tls_required = false;                          ///< who comes in the clear is sent away
};

/// Serves the client until it leaves. stream, server and keys outlive it
void serve_connection(ByteStream& stream, SqlServer& server, CancelKeys& keys, const std::string& peer_address,
                      const ConnectionLimits& limits = {});

}  // namespace isobar::db
