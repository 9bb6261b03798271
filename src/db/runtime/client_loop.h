#pragma once

// A client's core on a loop of its own, with connections to all replicas. What the core finds out is told on the loop's thread.

#include <functional>
#include <memory>
#include <set>
#include <thread>

#include "awaited.h"
#include "db/client.h"
#include "db/cluster_file.h"
#include "db/ed25519_scheme.h"
#include "db/evidence_file.h"
#include "dialer.h"
#include "signing_pace.h"

namespace isobar::db {

/// What a liar does behind its core, in tests of the others. As it is here: nothing.
struct ClientLies {
  /// What goes out in place of what the core says.
  std::function<std::vector<Committer::Send>(Committer::Send honest)> instead_of = nullptr;
  /// Sees all that comes, and may say something to it.
  std::function<std::vector<Committer::Send>(const ReplicaId& from, const Message& message)> heard = nullptr;
  Duration clock_ahead{};  ///< of what it has for the time of day
};

class ClientLoop {
 public:
  using Told = std::function<void(const ClientEvent& event)>;

  /// secret  of a client. told  on the loop's thread, may use the core again
  static Result<std::unique_ptr<ClientLoop>> start(ClusterFile cluster, Secret secret, Told told, ClientLies lies = {});
  ~ClientLoop();

  /// On the loop's thread, after what was posted before. What the core then has to send goes out.
  void post(std::function<void()> work);
  /// The same, and waits for it. Not from the loop's thread.
  void run(const std::function<void()>& work);
  void after(Duration pause, std::function<void()> work);
  /// Before anything is run: where contradictions are kept that the client comes across.
  void keep_evidence(EvidenceFile file) { evidence_ = std::move(file); }

  // Of the loop's thread.
  Client& core() { return *core_; }
  Now now() const { return {clock_.now() + lies_.clock_ahead, Instant::from_unix_nanos(loop_->now().count())}; }
  /// Asks every replica; the answers come to `told_status`, until it is set anew.
  void ask_status(std::function<void(const ReplicaId& from, const StatusReply& reply)> told_status);
  /// Replicas that are not connected, with why.
  std::vector<std::string> unreachable() const;

 private:
  ClientLoop(ClusterFile cluster, Secret secret, Told told, ClientLies lies);
  Status begin();
  void arrived(const ReplicaId& from, const Message& message);
  void say(Committer::Send send);
  void hand_in();
  void flush();
  void schedule_tick();

  ClusterFile cluster_;
  Secret secret_;
  Told told_;
  ClientLies lies_;
  std::function<void(const ReplicaId& from, const StatusReply& reply)> told_status_;
  Ed25519Scheme scheme_;
  Ed25519Signer signer_;
  SystemClock clock_;
  std::unique_ptr<net::Loop> loop_;
  std::shared_ptr<net::Acquaintances> acquaintances_;
  std::unique_ptr<Client> core_;
  std::map<ReplicaId, std::shared_ptr<Dialer>> replicas_;
  std::optional<EvidenceFile> evidence_;
  std::optional<Instant> tick_at_;
  SigningPace pace_;
  bool flush_is_due_ = false, handing_in_is_put_off_ = false;
  std::thread thread_;
};

}  // namespace isobar::db
