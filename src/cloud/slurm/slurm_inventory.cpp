#include "slurm_inventory.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/text.h"
#include "hostlist.h"

namespace isobar::cloud {

namespace {

/// Words of a node's state, "IDLE+CLOUD+NOT_RESPONDING"; the star of older releases is a word of its own.
std::vector<std::string_view> state_words(std::string_view state) {
  std::vector<std::string_view> words;
  for (std::string_view word : split(state, '+')) {
    // "*": does not respond. The other marks ("~" asleep, "#" waking up, "%" going to sleep, "$" in maintenance, "@" and "^" reboots)
    // come from sinfo, which says no more than these words.
    while (!word.empty() && std::string_view("*~#%$@^!-").find(word.back()) != std::string_view::npos) {
      words.push_back(word.substr(word.size() - 1));
      word.remove_suffix(1);
    }
    words.push_back(word);
  }
  return words;
}

template <std::size_t N>
bool has_any(std::string_view state, const std::array<std::string_view, N>& unwanted) {
  const auto words = state_words(state);
  return std::find_first_of(words.begin(), words.end(), unwanted.begin(), unwanted.end()) != words.end();
}

std::string first_line(std::string_view text) { return std::string(text.substr(0, text.find('\n'))); }

int small(std::uint64_t number) { return static_cast<int>(std::min<std::uint64_t>(number, 1 << 20)); }

std::string unless_all(std::string_view text) { return text == "ALL" ? std::string() : std::string(text); }

SlurmNode node_of(const SlurmRecord& record) {
  SlurmNode node;
  node.name = record.get("NodeName");
  node.address = record.has("NodeAddr") ? std::string(record.get("NodeAddr")) : node.name;
  node.state = record.get("State");
  node.reason = first_line(record.get("Reason"));
  // CPUEfctv, since 22.05, leaves out the processors that are set aside for the system.
  node.cpus = small(record.number(record.has("CPUEfctv") ? "CPUEfctv" : "CPUTot"));
  node.cpus_allocated = small(record.number("CPUAlloc"));
  const std::uint64_t memory = record.number("RealMemory"), set_aside = record.number("MemSpecLimit");
  node.memory_mib = memory > set_aside ? memory - set_aside : 0;
  node.memory_mib_allocated = record.number("AllocMem");
  node.gres = parse_gres(record.get("Gres"), record.get("GresUsed"));
  node.features = record.list(record.has("ActiveFeatures") ? "ActiveFeatures" : "AvailableFeatures");
  node.partitions = record.list("Partitions");
  return node;
}

}  // namespace

bool SlurmNode::takes_jobs() const {
  static constexpr std::array<std::string_view, 21> kUnwanted{
      "*",        "$",     "@",           "^",        "!",       "DOWN",           "DRAIN",  "DRAINED", "FAIL",        "FAILING",
      "DRAINING", "MAINT", "MAINTENANCE", "RESERVED", "UNKNOWN", "NOT_RESPONDING", "FUTURE", "INVAL",   "INVALID_REG", "REBOOT_ISSUED",
      "BLOCKED"};
  return !state.empty() && !has_any(state, kUnwanted);
}

bool SlurmNode::exists() const {
  static constexpr std::array<std::string_view, 3> kUnwanted{"FUTURE", "INVAL", "INVALID_REG"};
  return !state.empty() && !has_any(state, kUnwanted);
}

const SlurmPartition* SlurmInventory::partition(std::string_view name) const {
  for (const SlurmPartition& partition : partitions)
    if (partition.name == name) return &partition;
  return nullptr;
}

const SlurmPartition* SlurmInventory::default_partition() const {
  for (const SlurmPartition& partition : partitions)
    if (partition.is_default) return &partition;
  return nullptr;
}

std::vector<const SlurmNode*> SlurmInventory::nodes_of(const SlurmPartition& partition) const {
  const std::set<std::string_view> names(partition.nodes.begin(), partition.nodes.end());
  std::vector<const SlurmNode*> found;
  for (const SlurmNode& node : nodes)
    if (names.contains(node.name)) found.push_back(&node);
  return found;
}

Result<std::string> parse_slurm_version(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split(trim(line), ' ');
    if (words.size() >= 2 && words[0].starts_with("slurm") && !words[1].empty() && words[1][0] >= '0' && words[1][0] <= '9')
      return std::string(words[1]);
  }
  return invalid(fmt::format("\"{}\" is not what sinfo --version says; a line such as \"slurm 23.11.4\" is expected",
                             first_line(trim(text)).substr(0, 200)));
}

std::vector<SlurmNode> parse_nodes(std::string_view scontrol_show_node) {
  std::vector<SlurmNode> nodes;
  for (const SlurmRecord& record : parse_records(scontrol_show_node))
    if (!record.get("NodeName").empty()) nodes.push_back(node_of(record));
  return nodes;
}

Result<std::vector<SlurmPartition>> parse_partitions(std::string_view scontrol_show_partition) {
  std::vector<SlurmPartition> partitions;
  for (const SlurmRecord& record : parse_records(scontrol_show_partition)) {
    if (record.get("PartitionName").empty()) continue;
    SlurmPartition partition;
    partition.name = record.get("PartitionName");
    partition.state = record.get("State");
    partition.is_default = record.get("Default") == "YES";
    partition.whole_nodes = record.get("OverSubscribe") == "EXCLUSIVE";
    partition.time_limit = parse_slurm_span(record.get("MaxTime"));
    partition.default_time = parse_slurm_span(record.get("DefaultTime"));
    if (record.get("MaxNodes") != "UNLIMITED" && record.has("MaxNodes")) partition.nodes_max = small(record.number("MaxNodes"));
    partition.allowed_accounts = unless_all(record.get("AllowAccounts"));
    partition.allowed_qos = unless_all(record.get("AllowQos"));
    TRY_ASSIGN(partition.nodes, expand_hostlist(record.get("Nodes")).context("partition " + partition.name));
    partitions.push_back(std::move(partition));
  }
  return partitions;
}

}  // namespace isobar::cloud
