#pragma once

/// One connection to the agent, and the streams that it asked for.

#include <map>
#include <memory>
#include <set>

#include "broker/agent_messages.h"
#include "connection.h"

namespace isobar::broker {

struct Session;

/// An answer in many parts, written as the peer takes them.
class Stream {
 public:
  virtual ~Stream() = default;
  /// Sends while there is room. true: the stream is over
  virtual bool pump(Session& session, std::uint64_t request) = 0;
  virtual bool is_about(JobId) const { return false; }
};

struct Session {
  std::uint64_t id = 0;
  std::unique_ptr<Connection> connection;
  bool greeted = false;
  bool holds_autostop = false;                               ///< it set one with its jobs, and may still open their log
  std::map<std::uint64_t, std::unique_ptr<Stream>> streams;  ///< by request
  std::set<RankKey> ranks;                                   ///< whose output goes here

  void reply(std::uint64_t request, Reply body) { connection->send(encode(ReplyFrame{request, std::move(body)})); }
  void refuse(std::uint64_t request, const Error& error) { reply(request, Failure{error.code(), error.message()}); }
  bool room() const { return connection->room(); }
};

}  // namespace isobar::broker
