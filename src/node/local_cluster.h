#pragma once

/// A cluster of this machine for one test: its own root, gone when the test is over, with every process.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "base/log.h"
#include "broker/agent_client.h"
#include "cloud/local_provider.h"

namespace isobar::testing {

using namespace std::chrono_literals;

inline fs::path node_program() { return fs::path(ISOBAR_BINARY_DIR) / "bin" / "isobar-node"; }

/// Waits for a condition, bounded; whether it came true.
bool eventually(const std::function<bool()>& holds, Duration within = 10s);

/// SIGKILL to one process; a pid that would mean a group fails the test instead.
void kill_hard(pid_t pid);

class LocalCluster {
 public:
  explicit LocalCluster(int nodes = 1, const std::string& name = "test", double cpus = 4, int gpus = 0);
  ~LocalCluster();
  LocalCluster(const LocalCluster&) = delete;
  LocalCluster& operator=(const LocalCluster&) = delete;

  cloud::CreateOrder order(const std::string& token = "first") const;
  cloud::LocalProvider& provider() { return provider_; }
  std::vector<cloud::Instance> instances() const;
  const fs::path& root() const { return root_; }
  const std::string& name() const { return name_; }
  fs::path folder(int rank = 0) const { return root_ / name_ / std::to_string(rank); }
  fs::path home(int rank = 0) const { return folder(rank) / "home"; }

  /// A fresh conversation with the head (or another node).
  broker::AgentClient client(int rank = 0) const;

  broker::JobId submit(const std::string& run) const;
  broker::JobId submit(const broker::JobSpec& job) const;
  /// Follows the job to its end.
  struct Outcome {
    broker::JobRecord job;
    std::string log;
  };
  Outcome wait(broker::JobId job) const;
  Outcome run(const std::string& script) const { return wait(submit(script)); }
  bool reaches(broker::JobId job, broker::JobStatus status, Duration within = 10s) const;

  /// The pid (as this test sees it) of the agent, or of the instance's first process.
  pid_t agent_pid(int rank = 0) const;
  pid_t first_pid(int rank = 0) const;

 private:
  std::string name_;
  double cpus_;
  int gpus_, nodes_;
  fs::path root_;
  Log log_;
  cloud::LocalProvider provider_;
};

}  // namespace isobar::testing
