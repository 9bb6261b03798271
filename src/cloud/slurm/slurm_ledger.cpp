#include "slurm_ledger.h"

#include <boost/json.hpp>

namespace isobar::cloud {

namespace json = boost::json;

namespace {

SlurmEntry entry_of(const json::object& from) {
  const auto text = [&](const char* name) { return std::string(from.at(name).as_string()); };
  SlurmEntry entry{text("cluster"), text("token"), text("region"), text("partition"), text("job"), text("ended"), {}};
  entry.agent_tokens = json::value_to<std::vector<std::string>>(from.at("agent_tokens"));
  return entry;
}

}  // namespace

Result<std::optional<SlurmEntry>> SlurmLedger::find(const std::string& cluster) const {
  const auto text = read_file(file_of(cluster));
  if (!text.ok() && text.error().code() == Code::kNotFound) return std::optional<SlurmEntry>();
  if (!text.ok()) return text.error();
  try {
    return std::optional(entry_of(json::parse(*text).as_object()));
  } catch (const std::exception& failure) {
    return Error(Code::kDataLoss, file_of(cluster).string() + " is damaged: " + failure.what());
  }
}

Status SlurmLedger::put(const SlurmEntry& entry) const {
  TRY(make_folders(folder_ / "clusters"));
  TRY(make_folders(folder_ / "used"));
  TRY(write_file(folder_ / "used" / entry.region, ""));
  const json::object object{{"cluster", entry.cluster},
                            {"token", entry.token},
                            {"region", entry.region},
                            {"partition", entry.partition},
                            {"job", entry.job},
                            {"ended", entry.ended},
                            {"agent_tokens", json::value_from(entry.agent_tokens)}};
  return write_file(file_of(entry.cluster), json::serialize(object) + "\n", Durability::kDisk, 0600);
}

Status SlurmLedger::remove(const std::string& cluster) const {
  std::error_code failure;
  fs::remove(file_of(cluster), failure);
  return failure ? Status(errno_error("remove " + file_of(cluster).string(), failure.value())) : Status();
}

std::vector<std::string> SlurmLedger::clusters() const {
  std::vector<std::string> names;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder_ / "clusters", absent))
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem());
  return names;
}

std::vector<std::string> SlurmLedger::used() const {
  std::vector<std::string> names;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder_ / "used", absent)) names.push_back(entry.path().filename());
  return names;
}

}  // namespace isobar::cloud
