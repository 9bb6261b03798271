#include "transfer/testbed.h"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/process.h"
#include "base/text.h"
#include "link_pump.h"
#include "namespaces.h"

namespace isobar::transfer {

namespace {

namespace json = boost::json;

class RunningTestbed final : public Testbed {
 public:
  RunningTestbed(const Scenario& scenario, std::unique_ptr<Namespaces> namespaces, std::unique_ptr<LinkPump> pump)
      : scenario_(scenario), namespaces_(std::move(namespaces)), pump_(std::move(pump)) {}

  const Scenario& scenario() const override { return scenario_; }
  const std::vector<Site>& sites() const override { return namespaces_->layout().sites; }

  void begin_events(Observer observer) override {
    CHECK(!events_.joinable());
    events_ = std::jthread([this, told = std::move(observer), began = std::chrono::steady_clock::now()](const std::stop_token& stop) {
      for (const auto& event : scenario_.events) {
        if (!sleep_until(began + event.at, stop)) return;
        carry_out(event);
        if (told) told(event);
      }
    });
  }

  std::vector<EdgeTraffic> traffic() const override {
    const auto counted = pump_->traffic();
    std::vector<EdgeTraffic> edges;
    for (LinkIndex i = 0; i < scenario_.links.size(); ++i) {
      const auto& from = scenario_.regions[scenario_.links[i].from].name;
      const auto& to = scenario_.regions[scenario_.links[i].to].name;
      edges.push_back(edge(from, to, counted[2 * i]));
      edges.push_back(edge(to, from, counted[2 * i + 1]));
    }
    return edges;
  }

 private:
  static EdgeTraffic edge(const std::string& from, const std::string& to, const LinkTraffic& traffic) {
    return {from,
            to,
            traffic.wire_bytes,
            traffic.payload_bytes,
            traffic.segments,
            traffic.lost_segments,
            traffic.queue_segments,
            traffic.severed_segments};
  }

  static bool sleep_until(std::chrono::steady_clock::time_point when, const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait_until(lock, stop, when, [] { return false; });
    return !stop.stop_requested();
  }

  void carry_out(const ScenarioEvent& event) {
    switch (event.kind) {
      case ScenarioEvent::Kind::kCut: pump_->cut(event.link); break;
      case ScenarioEvent::Kind::kHeal: pump_->heal(event.link); break;
      case ScenarioEvent::Kind::kLoss: pump_->set_loss(event.link, event.loss); break;
      case ScenarioEvent::Kind::kKill: kill_by_network(sites()[event.region].namespace_path); break;
    }
  }

  const Scenario scenario_;
  const std::unique_ptr<Namespaces> namespaces_;
  const std::unique_ptr<LinkPump> pump_;  // ends before the namespaces go
  std::jthread events_;                   // ends before the pump
};

}  // namespace

Result<std::unique_ptr<Testbed>> Testbed::create(const Scenario& scenario, std::uint64_t seed) {
  TRY_ASSIGN(auto namespaces, Namespaces::create(scenario));
  std::vector<LinkPump::Ends> ends;
  for (const auto& link : scenario.links) {
    TRY_ASSIGN(Fd from, namespaces->open_link_device(link.from, scenario.regions[link.to]));
    TRY_ASSIGN(Fd to, namespaces->open_link_device(link.to, scenario.regions[link.from]));
    ends.push_back({std::move(from), std::move(to)});
  }
  TRY(namespaces->configure(scenario));
  TRY_ASSIGN(auto pump, LinkPump::start(scenario, std::move(ends), seed));
  return std::unique_ptr<Testbed>(std::make_unique<RunningTestbed>(scenario, std::move(namespaces), std::move(pump)));
}

Result<const Site*> Testbed::site(std::string_view region) const {
  std::vector<std::string> names;
  for (const auto& site : sites()) {
    if (site.region == region) return &site;
    names.push_back(site.region);
  }
  return not_found(fmt::format("scenario {} has no region '{}'; there are {}", scenario().name, region, join(names, ", ")));
}

std::string testbed_json(const Testbed& testbed) {
  json::array regions, links;
  for (const auto& site : testbed.sites()) {
    json::object addresses;
    for (const auto& [peer, address] : site.addresses) addresses[peer] = address;
    regions.push_back({{"name", site.region},
                       {"namespace", site.namespace_name},
                       {"namespace_path", site.namespace_path.string()},
                       {"management_address", site.management_address},
                       {"root_address", site.root_address},
                       {"addresses", std::move(addresses)}});
  }
  const auto& scenario = testbed.scenario();
  for (const auto& link : scenario.links)
    links.push_back({{"from", scenario.regions[link.from].name}, {"to", scenario.regions[link.to].name}});
  return json::serialize(json::object{
             {"scenario", scenario.name}, {"file", scenario.file}, {"regions", std::move(regions)}, {"links", std::move(links)}}) +
         "\n";
}

}  // namespace isobar::transfer
