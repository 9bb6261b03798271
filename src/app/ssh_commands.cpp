// ssh up, status, down: pools of machines that the user has.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <boost/json.hpp>

#include "base/bytes.h"
#include "base/text_table.h"
#include "command.h"

namespace isobar::app {

namespace {

namespace json = boost::json;

struct PoolOptions {
  std::vector<std::string> pools;
  bool accept_new_host_keys = false;
  std::string output;
};

std::string amounts(const cloud::HostShare& share) { return fmt::format("{:g} / {:.4g} / {}", share.cpus, share.memory_gib, share.gpus); }

void print_hosts(Context& context, const std::vector<cloud::PoolHostStatus>& hosts, const std::string& output) {
  if (output == "json") {
    json::array array;
    for (const auto& host : hosts) {
      json::object object{{"pool", host.pool}, {"host", host.host}, {"up", host.report.has_value()}, {"problem", host.problem}};
      if (host.report) {
        object["cpus"] = host.report->whole.cpus;
        object["memory_gib"] = host.report->whole.memory_gib;
        object["accelerator"] = host.report->accelerator;
        object["gpus"] = host.report->whole.gpus;
        object["free"] =
            json::object{{"cpus", host.report->free.cpus}, {"memory_gib", host.report->free.memory_gib}, {"gpus", host.report->free.gpus}};
        object["address"] = host.report->address;
        json::array nodes;
        for (const auto& node : host.report->instances)
          nodes.push_back(json::object{{"cluster", node.cluster}, {"rank", node.rank}, {"state", cloud::name_of(node.state)}});
        object["nodes"] = std::move(nodes);
      }
      array.push_back(std::move(object));
    }
    context.console().print(json::serialize(array) + "\n");
    return;
  }
  TextTable table({"POOL", "HOST", "STATUS", "GPU", "CPU/GiB/GPU", "FREE", "NODES", "DISK FREE"});
  for (const auto& host : hosts) {
    if (!host.report) {
      table.add({host.pool, host.host, "DOWN", "-", "-", "-", "-", "-"});
      continue;
    }
    std::string nodes;
    for (const auto& node : host.report->instances) nodes += fmt::format("{}{}/{}", nodes.empty() ? "" : ", ", node.cluster, node.rank);
    table.add({host.pool, host.host, "UP", host.report->accelerator.empty() ? "-" : host.report->accelerator, amounts(host.report->whole),
               amounts(host.report->free), nodes.empty() ? "-" : nodes, format_bytes({host.report->disk_free_bytes})});
  }
  context.console().print(table.render());
  for (const auto& host : hosts)
    if (!host.report) context.console().say(host.problem);
}

using PoolCall = Result<std::vector<cloud::PoolHostStatus>> (cloud::SshPoolProvider::*)(const std::string&);

/// Does one thing to the pools named, or to all.
Result<std::vector<cloud::PoolHostStatus>> for_pools(Context& context, const PoolOptions& options, PoolCall call) {
  if (options.accept_new_host_keys) context.accept_new_host_keys();
  auto names = options.pools;
  auto& provider = context.ssh_pools();
  if (names.empty()) {
    auto all = provider.pools();
    if (!all.ok() && all.error().code() == Code::kNotFound)
      return not_found(fmt::format(
          "no machines are listed yet. Write {}:\n\n  lab:\n    user: {}\n    hosts:\n      - 10.0.0.7\n      - gpu1    # a name "
          "of ~/.ssh/config\n\nand run `isobar ssh up` again",
          (context.home() / "ssh_node_pools.yaml").string(), context.user()));
    TRY_ASSIGN(names, std::move(all));
  }
  std::vector<cloud::PoolHostStatus> hosts;
  for (const auto& name : names) {
    TRY_ASSIGN(auto some, (provider.*call)(name));
    for (auto& host : some) hosts.push_back(std::move(host));
  }
  return hosts;
}

int run(Context& context, const PoolOptions& options, PoolCall call, const std::string& done) {
  const Instant before = context.clock().now();
  const auto hosts = for_pools(context, options, call);
  if (!hosts.ok()) return context.console().fail(hosts.error());
  print_hosts(context, *hosts, options.output);
  std::size_t up = 0;
  for (const auto& host : *hosts) up += host.report ? 1 : 0;
  if (!done.empty())
    context.console().say(fmt::format("{} of {} hosts {} ({}).", up, hosts->size(), done, format_duration(context.clock().now() - before)));
  return up == hosts->size() ? kOk : kFailed;
}

}  // namespace

void add_ssh_commands(Commands& commands) {
  CLI::App* ssh = commands.group(nullptr, "ssh", "Your own machines, as pools that tasks run on (infra: ssh/POOL).");
  const auto add = [&](const std::string& name, const std::string& description, PoolCall call, const std::string& done) {
    auto options = std::make_shared<PoolOptions>();
    CLI::App* command =
        commands.add(ssh, name, description, [options, call, done](Context& context) { return run(context, *options, call, done); });
    command->add_option("POOL", options->pools, "Only these; all when none is named.");
    command->add_option("--infra", options->pools, "The same.")->group("");
    command->add_flag("--accept-new-host-keys", options->accept_new_host_keys,
                      "Trust machines that were never seen before, as ssh's accept-new does.");
    command->add_option("-o,--output", options->output, "table or json.")->check(CLI::IsMember({"table", "json"}));
  };
  add("up", "Put isobar-node on the hosts of ssh_node_pools.yaml and see what they have.", &cloud::SshPoolProvider::bring_up, "are up");
  add("status", "Show the hosts, what is free of them, and whose nodes they carry.", &cloud::SshPoolProvider::look_at, "");
  add("down", "Take isobar away from the hosts again.", &cloud::SshPoolProvider::take_down, "are as they were");
}

}  // namespace isobar::app
