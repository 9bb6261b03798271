#pragma once

/// A worker as its head reaches it: one connection, made again whenever it breaks. Every rank that the head started
/// there is asked for again after a break, from the output that is missing, so a short break loses nothing. A worker
/// that stays away longer than kLostAfter is given up: its ranks are then lost, and so are their jobs.

#include <functional>
#include <map>
#include <memory>
#include <set>

#include "base/log.h"
#include "connection.h"
#include "loop.h"
#include "node_config.h"
#include "rank_host.h"

namespace isobar::broker {

class PeerLink final : public RankHost {
 public:
  static constexpr auto kLostAfter = std::chrono::seconds(8);

  using Announced = std::function<void(const NodeNotice&)>;
  /// announced   told what the worker's cloud announced for it, whenever it was asked and says something; none: it is not asked
  /// answers     told when the worker answers, and when it has not for kLostAfter
  PeerLink(Loop& loop, NodePeer peer, Log& log, Announced announced = {}, std::function<void(bool)> answers = {});

  void run(const RankKey& key, const RankOrder& order, std::uint64_t offset, std::shared_ptr<RankSink> sink) override;
  void kill(const RankKey& key) override;
  void forget(const RankKey& key) override;

  bool connected() const { return greeted_; }
  /// Asks the worker to end; nothing follows when it cannot be reached.
  void shut_down(PowerOff how);

 private:
  struct Rank {
    RankOrder order;
    std::uint64_t offset = 0;
    std::shared_ptr<RankSink> sink;
    bool kill_wanted = false;
    std::uint64_t request = 0;  // the id under which its events arrive
  };

  void connect();
  void on_frame(const std::string& frame);
  void on_rank_event(const RankKey& key, const Reply& event);
  void on_break(const std::string& why);
  void greet();
  void ask(const RankKey& key, Rank& rank);
  void ask_for_notices();
  std::uint64_t send(Request request);
  void give_up();

  Loop& loop_;
  NodePeer peer_;
  Log& log_;
  std::unique_ptr<Connection> connection_;
  bool greeted_ = false;
  Duration backoff_{};
  Announced announced_;
  std::function<void(bool)> answers_;
  Loop::Timer retry_, lost_, notices_;
  std::uint64_t last_request_ = 0;
  std::map<RankKey, Rank> ranks_;
  std::map<std::uint64_t, RankKey> keys_by_request_;
  std::set<RankKey> to_forget_;  // while the worker cannot be reached
};

}  // namespace isobar::broker
