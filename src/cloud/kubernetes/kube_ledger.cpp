#include "kube_ledger.h"

#include <boost/json.hpp>

#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

std::string text_at(const json::object& from, const char* name) { return std::string(from.at(name).as_string()); }

KubeEntry entry_of(const json::object& from) {
  KubeEntry entry{text_at(from, "cluster"), text_at(from, "token"), {text_at(from, "context"), text_at(from, "namespace")}};
  entry.nodes = json::value_to<int>(from.at("nodes"));
  entry.made = from.at("made").as_bool();
  entry.agent_addresses = json::value_to<std::vector<std::string>>(from.at("agent_addresses"));
  entry.ended = text_at(from, "ended");
  // Entries of an earlier isobar know nothing of ports.
  if (const auto* at_pod = from.if_contains("ports_at_pod")) entry.ports_at_pod = at_pod->as_bool();
  return entry;
}

}  // namespace

std::string file_name_for(const std::string& text) { return crypto::to_hex(crypto::sha256(text)).substr(0, 16); }

Result<std::optional<KubeEntry>> KubeLedger::find(const std::string& cluster) const {
  const auto text = read_file(file_of(cluster));
  if (!text.ok() && text.error().code() == Code::kNotFound) return std::optional<KubeEntry>();
  if (!text.ok()) return text.error();
  try {
    return std::optional(entry_of(json::parse(*text).as_object()));
  } catch (const std::exception& failure) {
    return Error(Code::kDataLoss, file_of(cluster).string() + " is damaged: " + failure.what());
  }
}

Status KubeLedger::put(const KubeEntry& entry) const {
  TRY(make_folders(folder_ / "clusters"));
  TRY(make_folders(folder_ / "used"));
  const auto used = folder_ / "used" / (file_name_for(entry.place.context + "\n" + entry.place.name_space) + ".json");
  std::error_code absent;
  if (!fs::exists(used, absent))
    TRY(write_file(used, json::serialize(json::object{{"context", entry.place.context}, {"namespace", entry.place.name_space}}) + "\n",
                   Durability::kDisk, 0600));
  const json::object object{{"cluster", entry.cluster},
                            {"token", entry.token},
                            {"context", entry.place.context},
                            {"namespace", entry.place.name_space},
                            {"nodes", entry.nodes},
                            {"made", entry.made},
                            {"agent_addresses", json::value_from(entry.agent_addresses)},
                            {"ended", entry.ended},
                            {"ports_at_pod", entry.ports_at_pod}};
  return write_file(file_of(entry.cluster), json::serialize(object) + "\n", Durability::kDisk, 0600);
}

Status KubeLedger::remove(const std::string& cluster) const {
  std::error_code failure;
  fs::remove(file_of(cluster), failure);
  return failure ? Status(errno_error("remove " + file_of(cluster).string(), failure.value())) : Status();
}

std::vector<std::string> KubeLedger::clusters() const {
  std::vector<std::string> names;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder_ / "clusters", absent))
    if (entry.path().extension() == ".json") names.push_back(entry.path().stem());
  return names;
}

std::vector<KubePlace> KubeLedger::used() const {
  std::vector<KubePlace> places;
  std::error_code absent;
  for (const auto& entry : fs::directory_iterator(folder_ / "used", absent)) {
    const auto text = read_file(entry.path());
    if (!text.ok()) continue;
    try {
      const auto value = json::parse(*text);
      places.push_back({text_at(value.as_object(), "context"), text_at(value.as_object(), "namespace")});
    } catch (const std::exception&) {
      continue;  // what cannot be read was never whole, and nothing was made before it was
    }
  }
  return places;
}

}  // namespace isobar::cloud
