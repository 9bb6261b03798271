#pragma once

// A database as its users have it: members' files of `isobar db init`, six replicas as processes on ports of this test's own.

#include <map>
#include <memory>

#include "cli.h"
#include "db/session.h"

namespace isobar::e2e {

class DbProcesses : public CliTest {
 protected:
  void SetUp() override {
    CliTest::SetUp();
    // Ports of this process's own, so that tests run beside one another; below those that the kernel gives to who calls.
    port_ = 20'000 + static_cast<int>(::getpid() % 1'500) * 8;
    ok({"db", "init", cluster().string(), "--port", std::to_string(port_), "--clients", "6"});
  }
  fs::path cluster() const { return folder_ / "cluster"; }
  std::string member(const std::string& name) const { return (cluster() / name).string(); }
  void start_replica(int index) {
    std::vector<std::string> command{"db", "replica", member("replica-0." + std::to_string(index))};
    command.insert(command.end(), replica_options_.begin(), replica_options_.end());
    replicas_[index] = start(command);
    if (!eventually([&] { return replicas_[index]->out_so_far().find("listens on") != std::string::npos; })) {
      replicas_[index]->signal(SIGKILL);
      FAIL() << "replica " << index << " does not start: " << replicas_[index]->wait().err;
    }
  }
  void start_replicas(int count = 6) {
    for (int i = 0; i < count; ++i) start_replica(i);
  }
  void kill_replica(int index) {
    replicas_[index]->signal(SIGKILL);
    replicas_[index]->wait();
  }
  Outcome kv(const std::string& client, const std::vector<std::string>& words) {
    std::vector<std::string> all{"db", "kv", member(client), "--timeout", "20s"};
    all.insert(all.end(), words.begin(), words.end());
    return run(all);
  }
  std::unique_ptr<db::Session> session(const std::string& client) {
    auto file = db::read_cluster(cluster() / "cluster.yaml");
    auto secret = db::read_secret(cluster() / client / "secret.yaml", *file);
    auto opened = db::Session::open(std::move(*file), std::move(*secret)).value();
    EXPECT_TRUE(opened->keep_evidence(cluster() / client / "evidence.log").ok());
    return opened;
  }

  int port_ = 0;
  std::vector<std::string> replica_options_;
  std::map<int, std::unique_ptr<Running>> replicas_;
};

}  // namespace isobar::e2e
