#pragma once

/// One node as the head's gang sees it: a place where ranks run. This node and a peer across the network answer alike.

#include <cstdint>
#include <memory>
#include <string_view>

#include "broker/agent_messages.h"

namespace isobar::broker {

/// Is told what becomes of one rank. Called from the loop, never from within a call to the host.
class RankSink {
 public:
  virtual ~RankSink() = default;
  /// May come again when a connection was lost or an agent restarted.
  virtual void started(std::int64_t pid) = 0;
  /// The rank's output, in order. false: no more, until the rank is run again or resumed.
  virtual bool output(std::uint64_t offset, std::string_view bytes) = 0;
  /// The last call: all output was delivered, and no process of the rank is left.
  virtual void ended(const RankEnd& end) = 0;
};

class RankHost {
 public:
  virtual ~RankHost() = default;
  /// Starts the rank, or adopts it if it was ever started here; delivers its output from `offset` on.
  virtual void run(const RankKey& key, const RankOrder& order, std::uint64_t offset, std::shared_ptr<RankSink> sink) = 0;
  /// Ends the rank with every process it started, within five seconds; its sink is told when they are gone.
  virtual void kill(const RankKey& key) = 0;
  /// Nobody will ask for this rank again. Its log stays.
  virtual void forget(const RankKey& key) = 0;
};

}  // namespace isobar::broker
