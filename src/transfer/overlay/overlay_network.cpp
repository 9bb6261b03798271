#include "transfer/overlay_network.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <set>
#include <thread>

#include "overlay_mover.h"

namespace isobar::transfer {

namespace {

constexpr std::chrono::milliseconds kGather{300};  // changes that come together are planned for together
constexpr Duration kRateSpan = 5s;
constexpr std::chrono::seconds kTryAgainLeast{15}, kTryAgainMost{240};

// The grid as it is now: without the edges that are down, with the rates that were seen of those that are slower than planned.
void lay_over(Grid& grid, const std::set<std::pair<std::string, std::string>>& down,
              const std::map<std::pair<std::string, std::string>, double>& measured) {
  const auto index = [&](const std::string& region) -> std::optional<RegionIndex> {
    const auto found = std::find(grid.regions.begin(), grid.regions.end(), region);
    if (found == grid.regions.end()) return std::nullopt;
    return static_cast<RegionIndex>(found - grid.regions.begin());
  };
  for (const auto& [edge, gbps] : measured)
    if (const auto from = index(edge.first), to = index(edge.second); from && to)
      grid.gbps.at(*from, *to) = std::min(grid.gbps.at(*from, *to), gbps);
  for (const auto& edge : down)
    if (const auto from = index(edge.first), to = index(edge.second); from && to) grid.gbps.at(*from, *to) = 0;
}

PlanRequest with_machines(const GatewayHost& host, PlanRequest plan, const std::map<std::string, int>& lost) {
  plan.quotas.per_region = 0;
  for (const auto& region : host.regions()) {
    const auto gone = lost.find(region);
    plan.quotas.in_region[region] = std::max(0, host.machines(region) - (gone == lost.end() ? 0 : gone->second));
  }
  return plan;
}

void keep_direct(Grid& grid, const PlanRequest& plan) {
  for (RegionIndex from = 0; from < grid.regions.size(); ++from)
    for (RegionIndex to = 0; to < grid.regions.size(); ++to) {
      const bool direct = grid.regions[from] == plan.source &&
                          std::find(plan.destinations.begin(), plan.destinations.end(), grid.regions[to]) != plan.destinations.end();
      if (!direct) grid.gbps.at(from, to) = 0;
    }
}

void cap_connections(Operator& at, int most) {
  at.connections = std::min(at.connections, most);
  for (auto& child : at.children) cap_connections(child, most);
}

GatewayPrograms programs_of(const PlanReport& report, int connections_most, bool made_up) {
  auto programs = make_programs(report.plan, made_up ? Origin::kGenerate : Origin::kRead);
  for (auto& gateway : programs.gateways)
    for (auto& program : gateway.programs) cap_connections(program.root, connections_most);
  return programs;
}

std::string region_of(const std::string& gateway) { return parse_gateway_id(gateway).region; }

class RunningOverlay final : public OverlayNetwork {
 public:
  RunningOverlay(GatewayHost& host, OverlayRequest request) : host_(host), request_(std::move(request)) {}

  Status begin() {
    GatewayPrograms programs;
    if (request_.programs) {
      programs = *request_.programs;
    } else {
      TRY_ASSIGN(report_, OverlayNetwork::plan(host_, request_));
      programs = programs_of(*report_, request_.connections_most, request_.made_up);
    }
    auto options = request_.fleet;
    if (options.target_regions.empty()) options.target_regions = programs.destinations;
    FleetHooks hooks;
    hooks.read_done = [this](std::uint64_t serial, Result<storage::Got> got, std::uint32_t crc, const std::string& gateway) {
      mover_->read_done(serial, std::move(got), crc, gateway);
    };
    hooks.verdict = [this](std::uint64_t serial, std::size_t target, const ChunkReceipt& receipt) {
      mover_->verdict(serial, target, receipt);
    };
    hooks.undelivered = [this](std::uint64_t serial, std::uint64_t targets, const Error& why) {
      mover_->undelivered(serial, targets, why);
    };
    hooks.edge = [this](const std::string& from, const std::string& to, bool up) { edge_changed(from, to, up); };
    hooks.traffic = [this](const std::string& gateway, const GatewayTraffic& traffic) { saw_traffic(gateway, traffic); };
    hooks.round_trips = [this](const std::string& gateway, const std::map<std::string, Duration>& by_peer) {
      const std::scoped_lock lock(mutex_);
      for (const auto& [peer, span] : by_peer) round_trips_[{gateway, peer}] = to_seconds(span) * 1000;
    };
    hooks.died = [this](const std::string& gateway, const Error& why) {
      mover_->died(gateway, why);
      tell(fmt::format("the gateway {} has ended: {}", gateway, why.message()));
    };
    hooks.restarted = [this](const std::string& gateway) {
      const std::scoped_lock lock(mutex_);
      events_.push_back(fmt::format("the gateway {} was started again", gateway));
      forget_down([&](const Edge& pair) { return pair.first == gateway || pair.second == gateway; });
    };
    hooks.lost = [this](const std::string& gateway) {
      const std::scoped_lock lock(mutex_);
      ++lost_[region_of(gateway)];
      events_.push_back(fmt::format("the gateway {} cannot be started again", gateway));
      plan_again_ = true;
      changed_.notify_one();
    };
    TRY_ASSIGN(fleet_, GatewayFleet::start(host_, programs, std::move(options), std::move(hooks)));
    mover_->use(*fleet_);
    if (!request_.programs) planner_ = std::thread([this] { keep_planned(); });
    return {};
  }

  ~RunningOverlay() override {
    {
      const std::scoped_lock lock(mutex_);
      closing_ = true;
    }
    changed_.notify_one();
    if (planner_.joinable()) planner_.join();
    fleet_.reset();
  }

  std::shared_ptr<ChunkMover> mover() override { return mover_; }
  GatewayFleet& fleet() override { return *fleet_; }

  std::optional<PlanReport> report() const override {
    const std::scoped_lock lock(mutex_);
    return report_;
  }

  std::vector<OverlayEdge> edges() const override {
    const std::scoped_lock lock(mutex_);
    std::map<std::pair<std::string, std::string>, OverlayEdge> edges;
    for (const auto& [pair, bytes] : carried_) {
      auto& edge = edges[{region_of(pair.first), region_of(pair.second)}];
      edge.from = region_of(pair.first);
      edge.to = region_of(pair.second);
      edge.bytes += bytes;
      const auto trip = round_trips_.find(pair);
      if (trip != round_trips_.end()) edge.rtt_ms = edge.rtt_ms > 0 ? std::min(edge.rtt_ms, trip->second) : trip->second;
    }
    for (auto& [regions, edge] : edges) edge.up = !is_down(regions);
    std::vector<OverlayEdge> list;
    for (auto& [regions, edge] : edges) list.push_back(std::move(edge));
    return list;
  }

  PackedTotals packed() const override {
    const std::scoped_lock lock(mutex_);
    PackedTotals sum = packed_by_gone_;
    for (const auto& [gateway, totals] : packed_) sum += totals;
    return sum;
  }

  std::vector<std::string> take_events() override {
    const std::scoped_lock lock(mutex_);
    return std::exchange(events_, {});
  }

 private:
  using Edge = std::pair<std::string, std::string>;

  void tell(std::string event) {
    const std::scoped_lock lock(mutex_);
    events_.push_back(std::move(event));
  }

  // One pair of gateways that is cut off counts: the others of the two regions mostly share its way.
  bool is_down(const Edge& regions) const {
    return std::any_of(down_.begin(), down_.end(), [&](const Edge& pair) {
      return region_of(pair.first) == regions.first && region_of(pair.second) == regions.second;
    });
  }

  void edge_changed(const std::string& from, const std::string& to, bool up) {
    const std::scoped_lock lock(mutex_);
    const bool changed = up ? down_.erase({from, to}) != 0 : down_.insert({from, to}).second;
    if (!changed) return;
    events_.push_back(fmt::format("the edge {} to {} is {}", from, to, up ? "up again" : "down"));
    plan_again_ = true;
    changed_.notify_one();
  }

  // Edges that may be up again: they are planned with, and told of again if they are not.
  void forget_down(const std::function<bool(const Edge&)>& which) {
    if (std::erase_if(down_, which) == 0) return;
    plan_again_ = true;
    changed_.notify_one();
  }

  void saw_traffic(const std::string& gateway, const GatewayTraffic& traffic) {
    const std::scoped_lock lock(mutex_);
    const Instant now = clock_.now();
    auto& packed = packed_[gateway];
    if (traffic.packed.raw_bytes < packed.raw_bytes) packed_by_gone_ += packed;
    packed = traffic.packed;
    for (const auto& [peer, count] : traffic.acknowledged_bytes) {
      // A gateway that was started again counts from zero.
      auto& seen = last_seen_[{gateway, peer}];
      const std::uint64_t added = count >= seen ? count - seen : count;
      seen = count;
      carried_[{gateway, peer}] += added;
      auto& history = history_[{region_of(gateway), region_of(peer)}];
      history.emplace_back(now, added);
      while (!history.empty() && now - history.front().first > kRateSpan) history.pop_front();
    }
  }

  // Edges that carried for a while and less than they were planned to: their rates, Gbit/s.
  std::map<Edge, double> measured() const {
    std::map<Edge, double> rates;
    if (!report_) return rates;
    for (const auto& link : report_->links) {
      const auto history = history_.find({link.from, link.to});
      if (history == history_.end() || history->second.size() < 6) continue;
      const double seconds = to_seconds(history->second.back().first - history->second.front().first);
      double bytes = 0;
      for (const auto& [at, count] : history->second) bytes += static_cast<double>(count);
      const double gbps = seconds > 2 ? bytes * 8 / seconds / 1e9 : link.gbps;
      if (gbps > 0 && gbps < 0.7 * link.gbps) rates[{link.from, link.to}] = link.pair_gbps * gbps / link.gbps;
    }
    return rates;
  }

  void keep_planned() {
    std::unique_lock lock(mutex_);
    for (;;) {
      // Nobody calls over an edge that no plan uses, so nobody hears when it is up again: it is tried, ever less often.
      const bool asked = changed_.wait_for(lock, try_again_, [this] { return closing_ || plan_again_; });
      if (closing_) return;
      if (!asked) {
        if (down_.empty()) continue;
        try_again_ = std::min(try_again_ * 2, kTryAgainMost);
        forget_down([](const Edge&) { return true; });
      }
      changed_.wait_for(lock, kGather, [this] { return closing_; });
      plan_again_ = false;
      auto request = request_;
      std::set<Edge> down;
      for (const auto& pair : down_) down.insert({region_of(pair.first), region_of(pair.second)});
      lay_over(request.grid, down, measured());
      const auto lost = lost_;
      lock.unlock();
      replan(request, lost);
      lock.lock();
    }
  }

  void replan(const OverlayRequest& request, const std::map<std::string, int>& lost) {
    auto report = plan_over(host_, request, lost);
    if (!report.ok()) {
      // What was asked for cannot be had any more: the rest goes as fast as it can.
      auto any = request;
      any.plan.deadline.reset();
      any.plan.usd_max.reset();
      any.plan.gbps_least.reset();
      report = plan_over(host_, any, lost);
    }
    if (!report.ok()) return tell(fmt::format("no other plan: {}; the gateways go on as they can", report.error().message()));
    const auto programs = programs_of(*report, request.connections_most, request.made_up);
    if (const Status changed = fleet_->change(programs); !changed.ok())
      return tell(fmt::format("the new plan could not be started: {}", changed.error().message()));
    const std::scoped_lock lock(mutex_);
    std::string ways;
    for (const auto& route : report->plan.routes) {
      if (!ways.empty()) ways += ", ";
      for (const auto& [from, to] : route.links) ways += fmt::format("{}{} > {}", ways.empty() || ways.back() == ' ' ? "" : "; ", from, to);
    }
    events_.push_back(fmt::format("planned again for {:.3g} Gbit/s: {}", report->cost.gbps, ways));
    report_ = std::move(*report);
  }

 public:
  static Result<PlanReport> plan_over(const GatewayHost& host, OverlayRequest request, const std::map<std::string, int>& lost) {
    if (request.direct) keep_direct(request.grid, request.plan);
    return plan_transfer(with_machines(host, request.plan, lost), request.grid, request.prices);
  }

 private:
  GatewayHost& host_;
  OverlayRequest request_;
  SystemClock clock_;
  std::shared_ptr<OverlayMover> mover_ = std::make_shared<OverlayMover>(request_.made_up);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<PlanReport> report_;
  std::set<Edge> down_;  // pairs of gateways
  std::map<std::string, int> lost_;
  std::map<Edge, std::uint64_t> last_seen_, carried_;
  std::map<std::string, PackedTotals> packed_;  // by gateway
  PackedTotals packed_by_gone_;                 // by processes that were started again since
  std::map<Edge, double> round_trips_;          // ms
  std::map<Edge, std::deque<std::pair<Instant, std::uint64_t>>> history_;
  std::vector<std::string> events_;
  bool plan_again_ = false, closing_ = false;
  std::chrono::seconds try_again_ = kTryAgainLeast;
  std::unique_ptr<GatewayFleet> fleet_;
  std::thread planner_;
};

}  // namespace

Result<PlanReport> OverlayNetwork::plan(const GatewayHost& host, const OverlayRequest& request) {
  std::vector<std::string> ends = request.plan.destinations;
  ends.push_back(request.plan.source);
  for (const auto& region : ends)
    if (host.machines(region) == 0) return not_found(fmt::format("there is no machine for a gateway in {}", region));
  return RunningOverlay::plan_over(host, request, {});
}

Result<std::unique_ptr<OverlayNetwork>> OverlayNetwork::start(GatewayHost& host, OverlayRequest request) {
  auto overlay = std::make_unique<RunningOverlay>(host, std::move(request));
  TRY(overlay->begin());
  return std::unique_ptr<OverlayNetwork>(std::move(overlay));
}

}  // namespace isobar::transfer
