// A replica of a real cluster that lies: db_liar FOLDER SEED. It is `isobar db replica` with the simulation's layer of lies in front of
// what it sends: votes, reads, logged decisions and proposals both ways, as the seed has it. For tests of the others.

#include <cstdio>
#include <cstdlib>

#include "db/ed25519_scheme.h"
#include "db/lying_replica.h"
#include "db/replica_server.h"

using namespace isobar;

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const fs::path folder = argv[1];
  auto cluster = db::read_cluster(folder / ".." / "cluster.yaml");
  if (!cluster.ok()) return 1;
  auto secret = db::read_secret(folder / "secret.yaml", *cluster);
  if (!secret.ok()) return 1;
  Random random(std::strtoull(argv[2], nullptr, 10));
  const db::Ed25519Signer signer(secret->key);
  db::LyingReplica liar(cluster->membership.epoch, std::get<db::ReplicaId>(secret->self), signer, db::usual_lies(), random);
  Log log;
  db::ReplicaServerOptions options{folder, "127.0.0.1", db::Sync::kNone};
  options.instead_of = [&](db::Outgoing honest) { return liar.instead_of(std::move(honest)); };
  auto server = db::ReplicaServer::start(std::move(options), std::move(*cluster), std::move(*secret), log);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.error().message().c_str());
    return 1;
  }
  return (*server)->run().ok() ? 0 : 1;
}
