#pragma once

/// Rank 0 of a gang: takes the members in, and hands what `rsh` asks for to the one that is meant.

#include <condition_variable>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "base/file.h"
#include "broker/agent_channel.h"
#include "broker/secure_relay.h"
#include "gang_place.h"

namespace isobar::broker {

class GangHead {
 public:
  /// Listens, for this machine in `folder` and for the others at the first port that is free.
  static Result<std::unique_ptr<GangHead>> start(const GangPlace& place, const std::string& host, const fs::path& folder);
  /// Ends what is still asked for, and lets the members go.
  ~GangHead();

  /// Waits until all ranks are here; their names, in rank order.
  std::vector<std::string> await_members();
  /// A member was lost; asked while the command runs.
  std::optional<int> lost() const;
  const std::vector<GangMember>& members() const { return members_; }
  std::string socket() const { return address_; }

 private:
  /// A conversation, of which one thread receives and any may send.
  struct Peer {
    explicit Peer(Channel given) : channel(std::move(given)) {}
    Status send(const GangMessage& message);
    Channel channel;
    std::mutex sending;
  };

  GangHead(const GangPlace& place, const std::string& host, std::string address);
  void accept(const std::stop_token& stop);
  void converse(Fd socket, const std::stop_token& stop);
  void serve_member(const std::shared_ptr<Peer>& peer, const GangMember& member, const std::stop_token& stop);
  void serve_rsh(const std::shared_ptr<Peer>& peer, const std::string& payload, const std::stop_token& stop);
  void pass_back(const GangMessage& message);
  void lose(int rank);

  const GangPlace place_;
  const std::string address_;
  Fd listener_;
  std::unique_ptr<RelayServer> relay_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<GangMember> members_;             // by rank
  std::vector<std::string> names_;              // by rank, once all are here
  std::map<int, std::shared_ptr<Peer>> peers_;  // by rank
  std::optional<int> lost_;
  struct Asked {
    std::shared_ptr<Peer> rsh;
    int rank = 0;
  };
  std::map<std::uint32_t, Asked> asked_;  // by the command's number
  std::uint32_t last_command_ = 0;
  std::list<std::jthread> threads_;
  std::jthread acceptor_;
};

}  // namespace isobar::broker
