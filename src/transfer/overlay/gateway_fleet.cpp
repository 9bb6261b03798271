#include "transfer/gateway_fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "crypto/aead.h"

namespace isobar::transfer {

namespace {

constexpr std::chrono::seconds kStartMost{30};
constexpr std::chrono::milliseconds kRestartPause{500};

bool sends_or_receives(const Operator& root, Operator::Kind kind) {
  return root.kind == kind ||
         std::any_of(root.children.begin(), root.children.end(), [kind](const auto& child) { return sends_or_receives(child, kind); });
}

bool touches_stores(const Gateway& gateway) {
  return std::any_of(gateway.programs.begin(), gateway.programs.end(), [](const auto& program) {
    return program.root.kind != Operator::Kind::kReceive || sends_or_receives(program.root, Operator::Kind::kWrite);
  });
}

}  // namespace

struct GatewayFleet::Member {
  std::string id, region;
  net::Identity identity;
  std::uint64_t life = 0;  // of its process: what an earlier one says late is not its own
  std::unique_ptr<StartedGateway> process;
  std::unique_ptr<GatewaySession> session;
  std::uint16_t port = 0;
  int restarts = 0;
  bool running = false;
  std::optional<Error> failure;
};

GatewayFleet::GatewayFleet(GatewayHost& host, FleetOptions options, FleetHooks hooks)
    : host_(host), options_(std::move(options)), hooks_(std::move(hooks)), job_key_(crypto::secure_random_bytes(crypto::Aead::kKeyBytes)) {}

Result<std::unique_ptr<GatewayFleet>> GatewayFleet::start(GatewayHost& host, const GatewayPrograms& programs, FleetOptions options,
                                                          FleetHooks hooks) {
  std::unique_ptr<GatewayFleet> fleet(new GatewayFleet(host, std::move(options), std::move(hooks)));
  fleet->mourner_ = std::thread([raw = fleet.get()] { raw->mourn(); });
  TRY(fleet->change(programs));
  return fleet;
}

GatewayFleet::~GatewayFleet() {
  {
    const std::scoped_lock lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  mourner_.join();
  // Sessions end their gateways; without the lock, which their last words take.
  members_.clear();
}

Status GatewayFleet::change(const GatewayPrograms& programs) {
  TRY(validate(programs));
  const std::scoped_lock starting(starting_);
  GatewayPrograms before;
  {
    const std::scoped_lock lock(mutex_);
    before = std::exchange(programs_, programs);
  }
  if (const Status started = start_members(programs); !started.ok()) {
    const std::scoped_lock lock(mutex_);
    if (!before.gateways.empty()) programs_ = std::move(before);
    return started;
  }
  introduce_all();
  return {};
}

Status GatewayFleet::start_members(const GatewayPrograms& programs) {
  std::vector<std::string> started;
  for (const auto& gateway : programs.gateways) {
    {
      const std::scoped_lock lock(mutex_);
      const auto known = members_.find(gateway.id);
      if (known != members_.end() && known->second->running) continue;
    }
    TRY(start_member(gateway.id, gateway.region));
    started.push_back(gateway.id);
  }
  return await_listening(started);
}

Status GatewayFleet::start_member(const std::string& id, const std::string& region) {
  TRY_ASSIGN(auto process, host_.start(region, id));
  const std::scoped_lock lock(mutex_);
  auto& member = members_[id];
  if (!member) {
    member = std::make_unique<Member>();
    member->id = id;
    member->region = region;
    member->identity = net::make_identity(id);
  }
  member->life = ++lives_;
  member->running = true;
  member->port = 0;
  member->failure.reset();
  member->process = std::move(process);
  member->session =
      std::make_unique<GatewaySession>(std::move(member->process->to), std::move(member->process->from), hooks_of(id, member->life));
  // The fingerprints of all are made here, so that each knows the others before any of them calls.
  for (const auto& gateway : programs_.gateways) {
    auto& other = members_[gateway.id];
    if (other) continue;
    other = std::make_unique<Member>();
    other->id = gateway.id;
    other->region = gateway.region;
    other->identity = net::make_identity(gateway.id);
  }
  member->session->configure(configuration_of(*member));
  return {};
}

Status GatewayFleet::await_listening(const std::vector<std::string>& ids) {
  std::unique_lock lock(mutex_);
  const auto until = std::chrono::steady_clock::now() + kStartMost;
  for (const auto& id : ids) {
    const Member& member = *members_.at(id);
    const bool told = changed_.wait_until(lock, until, [&] { return member.port != 0 || member.failure || closing_; });
    if (closing_) return unavailable("the job is over");
    if (member.failure) return member.failure->context(fmt::format("gateway {}", id));
    if (!told) return unavailable(fmt::format("gateway {} did not start within {} s", id, kStartMost.count()));
  }
  return {};
}

void GatewayFleet::introduce_all() {
  const std::scoped_lock lock(mutex_);
  for (auto& [id, member] : members_)
    if (member->running) member->session->configure(configuration_of(*member));
}

GatewayConfiguration GatewayFleet::configuration_of(const Member& member) const {
  GatewayConfiguration made;
  made.id = member.id;
  made.programs = programs_json(programs_);
  made.target_regions = options_.target_regions;
  made.identity = member.identity;
  made.memory_bytes = options_.memory_bytes;
  made.chunk_bytes_most = options_.chunk_bytes_most;
  made.compression = options_.compression;
  made.store_calls_most = options_.store_calls_most;
  for (const auto& [id, other] : members_) {
    if (id == member.id) continue;
    GatewayPeer peer{id, other->identity.fingerprint, {}};
    if (other->port != 0) {
      const auto address = host_.address(other->region, parse_gateway_id(id).number, member.region);
      if (address) peer.addresses.push_back(fmt::format("{}:{}", *address, other->port));
    }
    made.peers.push_back(std::move(peer));
  }
  const auto self =
      std::find_if(programs_.gateways.begin(), programs_.gateways.end(), [&](const auto& one) { return one.id == member.id; });
  // Only who reads or writes is told the key and the stores: a relay has no use for either.
  if (self != programs_.gateways.end() && touches_stores(*self)) {
    made.job_key = job_key_;
    made.surroundings = surroundings_;
    if (member.region == programs_.source) made.source = options_.source;
    for (std::size_t i = 0; i < options_.targets.size(); ++i)
      made.targets.push_back(options_.target_regions[i] == member.region ? options_.targets[i] : GatewayStore());
  }
  return made;
}

GatewayHooks GatewayFleet::hooks_of(const std::string& id, std::uint64_t life) {
  GatewayHooks hooks;
  hooks.listening = [this, id](std::uint16_t port) {
    const std::scoped_lock lock(mutex_);
    members_.at(id)->port = port;
    changed_.notify_all();
  };
  hooks.read_done = [this, id](std::uint64_t serial, Result<storage::Got> got, std::uint32_t crc) {
    hooks_.read_done(serial, std::move(got), crc, id);
  };
  hooks.verdict = hooks_.verdict;
  hooks.undelivered = hooks_.undelivered;
  hooks.edge = [this, id](const std::string& peer, bool up) { hooks_.edge(id, peer, up); };
  hooks.traffic = [this, id](const GatewayTraffic& traffic) { hooks_.traffic(id, traffic); };
  if (hooks_.round_trips) hooks.round_trips = [this, id](const auto& by_peer) { hooks_.round_trips(id, by_peer); };
  hooks.ended = [this, id, life](const Error& why) {
    {
      const std::scoped_lock lock(mutex_);
      if (closing_) return;
      auto& member = *members_.at(id);
      if (member.life != life) return;
      member.running = false;
      member.failure = why;
      dead_.emplace_back(id, life);
      changed_.notify_all();
    }
    hooks_.died(id, why);
  };
  return hooks;
}

// Sessions cannot be taken away by their own threads, so this one does it.
void GatewayFleet::mourn() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closing_ || !dead_.empty(); });
    if (closing_) return;
    const auto [id, life] = dead_.back();
    dead_.pop_back();
    Member& member = *members_.at(id);
    if (member.life != life) continue;
    const bool was_up = member.port != 0;
    auto session = std::move(member.session);
    auto process = std::move(member.process);
    member.port = 0;
    const bool again = was_up && member.restarts++ < options_.restarts_most;
    lock.unlock();
    session.reset();
    process.reset();
    if (again) {
      std::this_thread::sleep_for(kRestartPause);
      restart(id, member.region);
    } else if (was_up) {
      hooks_.lost(id);
    }
    lock.lock();
  }
}

void GatewayFleet::restart(const std::string& id, const std::string& region) {
  const std::scoped_lock starting(starting_);
  {
    // A new plan may have started it meanwhile.
    const std::scoped_lock lock(mutex_);
    if (members_.at(id)->running) return;
  }
  Status started = start_member(id, region);
  if (started.ok()) started = await_listening({id});
  if (!started.ok()) return hooks_.lost(id);
  introduce_all();
  hooks_.restarted(id);
}

bool GatewayFleet::with(const std::string& gateway, const std::function<void(GatewaySession&)>& act) {
  const std::scoped_lock lock(mutex_);
  const auto member = members_.find(gateway);
  if (member == members_.end() || !member->second->running || !member->second->session) return false;
  act(*member->second->session);
  return true;
}

std::vector<std::string> GatewayFleet::sources() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::string> found;
  for (const auto& gateway : programs_.gateways) {
    const auto member = members_.find(gateway.id);
    if (gateway.region == programs_.source && member != members_.end() && member->second->running && member->second->port != 0)
      found.push_back(gateway.id);
  }
  return found;
}

}  // namespace isobar::transfer
