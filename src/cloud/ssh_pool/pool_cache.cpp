#include "pool_cache.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "base/text.h"
#include "cloud/ssh_target_json.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

KnownHost host_of(const json::value& value) {
  const auto& from = value.as_object();
  const auto text = [&](const char* name) { return std::string(from.at(name).as_string()); };
  KnownHost host{target_of(from.at("target"))};
  host.whole = {json::value_to<double>(from.at("cpus")), json::value_to<double>(from.at("memory_gib")),
                json::value_to<int>(from.at("gpus"))};
  host.accelerator = text("accelerator");
  host.architecture = text("architecture");
  host.hostname = text("hostname");
  host.address = text("address");
  return host;
}

}  // namespace

Result<std::optional<std::vector<KnownHost>>> PoolCache::read(const std::string& pool) const {
  const auto text = read_file(file_of(pool));
  if (!text.ok() && text.error().code() == Code::kNotFound) return std::optional<std::vector<KnownHost>>();
  if (!text.ok()) return text.error();
  try {
    std::vector<KnownHost> hosts;
    const auto list = json::parse(*text);
    for (const auto& value : list.as_array()) hosts.push_back(host_of(value));
    return std::optional(std::move(hosts));
  } catch (const std::exception& failure) {
    return Error(Code::kDataLoss,
                 fmt::format("{} is damaged ({}); `isobar ssh up {}` makes it anew", file_of(pool).string(), failure.what(), pool));
  }
}

Status PoolCache::write(const std::string& pool, const std::vector<KnownHost>& hosts) const {
  json::array list;
  for (const auto& host : hosts)
    list.push_back(json::object{{"target", to_json(host.target)},
                                {"cpus", host.whole.cpus},
                                {"memory_gib", host.whole.memory_gib},
                                {"gpus", host.whole.gpus},
                                {"accelerator", host.accelerator},
                                {"architecture", host.architecture},
                                {"hostname", host.hostname},
                                {"address", host.address}});
  TRY(make_folders(folder_));
  return write_file(file_of(pool), json::serialize(list) + "\n");
}

Status PoolCache::remove(const std::string& pool) const {
  std::error_code failure;
  fs::remove(file_of(pool), failure);
  return failure ? Status(errno_error("remove " + file_of(pool).string(), failure.value())) : Status();
}

std::string type_of(const HostShare& whole, const std::string& accelerator) {
  std::string name = fmt::format("{:g}cpu-{:g}gib", whole.cpus, std::round(whole.memory_gib));
  if (whole.gpus > 0) name += fmt::format("-{}x{}", to_lower(accelerator), whole.gpus);
  return name;
}

std::vector<Offer> offers_of(const std::string& pool, const std::vector<KnownHost>& hosts) {
  std::vector<Offer> offers;
  for (const auto& host : hosts) {
    const auto type = type_of(host.whole, host.accelerator);
    if (std::any_of(offers.begin(), offers.end(), [&](const Offer& offer) { return offer.instance_type == type; })) continue;
    Offer offer{.cloud = "ssh", .region = pool, .instance_type = type, .hourly_price = 0};
    offer.vcpus = host.whole.cpus;
    offer.memory_gib = host.whole.memory_gib;
    offer.accelerator = host.accelerator;
    offer.accelerator_count = host.whole.gpus;
    offer.architecture = host.architecture;
    offers.push_back(std::move(offer));
  }
  return offers;
}

}  // namespace isobar::cloud
