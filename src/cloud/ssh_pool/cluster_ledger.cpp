#include "cluster_ledger.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "cloud/ssh_target_json.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

constexpr std::string_view kSuffix = ".json";

std::string to_text(const LedgerEntry& entry) {
  json::array nodes;
  for (const auto& node : entry.nodes)
    nodes.push_back(
        json::object{{"rank", node.rank}, {"target", to_json(node.target)}, {"address", node.address}, {"agent_token", node.agent_token}});
  return json::serialize(json::object{{"cluster", entry.cluster},
                                      {"token", entry.token},
                                      {"pool", entry.pool},
                                      {"user", entry.user},
                                      {"cpus", entry.share.cpus},
                                      {"memory_gib", entry.share.memory_gib},
                                      {"gpus", entry.share.gpus},
                                      {"nodes", nodes}}) +
         "\n";
}

LedgerEntry entry_of(const json::object& from) {
  const auto text = [](const json::object& object, const char* name) { return std::string(object.at(name).as_string()); };
  LedgerEntry entry{text(from, "cluster"), text(from, "token"), text(from, "pool"), text(from, "user"), {}, {}};
  entry.share = {json::value_to<double>(from.at("cpus")), json::value_to<double>(from.at("memory_gib")),
                 json::value_to<int>(from.at("gpus"))};
  for (const auto& value : from.at("nodes").as_array()) {
    const auto& node = value.as_object();
    entry.nodes.push_back(
        {json::value_to<int>(node.at("rank")), target_of(node.at("target")), text(node, "address"), text(node, "agent_token")});
  }
  return entry;
}

Result<std::optional<LedgerEntry>> read_entry(const fs::path& file) {
  const auto text = read_file(file);
  if (!text.ok() && text.error().code() == Code::kNotFound) return std::optional<LedgerEntry>();
  if (!text.ok()) return text.error();
  try {
    return std::optional(entry_of(json::parse(*text).as_object()));
  } catch (const std::exception& failure) {
    return Error(Code::kDataLoss, file.string() + " is damaged: " + failure.what());
  }
}

Status remove_file(const fs::path& file) {
  std::error_code failure;
  fs::remove(file, failure);
  return failure ? Status(errno_error("remove " + file.string(), failure.value())) : Status();
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder, absent))
    if (entry.path().extension() == kSuffix) files.push_back(entry.path());
  return files;
}

}  // namespace

Result<std::optional<LedgerEntry>> ClusterLedger::find(const std::string& cluster) const { return read_entry(file_of(cluster)); }

Status ClusterLedger::put(const LedgerEntry& entry) const {
  TRY(make_folders(folder_ / "clusters"));
  return write_file(file_of(entry.cluster), to_text(entry), Durability::kDisk, 0600);
}

Status ClusterLedger::remove(const std::string& cluster) const { return remove_file(file_of(cluster)); }

std::vector<std::string> ClusterLedger::clusters() const {
  std::vector<std::string> names;
  for (const auto& file : files_in(folder_ / "clusters")) names.push_back(file.stem());
  return names;
}

fs::path ClusterLedger::owed_file_of(const LedgerEntry& entry) const {
  const auto rank = entry.nodes.size() == 1 ? fmt::format("-{}-{}", entry.nodes[0].rank, describe(entry.nodes[0].target)) : "";
  std::string name = entry.token + rank + ".json";
  std::replace(name.begin(), name.end(), '/', '_');
  return folder_ / "owed" / name;
}

Status ClusterLedger::owe(const LedgerEntry& entry) const {
  TRY(make_folders(folder_ / "owed"));
  return write_file(owed_file_of(entry), to_text(entry), Durability::kDisk, 0600);
}

std::vector<LedgerEntry> ClusterLedger::owed() const {
  std::vector<LedgerEntry> entries;
  for (const auto& file : files_in(folder_ / "owed"))
    if (auto entry = read_entry(file); entry.ok() && *entry) entries.push_back(std::move(**entry));
  return entries;
}

Status ClusterLedger::settle(const LedgerEntry& entry) const { return remove_file(owed_file_of(entry)); }

}  // namespace isobar::cloud
