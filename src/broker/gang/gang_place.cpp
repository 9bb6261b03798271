#include "gang_place.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <memory>
#include <set>

#include "base/text.h"

namespace isobar::broker {

namespace {

constexpr std::uint16_t kPortFirst = 20'000, kPortSpan = 10'000, kPortStep = 613;
constexpr std::size_t kPortsTried = 16;

Result<std::string> required(const Variables& variables, const char* name) {
  if (auto value = variables(name); value && !value->empty()) return std::move(*value);
  return invalid(fmt::format("{} is not set: `isobar-node gang` runs within a job, on all of its nodes", name));
}

int number_or(const std::string& text, int otherwise) {
  int number = otherwise;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size() ? number : otherwise;
}

}  // namespace

Result<GangPlace> gang_place(const Variables& variables) {
  GangPlace place;
  TRY_ASSIGN(const auto rank, required(variables, "ISOBAR_NODE_RANK"));
  TRY_ASSIGN(const auto addresses, required(variables, "ISOBAR_NODE_IPS"));
  TRY_ASSIGN(place.task_id, required(variables, "ISOBAR_TASK_ID"));
  TRY_ASSIGN(place.key, required(variables, "ISOBAR_GANG_KEY"));
  for (const auto address : split(addresses, '\n')) place.addresses.emplace_back(address);
  place.rank = number_or(rank, -1);
  place.gpus = number_or(variables("ISOBAR_NUM_GPUS_PER_NODE").value_or("0"), 0);
  if (place.rank < 0 || static_cast<std::size_t>(place.rank) >= place.addresses.size())
    return invalid(fmt::format("ISOBAR_NODE_RANK is {}, and ISOBAR_NODE_IPS names {} nodes", rank, place.addresses.size()));
  return place;
}

std::vector<std::uint16_t> gang_ports(const std::string& task_id) {
  std::uint32_t at = 2166136261U;  // FNV-1a: it only has to differ from job to job
  for (const unsigned char byte : task_id) at = (at ^ byte) * 16777619U;
  std::vector<std::uint16_t> ports;
  for (std::uint32_t i = 0; i < kPortsTried; ++i)
    ports.push_back(static_cast<std::uint16_t>(kPortFirst + (at % kPortSpan + i * kPortStep) % kPortSpan));
  return ports;
}

std::vector<std::string> gang_names(const std::vector<GangMember>& members) {
  std::set<std::string> different;
  std::vector<std::string> names;
  for (const auto& member : members) {
    names.push_back(member.host);
    different.insert(member.host);
  }
  if (different.size() == names.size()) return names;
  // The launcher itself must know its own host, whatever the others are called.
  for (std::size_t rank = 1; rank < names.size(); ++rank) names[rank] = fmt::format("rank-{}", rank);
  return names;
}

std::optional<int> gang_rank_of(const std::string& host, const std::vector<std::string>& names, const std::vector<std::string>& addresses) {
  for (const auto* list : {&names, &addresses})
    if (const auto found = std::find(list->begin(), list->end(), host); found != list->end())
      return static_cast<int>(found - list->begin());
  if (!host.starts_with("rank-")) return std::nullopt;
  const int rank = number_or(host.substr(5), -1);
  return rank >= 0 && static_cast<std::size_t>(rank) < names.size() ? std::optional(rank) : std::nullopt;
}

std::string network_of(const std::string& address) {
  in_addr wanted{};
  if (::inet_pton(AF_INET, address.c_str(), &wanted) != 1) return "";
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) return "";
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> held(first, ::freeifaddrs);
  for (const ifaddrs* at = first; at; at = at->ifa_next) {
    if (!at->ifa_addr || !at->ifa_netmask || at->ifa_addr->sa_family != AF_INET) continue;
    const in_addr own = reinterpret_cast<const sockaddr_in*>(at->ifa_addr)->sin_addr;
    const in_addr mask = reinterpret_cast<const sockaddr_in*>(at->ifa_netmask)->sin_addr;
    // All of 127.0.0.0/8 is this machine's own.
    const bool is_loopback = ntohl(wanted.s_addr) >> 24 == IN_LOOPBACKNET && ntohl(own.s_addr) >> 24 == IN_LOOPBACKNET;
    if (own.s_addr != wanted.s_addr && !is_loopback) continue;
    const in_addr network{own.s_addr & mask.s_addr};
    char text[INET_ADDRSTRLEN];
    return fmt::format("{}/{}", ::inet_ntop(AF_INET, &network, text, sizeof(text)), std::popcount(mask.s_addr));
  }
  return "";
}

std::vector<std::pair<std::string, std::string>> mpi_variables(const std::string& hostfile, const std::string& rsh,
                                                               const std::string& network, bool as_root) {
  std::vector<std::pair<std::string, std::string>> variables = {
      {"OMPI_MCA_orte_default_hostfile", hostfile},
      {"OMPI_MCA_plm", "rsh"},            // also where a batch system's variables are about
      {"OMPI_MCA_ras", "^slurm,tm,lsf"},  // whose nodes are not to be asked for
      {"OMPI_MCA_plm_rsh_agent", rsh},
      {"OMPI_MCA_plm_rsh_no_tree_spawn", "1"},  // commands go out from rank 0 alone
  };
  if (!network.empty())
    for (const char* part : {"OMPI_MCA_oob_tcp_if_include", "OMPI_MCA_btl_tcp_if_include"}) variables.emplace_back(part, network);
  if (as_root)
    for (const char* leave : {"OMPI_ALLOW_RUN_AS_ROOT", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"}) variables.emplace_back(leave, "1");
  return variables;
}

}  // namespace isobar::broker
