#pragma once

/// The files of a database's members: one that all of them share, and one secret for each. `isobar db init` makes them; an organisation
/// keeps the secrets of its own replicas and clients, and nobody else's.

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "crypto/ed25519.h"
#include "db/membership.h"
#include "db/messages.h"
#include "db/signatures.h"
#include "net/key_exchange.h"

namespace isobar::db {

/// Whose, and where: {"operator": "acme", "cloud": "aws"}, any kinds. Replicas that name the same domain of a kind fail together. For
/// people and `db planner`; the protocol does not look at them.
using Domains = std::map<std::string, std::string>;

/// One participant: by which keys its statements and its connections are known.
struct Member {
  std::string name;        ///< "replica 0.3", "client 7": also what connections know it by
  std::string host;        ///< of a replica
  std::uint16_t port = 0;  ///< of a replica
  PublicKey key{};
  std::string fingerprint;  ///< of its certificate, 32 raw bytes
  Domains domains;          ///< of a replica: those that it fails with
};

std::string member_name(const Peer& peer);

/// cluster.yaml.
struct ClusterFile {
  Membership membership;
  std::map<Peer, Member> members;

  const Member& member(const Peer& peer) const { return members.at(peer); }
  /// By the name that its connection gives. None: nobody of this cluster.
  std::optional<Peer> named(const std::string& name) const;
  std::map<std::string, std::string> fingerprints() const;
};

/// secret.yaml of one member. Its file is readable by its owner alone.
struct Secret {
  Peer self;
  crypto::Ed25519Key key;
  net::Identity identity;
};

struct PlannedReplica {
  std::string host;
  std::uint16_t port = 0;
  Domains domains;
};

/// Where replicas stand, shard by shard: what `init` is asked for.
struct ClusterPlan {
  std::uint32_t f = 1;
  std::vector<std::vector<PlannedReplica>> shards;
  std::uint32_t clients = 1;
};

/// f: 1, shards: [[host:port, … 5f+1 of them], …], clients: N. A replica may also be a map that names its domains:
/// {at: host:port, cloud: aws, operator: acme}
/// Errors   kInvalidArgument, with place and mend
Result<ClusterPlan> read_plan(const fs::path& file);

/// Makes everybody's keys, and writes cluster.yaml, replica-S.I/ and client-N/ below `folder`.
/// Errors   kAlreadyExists: there is a cluster already; nothing is overwritten
Result<ClusterFile> make_cluster(const ClusterPlan& plan, const fs::path& folder);

/// Errors   kNotFound; kInvalidArgument, with file, line and what is wrong
Result<ClusterFile> read_cluster(const fs::path& file);
Result<Secret> read_secret(const fs::path& file, const ClusterFile& cluster);

}  // namespace isobar::db
