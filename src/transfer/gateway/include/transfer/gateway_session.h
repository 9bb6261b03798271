#pragma once

/// A gateway as its owner sees it: what it is told, and what it tells. The gateway is a process at the other end of two streams,
/// however it was started.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "net/key_exchange.h"
#include "storage/store.h"
#include "transfer/chunk_compression.h"
#include "transfer/program.h"

namespace isobar::transfer {

/// How a gateway reaches a store: what the owner's own options say.
struct GatewayStore {
  std::string location;  ///< "s3://bucket", a folder; empty: none
  std::string endpoint, region, profile, encryption, kms_key, acl;
  bool anonymous = false, requester_pays = false, keep_mode = false;
  int symlinks = 0;  ///< as storage::SymlinkRule counts them
};

/// Variables and files in which the owner's process finds credentials, so that gateways have the same.
struct GatewaySurroundings {
  std::map<std::string, std::string> variables, files;
  std::string home;
  /// What this process has of AWS's, Google's and Azure's. Files over 1 MiB, or that are not there, are left out.
  static GatewaySurroundings of_process();
};

struct GatewayPeer {
  std::string id, fingerprint;
  std::vector<std::string> addresses;  ///< "HOST:PORT", numeric; none: it calls, and is not called
};

struct GatewayConfiguration {
  std::string id;
  std::string programs;                     ///< of all gateways, JSON
  std::vector<std::string> target_regions;  ///< of each target
  std::string job_key;                      ///< 32 bytes; empty for relays, which need none
  net::Identity identity;
  std::vector<GatewayPeer> peers;
  std::uint64_t memory_bytes = 1ULL << 30;
  std::uint64_t chunk_bytes_most = 8 << 20;
  Compression compression = Compression::kAuto;
  std::string listen = "0.0.0.0";
  GatewayStore source;
  std::vector<GatewayStore> targets;  ///< by target; those that are written elsewhere are empty
  GatewaySurroundings surroundings;
  int store_calls_most = 256;
};

/// Where one target wants a chunk.
struct ChunkWrite {
  std::size_t target = 0;
  std::string key;
  std::optional<storage::Upload> upload;  ///< none: the chunk is the whole object
  int number = 0;                         ///< of the part
  std::uint64_t offset = 0;
  bool discard = false;  ///< verify it and write it nowhere, for measuring
};

/// What a sink says of a chunk: both forms of the store's answer, of which the one that was asked for means something.
struct ChunkReceipt {
  Result<storage::PutReceipt> put;
  Result<storage::Part> part;
};

/// What a gateway has carried since it was started.
struct GatewayTraffic {
  std::map<std::string, std::uint64_t> acknowledged_bytes;  ///< by peer, as they went over the links
  PackedTotals packed;                                      ///< of a source
};

/// All on a thread of the session's own, one after another; they must not block.
struct GatewayHooks {
  std::function<void(std::uint16_t port)> listening;
  std::function<void(std::uint64_t serial, Result<storage::Got> got, std::uint32_t crc32c)> read_done;
  std::function<void(std::uint64_t serial, std::size_t target, ChunkReceipt receipt)> verdict;
  std::function<void(std::uint64_t serial, std::uint64_t targets, Error why)> undelivered;
  std::function<void(const std::string& peer, bool up)> edge;
  std::function<void(const GatewayTraffic& traffic)> traffic;
  /// The least round trip to each peer that it has a link with, where there is somebody to tell.
  std::function<void(const std::map<std::string, Duration>& by_peer)> round_trips = nullptr;
  /// Once, the last: it has ended, or cannot be understood.
  std::function<void(Error why)> ended;
};

class GatewaySession {
 public:
  /// to, from   the gateway's standard input and output
  GatewaySession(Fd to, Fd from, GatewayHooks hooks);
  /// Ends the gateway, by ending its input.
  ~GatewaySession();

  // Safe from any thread; never wait. What is said to a gateway that has ended is lost, and `ended` tells. Orders about chunks go out
  // at the next flush, so that many small ones cost one call.
  void configure(const GatewayConfiguration& configuration);
  void read(std::uint64_t serial, const std::string& key, std::uint64_t offset, std::uint64_t bytes, const std::string& version);
  /// properties   of a whole object
  void send(std::uint64_t serial, std::uint32_t crc32c, const std::vector<ChunkWrite>& writes, const storage::Properties& properties);
  void withdraw(std::uint64_t serial);
  void flush();

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace isobar::transfer
