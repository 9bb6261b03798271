#pragma once

/// The gateways of one job: started, introduced to one another, told what to do, and started again when they die.

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "transfer/gateway_host.h"
#include "transfer/gateway_session.h"
#include "transfer/program.h"

namespace isobar::transfer {

struct FleetOptions {
  std::vector<std::string> target_regions;  ///< of each target
  GatewayStore source;
  std::vector<GatewayStore> targets;        ///< by target
  std::uint64_t memory_bytes = 1ULL << 30;  ///< of each gateway, for chunks on their way
  std::uint64_t chunk_bytes_most = 8 << 20;
  Compression compression = Compression::kAuto;  ///< made-up chunks are never packed
  int store_calls_most = 256;
  int restarts_most = 3;  ///< of each gateway
};

/// On threads of the fleet's; they must not block, nor call the fleet.
struct FleetHooks {
  std::function<void(std::uint64_t serial, Result<storage::Got> got, std::uint32_t crc32c, const std::string& gateway)> read_done;
  std::function<void(std::uint64_t serial, std::size_t target, ChunkReceipt receipt)> verdict;
  std::function<void(std::uint64_t serial, std::uint64_t targets, Error why)> undelivered;
  std::function<void(const std::string& from, const std::string& to, bool up)> edge;
  std::function<void(const std::string& gateway, const GatewayTraffic& traffic)> traffic;
  /// The least round trip from a gateway to each of its peers, where there is somebody to tell.
  std::function<void(const std::string& gateway, const std::map<std::string, Duration>& by_peer)> round_trips = nullptr;
  /// The gateway and all that it held are gone.
  std::function<void(const std::string& gateway, const Error& why)> died;
  /// It was started again, with nothing of what it held.
  std::function<void(const std::string& gateway)> restarted;
  /// It could not be started again.
  std::function<void(const std::string& gateway)> lost;
};

class GatewayFleet {
 public:
  /// Starts the gateways of the programs and waits until all listen.
  /// host     must outlive the fleet
  /// Errors   kNotFound, kUnavailable: a gateway could not be started; those that were are ended again
  static Result<std::unique_ptr<GatewayFleet>> start(GatewayHost& host, const GatewayPrograms& programs, FleetOptions options,
                                                     FleetHooks hooks);
  /// Ends all gateways.
  ~GatewayFleet();

  /// New programs, for chunks from now on. Gateways that are new are started; those that have nothing to do any more idle on.
  /// Errors   as start; what ran goes on by the old programs
  Status change(const GatewayPrograms& programs);

  /// Runs `act` with the session of a gateway; false if it does not run now.
  bool with(const std::string& gateway, const std::function<void(GatewaySession&)>& act);
  /// Gateways of the source region that run.
  std::vector<std::string> sources() const;

 private:
  struct Member;
  GatewayFleet(GatewayHost& host, FleetOptions options, FleetHooks hooks);
  Status start_members(const GatewayPrograms& programs);
  Status start_member(const std::string& id, const std::string& region);
  Status await_listening(const std::vector<std::string>& ids);
  void introduce_all();
  GatewayConfiguration configuration_of(const Member& member) const;
  GatewayHooks hooks_of(const std::string& id, std::uint64_t life);
  void mourn();
  void restart(const std::string& id, const std::string& region);

  GatewayHost& host_;
  const FleetOptions options_;
  const FleetHooks hooks_;
  const GatewaySurroundings surroundings_ = GatewaySurroundings::of_process();
  const std::string job_key_;

  // Held while gateways are started, which takes its time: by a new plan, or for one that died. Taken before mutex_.
  std::mutex starting_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  GatewayPrograms programs_;
  std::map<std::string, std::unique_ptr<Member>> members_;
  std::vector<std::pair<std::string, std::uint64_t>> dead_;  // gateway and life
  std::uint64_t lives_ = 0;
  bool closing_ = false;
  std::thread mourner_;  // takes away what died and starts it again
};

}  // namespace isobar::transfer
