#include "local_cluster.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <thread>

#include "base/process.h"
#include "base/random.h"

namespace isobar::testing {

bool eventually(const std::function<bool()>& holds, Duration within) {
  const auto end = std::chrono::steady_clock::now() + within;
  while (!holds()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

void kill_hard(pid_t pid) {
  ASSERT_GT(pid, 1);
  ::kill(pid, SIGKILL);
}

LocalCluster::LocalCluster(int nodes, const std::string& name, double cpus, int gpus)
    : name_(name),
      cpus_(cpus),
      gpus_(gpus),
      nodes_(nodes),
      root_(fs::temp_directory_path() / ("isobar-test-" + secure_random_hex(6))),
      provider_(root_, node_program(), log_) {
  const auto created = provider_.create(order(), 20s);
  if (created.failure) ADD_FAILURE() << created.failure->error.message();
}

LocalCluster::~LocalCluster() {
  const auto ended = provider_.terminate(name_, 10s);
  if (!ended.ok()) ADD_FAILURE() << ended.error().message();
  std::error_code ignored;
  fs::remove_all(root_, ignored);
}

cloud::CreateOrder LocalCluster::order(const std::string& token) const {
  cloud::CreateOrder order{.cluster = name_, .token = token, .count = nodes_};
  order.offer = {.cloud = "local", .region = "local", .instance_type = "this-machine", .vcpus = cpus_, .memory_gib = 8, .hourly_price = 0};
  order.offer.accelerator_count = gpus_;
  if (gpus_ > 0) order.offer.accelerator = "A100";
  return order;
}

std::vector<cloud::Instance> LocalCluster::instances() const {
  Log log;
  return cloud::LocalProvider(root_, node_program(), log).list(name_).value();
}

broker::AgentClient LocalCluster::client(int rank) const {
  const auto address = "unix:" + (folder(rank) / "agent.sock").string();
  // An agent that was just restarted needs a moment.
  auto client = broker::AgentClient::connect(address, 5s);
  for (int attempt = 0; !client.ok() && attempt < 500; ++attempt) {
    std::this_thread::sleep_for(10ms);
    client = broker::AgentClient::connect(address, 5s);
  }
  return std::move(client).value();
}

broker::JobId LocalCluster::submit(const std::string& run) const { return submit(broker::JobSpec{.name = "job", .run = run}); }
broker::JobId LocalCluster::submit(const broker::JobSpec& job) const { return client().submit(job).value(); }

LocalCluster::Outcome LocalCluster::wait(broker::JobId job) const {
  Outcome outcome;
  outcome.job = client().tail_logs({.job = job}, [&](std::string_view bytes) { outcome.log += bytes; }).value();
  return outcome;
}

bool LocalCluster::reaches(broker::JobId job, broker::JobStatus status, Duration within) const {
  auto agent = client();
  return eventually([&] { return agent.job(job).value().status == status; }, within);
}

pid_t LocalCluster::first_pid(int rank) const {
  const auto text = read_file(folder(rank) / "init.lock").value();
  return std::atoi(text.c_str());
}

pid_t LocalCluster::agent_pid(int rank) const {
  for (const auto pid : descendants(first_pid(rank))) {
    const auto line = read_file(fmt::format("/proc/{}/cmdline", pid));
    if (line.ok() && line->find(std::string("agent") + '\0') != std::string::npos) return pid;
  }
  return 0;
}

}  // namespace isobar::testing
