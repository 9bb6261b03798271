#include "fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <optional>
#include <set>
#include <thread>

#include "base/text.h"
#include "tags.h"

namespace isobar::cloud::ec2 {

namespace {

// EC2 lets an account start two machines a second for long, five at once; more threads would only be told to wait.
constexpr std::size_t kThreadsMost = 8;
constexpr Duration kBetweenLooks = 2s;
constexpr Duration kPublicAddressMost = 30s;
constexpr std::size_t kNamedMost = 5;

/// Makes the machine, or finds the one that this very client token has made before of a request that differs: an alias may name a
/// newer image by now.
Answer<Machine> run_one(RegionApi& api, const RunOrder& order, const std::string& doing) {
  auto machine = api.run(order, doing);
  if (!machine.refused_with("IdempotentParameterMismatch")) return machine;
  TRY_ASSIGN(const auto made, api.machines({{"client-token", {order.client_token}}}));
  return made.empty() ? machine : Answer<Machine>(made.front());
}

/// "Server.InsufficientInstanceCapacity" → "InsufficientInstanceCapacity"
std::string bare_code(const std::string& reason) {
  const auto dot = reason.find('.');
  return dot == reason.npos ? reason : reason.substr(dot + 1);
}

Refused ended(const Machine& machine) {
  const std::string code = machine.reason_code.empty() ? "InstanceEnded" : bare_code(machine.reason_code);
  return {unavailable(fmt::format("machine {} is {} before it ran: {}", machine.id, machine.state,
                                  machine.reason.empty() ? "EC2 gives no reason" : machine.reason)),
          code};
}

std::string some_of(std::vector<std::string> ids) {
  const bool more = ids.size() > kNamedMost;
  ids.resize(std::min(ids.size(), kNamedMost));
  return join(ids, ", ") + (more ? ", …" : "");
}

/// Those of `ids` that EC2 lists, in whatever state.
Answer<std::map<std::string, Machine>> look(RegionApi& api, const std::vector<Filter>& tag_filters, const std::vector<std::string>& ids) {
  TRY_ASSIGN(auto machines, api.machines(tag_filters));
  std::map<std::string, Machine> found;
  for (auto& machine : machines)
    if (std::find(ids.begin(), ids.end(), machine.id) != ids.end()) found.emplace(machine.id, std::move(machine));
  return found;
}

Error too_late(const std::string& what, const std::vector<std::string>& ids) {
  return {Code::kDeadlineExceeded, fmt::format("not in time {}: {}", what, some_of(ids))};
}

}  // namespace

std::vector<std::string> ids_of(const std::vector<Machine>& machines) {
  std::vector<std::string> ids;
  for (const auto& machine : machines) ids.push_back(machine.id);
  return ids;
}

Answer<Nothing> run_all(RegionApi& api, const std::vector<RunOrder>& orders, std::vector<std::string>& made) {
  std::vector<std::optional<Answer<Machine>>> outcomes(orders.size());
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> refused = false;
  const auto work = [&] {
    for (std::size_t mine; !refused && (mine = next++) < orders.size();) {
      outcomes[mine] = run_one(api, orders[mine], "run " + orders[mine].tags.at("Name"));
      if (!outcomes[mine]->ok()) refused = true;
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(orders.size(), kThreadsMost); ++i) threads.emplace_back(work);
  }
  for (const auto& outcome : outcomes)
    if (outcome && outcome->ok()) made.push_back((*outcome)->id);
  for (const auto& outcome : outcomes)
    if (outcome && !outcome->ok()) return outcome->error();
  return Nothing{};
}

Answer<std::vector<Machine>> await_running(RegionApi& api, const std::vector<Filter>& tag_filters, const std::vector<std::string>& ids) {
  std::map<std::string, Instant> running_since;
  for (;;) {
    TRY_ASSIGN(const auto found, look(api, tag_filters, ids));
    std::vector<Machine> ready;
    std::vector<std::string> awaited;
    for (const auto& id : ids) {
      const auto machine = found.find(id);
      if (machine == found.end() || machine->second.state == "pending") {
        awaited.push_back(id);
        continue;
      }
      if (machine->second.state != "running") return ended(machine->second);
      // The public address is there some seconds later than the rest, and never in a subnet that gives none.
      const Instant since = running_since.emplace(id, api.now()).first->second;
      const bool reachable =
          !machine->second.private_address.empty() && (!machine->second.public_address.empty() || api.now() - since >= kPublicAddressMost);
      if (reachable) ready.push_back(machine->second);
      else awaited.push_back(id);
    }
    if (awaited.empty()) return ready;
    if (api.now() >= api.end()) return too_late("running with an address", awaited);
    api.pause(kBetweenLooks);
  }
}

Answer<Nothing> await_stopped(RegionApi& api, const std::vector<Filter>& tag_filters, const std::vector<std::string>& ids) {
  for (;;) {
    TRY_ASSIGN(const auto found, look(api, tag_filters, ids));
    std::vector<std::string> awaited;
    for (const auto& id : ids)
      if (const auto machine = found.find(id); machine == found.end() || (machine->second.state != "stopped" && !machine->second.is_gone()))
        awaited.push_back(id);
    if (awaited.empty()) return Nothing{};
    if (api.now() >= api.end()) return too_late("stopped", awaited);
    api.pause(kBetweenLooks);
  }
}

namespace {

Answer<Nothing> cancel_spot_requests(RegionApi& api, const std::vector<Filter>& tag_filters) {
  auto filters = tag_filters;
  filters.push_back({"state", {"open", "active"}});
  const auto requests = api.spot_requests(filters);
  // Whoever may not ask for spot requests has none.
  if (requests.refused_with("UnauthorizedOperation")) return Nothing{};
  if (!requests.ok()) return requests.error();
  return api.cancel_spot_requests(*requests);
}

}  // namespace

Answer<Nothing> remove_all(RegionApi& api, const std::vector<Filter>& tag_filters, std::vector<std::string> known) {
  // Requests first, that none is fulfilled behind our back; trouble with them does not keep machines alive.
  const auto cancelled = cancel_spot_requests(api, tag_filters);
  std::set<std::string> acknowledged;
  for (;;) {
    TRY_ASSIGN(const auto machines, api.machines(live(tag_filters)));
    std::vector<std::string> ending = std::exchange(known, {});
    for (const auto& id : ids_of(machines))
      if (!acknowledged.contains(id) && std::find(ending.begin(), ending.end(), id) == ending.end()) ending.push_back(id);
    if (ending.empty()) break;
    TRY_ASSIGN(const auto states, api.terminate(ending));
    for (const auto& [id, state] : states)
      if (state == "shutting-down" || state == "terminated") acknowledged.insert(id);
    if (api.now() >= api.end()) return too_late("terminated", ending);
    if (!std::all_of(ending.begin(), ending.end(), [&](const auto& id) { return acknowledged.contains(id); })) api.pause(kBetweenLooks);
  }
  return cancelled;
}

}  // namespace isobar::cloud::ec2
