#include "broker/candidates.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>

#include "base/check.h"
#include "base/text.h"
#include "cloud/gpu_list.h"
#include "cloud_facts.h"
#include "shape_filter.h"

namespace isobar::broker {

namespace {

bool any_or(const std::optional<std::string>& wanted, std::string_view is) { return !wanted || *wanted == "*" || *wanted == is; }

/// AWS names its zones for each account (us-east-1a); catalogs know the ids behind the names (use1-az1).
bool is_aws_zone_name(std::string_view cloud, std::string_view region, std::string_view zone) {
  return cloud == "aws" && zone.size() == region.size() + 1 && zone.starts_with(region) && zone.back() >= 'a' && zone.back() <= 'z';
}

bool place_fits(const ResourceRequest& request, std::string_view cloud, const cloud::Place& place) {
  if (!any_or(request.region, place.region)) return false;
  if (!request.region_images.empty() && !request.region_images.contains(std::string(place.region))) return false;
  return any_or(request.zone, place.zone) || is_aws_zone_name(cloud, place.region, *request.zone) ||
         (place.zone.empty() && request.zone->starts_with(place.region));
}

bool covers(const cloud::Scope& scope, const cloud::Shape& shape, std::string_view region, std::string_view zone, bool spot) {
  return (!scope.cloud || *scope.cloud == shape.cloud) && (!scope.region || *scope.region == region) &&
         (!scope.zone || *scope.zone == zone) && (!scope.instance_type || *scope.instance_type == shape.instance_type) &&
         (!scope.use_spot || *scope.use_spot == spot);
}

bool covered(const std::vector<cloud::Scope>& blocked, const cloud::Shape& shape, std::string_view region, std::string_view zone,
             bool spot) {
  return std::any_of(blocked.begin(), blocked.end(), [&](const cloud::Scope& scope) { return covers(scope, shape, region, zone, spot); });
}

std::string join_counts(const std::string& accelerator, const std::set<double>& counts) {
  std::vector<std::string> parts;
  for (const double count : counts) parts.push_back(fmt::format("{}:{:g}", accelerator, count));
  return join(parts, ", ");
}

/// Names of one catalog file are stored once, so that equal ones stand at one address; this comparison is made for every
/// row of every fitting type.
bool same_name(std::string_view a, std::string_view b) { return a.data() == b.data() && a.size() == b.size(); }

/// Gathers the candidates of one alternative from one cloud, and counts what it refuses.
class CloudSearch {
 public:
  /// zone_named   the zone asked for, which outlives the candidates; empty: any
  CloudSearch(const ResourceRequest& request, std::uint32_t alternative, const std::string& accelerator, std::string_view zone_named,
              const cloud::CloudSection& section, const Market& market)
      : request_(request),
        alternative_(alternative),
        accelerator_(accelerator),
        zone_named_(zone_named),
        section_(section),
        market_(market),
        facts_(facts_of(section.cloud)),
        filter_(request, accelerator, facts_) {}

  void run(std::uint32_t first_row, std::vector<Candidate>& found, std::vector<Exclusion>& exclusions) {
    if (const auto reason = whole_cloud_refused())
      return exclusions.push_back({std::string(section_.cloud), "", *reason, section_.shapes.size()});
    const std::size_t before = found.size();
    for (const cloud::Shape& shape : section_.shapes) {
      auto refusal = filter_.refuse(shape);
      if (refusal == Refusal::kAcceleratorCount) other_counts_.insert(shape.accelerator_count);
      if (!refusal) refusal = expand(shape, first_row, found);
      if (refusal) ++refused_[static_cast<std::size_t>(*refusal)];
      first_row += shape.places.size();
    }
    explain(found.size() > before, exclusions);
  }

 private:
  std::optional<std::string> whole_cloud_refused() const {
    if (const auto disabled = market_.disabled.find(std::string(section_.cloud)); disabled != market_.disabled.end())
      return disabled->second;
    if (request_.disk_tier && *request_.disk_tier != DiskTier::kMedium && *request_.disk_tier != DiskTier::kBest && !facts_.disk_tiers)
      return "offers no choice of disk tier";
    if (request_.network_tier == NetworkTier::kBest && !facts_.fast_network) return "offers no faster network (network_tier: best)";
    if (!request_.ports.empty() && !facts_.ports) return "cannot open ports";
    if (request_.use_spot && !sells_spot()) return "sells no spot machines";
    return std::nullopt;
  }

  bool sells_spot() const {
    return std::any_of(section_.shapes.begin(), section_.shapes.end(), [](const cloud::Shape& shape) {
      for (std::uint32_t i = 0; i < shape.places.size(); ++i)
        if (!std::isnan(shape.places[i].hourly_spot_price)) return true;
      return false;
    });
  }

  /// The places of a fitting type become candidates: one a zone for spot machines and for clouds placed by zone, else one
  /// a region. When none is left, says what the last obstacle was.
  std::optional<Refusal> expand(const cloud::Shape& shape, std::uint32_t first_row, std::vector<Candidate>& found) const {
    const std::size_t before = found.size();
    const bool by_zone = !zone_named_.empty() || request_.use_spot || facts_.placed_by_zone;
    Refusal obstacle = Refusal::kPlace;
    for (std::uint32_t i = 0; i < shape.places.size(); ++i) {
      const cloud::Place place = shape.places[i];
      if (!place_fits(request_, shape.cloud, place)) continue;
      const double price = place.price(request_.use_spot);
      const std::string_view zone = zone_named_.empty() ? place.zone : zone_named_;
      if (std::isnan(price)) obstacle = std::max(obstacle, Refusal::kNotSoldThatWay);
      else if (request_.hourly_cost_max && price > *request_.hourly_cost_max) obstacle = std::max(obstacle, Refusal::kPrice);
      else if (covered(market_.blocked, shape, place.region, zone, request_.use_spot)) obstacle = Refusal::kBlocked;
      else
        add({&shape, place.region, by_zone ? zone : std::string_view(), price, request_.use_spot, alternative_, first_row + i}, before,
            found);
    }
    return found.size() > before ? std::nullopt : std::optional(obstacle);
  }

  /// Zones of a region that share a candidate follow one another; it then has the dearest zone's price, so that a plan
  /// never costs more than it said.
  static void add(const Candidate& candidate, std::size_t before, std::vector<Candidate>& found) {
    if (found.size() > before && same_name(found.back().region, candidate.region) && same_name(found.back().zone, candidate.zone)) {
      found.back().hourly_price = std::max(found.back().hourly_price, candidate.hourly_price);
      return;
    }
    found.push_back(candidate);
  }

  void explain(bool any, std::vector<Exclusion>& exclusions) const {
    const std::string cloud(section_.cloud);
    if (!any && request_.instance_type && refused(Refusal::kOtherType) == section_.shapes.size())
      return exclusions.push_back({cloud, "", "has no instance type " + *request_.instance_type, section_.shapes.size()});
    if (!any && !accelerator_.empty() && refused(Refusal::kAccelerator) + refused(Refusal::kAcceleratorCount) == section_.shapes.size()) {
      const std::string wanted = fmt::format("{}:{:g}", accelerator_, whole_count(*request_.accelerator));
      const std::string reason = other_counts_.empty()
                                     ? "has no " + accelerator_
                                     : fmt::format("no offer with {}; it has {}", wanted, join_counts(accelerator_, other_counts_));
      return exclusions.push_back({cloud, "", reason, section_.shapes.size()});
    }
    for (std::size_t i = 0; i < refused_.size(); ++i)
      if (refused_[i] > 0)
        exclusions.push_back({cloud, fmt::format("{} {}", refused_[i], refused_[i] == 1 ? "type" : "types"),
                              reason_of(static_cast<Refusal>(i), request_, refused_[i]), refused_[i]});
  }

  std::size_t refused(Refusal refusal) const { return refused_[static_cast<std::size_t>(refusal)]; }

  const ResourceRequest& request_;
  const std::uint32_t alternative_;
  const std::string& accelerator_;
  const std::string_view zone_named_;
  const cloud::CloudSection& section_;
  const Market& market_;
  const CloudFacts facts_;
  const ShapeFilter filter_;
  std::set<double> other_counts_;
  std::array<std::size_t, static_cast<std::size_t>(Refusal::kCount)> refused_{};
};

/// Cheapest first, then in name order. Sorting small keys instead of candidates keeps a hundred thousand of them cheap.
void rank(std::vector<Candidate>& candidates) {
  struct Key {
    double price;
    std::uint64_t order;
    std::uint32_t index;
  };
  std::vector<Key> keys(candidates.size());
  for (std::uint32_t i = 0; i < keys.size(); ++i) {
    const Candidate& c = candidates[i];
    keys[i] = {c.hourly_price, std::uint64_t{c.order} << 1 | c.use_spot, i};
  }
  std::sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) {
    return a.price != b.price ? a.price < b.price : a.order != b.order ? a.order < b.order : a.index < b.index;
  });
  std::vector<Candidate> ranked;
  ranked.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (i == 0 || keys[i].order != keys[i - 1].order || keys[i].price != keys[i - 1].price) ranked.push_back(candidates[keys[i].index]);
  candidates = std::move(ranked);
}

/// The catalog's spelling of the accelerator asked for; empty when none is, or any of some memory will do.
Result<std::string> resolve_accelerator(const ResourceRequest& request, const std::vector<std::string>& names) {
  if (!request.accelerator || request.accelerator->memory_gib) return std::string();
  if (auto name = cloud::canonical_accelerator(names, request.accelerator->name)) return *std::move(name);
  const auto similar = cloud::similar_accelerators(names, request.accelerator->name);
  return invalid(
      fmt::format("no cloud has an accelerator named {}{}", request.accelerator->name,
                  similar.empty() ? "; `isobar gpus list` shows those there are" : "; did you mean " + join(similar, ", ") + "?"));
}

/// Naming a machine and an accelerator that it does not carry is a contradiction, whatever the market.
Status check_instance_type(const ResourceRequest& request, const std::string& accelerator, const cloud::Catalog& catalog) {
  if (!request.instance_type || !request.accelerator) return {};
  std::set<std::string> carried;
  bool bare = false;
  for (const auto& section : catalog.sections()) {
    if (!any_or(request.cloud, section.cloud)) continue;
    for (const cloud::Shape& shape : section.shapes) {
      if (shape.instance_type != *request.instance_type) continue;
      const bool enough = shape.accelerator_count >= whole_count(*request.accelerator);
      if (!shape.accelerator.empty() && enough && (accelerator.empty() || shape.accelerator == accelerator)) return {};
      if (shape.accelerator.empty()) bare = true;
      else carried.insert(fmt::format("{}:{:g}", shape.accelerator, shape.accelerator_count));
    }
  }
  if (carried.empty() && !bare) return {};  // no such type: the search says so for each cloud
  const std::string has = carried.empty() ? "no accelerator" : fmt::format("{}", fmt::join(carried, ", "));
  return invalid(fmt::format("instance type {} has {}, not {}:{:g}; leave out one of the two", *request.instance_type, has,
                             accelerator.empty() ? "such an accelerator" : accelerator, request.accelerator->count));
}

std::string relaxation(const ResourceRequest& request) {
  std::vector<std::string> hints;
  if (request.cpus && !request.cpus->at_least) hints.push_back(fmt::format("cpus: {:g}+", request.cpus->value));
  if (request.memory && !request.memory->amount.at_least && !request.memory->per_cpu)
    hints.push_back(fmt::format("memory: {:g}+", request.memory->amount.value));
  return hints.empty() ? "" : "\n  to take larger machines too, write " + join(hints, " and ");
}

Error nothing_found(const ResourceChoice& choice, const std::vector<Exclusion>& exclusions) {
  std::string text = "no offer matches";
  const char* before = " ";
  for (const ResourceRequest& request : choice.alternatives) text += std::exchange(before, ", nor ") + describe(request);
  for (const Exclusion& exclusion : exclusions) text += "\n  " + describe(exclusion);
  if (exclusions.empty())
    text += choice.alternatives[0].cloud ? "\n  the catalog has no cloud " + *choice.alternatives[0].cloud : "\n  the catalog is empty";
  for (const ResourceRequest& request : choice.alternatives) {
    const std::string hint = relaxation(request);
    if (!hint.empty()) return not_found(text + hint);
  }
  return not_found(text);
}

Status search(const ResourceRequest& request, std::uint32_t alternative, const Market& market, const std::vector<std::string>& names,
              Candidates& result) {
  TRY_ASSIGN(const std::string accelerator, resolve_accelerator(request, names));
  TRY(check_instance_type(request, accelerator, market.catalog));
  std::string_view zone_named;
  if (request.zone && *request.zone != "*") zone_named = result.zone_names->emplace_back(*request.zone);
  std::uint32_t first_row = 0;
  for (const cloud::CloudSection& section : market.catalog.sections()) {
    if (any_or(request.cloud, section.cloud))
      CloudSearch(request, alternative, accelerator, zone_named, section, market).run(first_row, result.ranked, result.exclusions);
    first_row += static_cast<std::uint32_t>(section.rows);
  }
  // A cloud that has nothing to show yet, such as machines that were not looked at, has a reason for it.
  const auto reason = request.cloud ? market.disabled.find(*request.cloud) : market.disabled.end();
  const auto sections = market.catalog.sections();
  const bool shown = std::any_of(sections.begin(), sections.end(), [&](const auto& section) { return section.cloud == request.cloud; });
  if (!shown && reason != market.disabled.end()) result.exclusions.push_back({reason->first, "", reason->second, 0});
  return {};
}

}  // namespace

cloud::Offer Candidate::offer() const {
  for (std::uint32_t i = 0; i < shape->places.size(); ++i) {
    cloud::Place place = shape->places[i];
    if (place.region != region ||
        (!zone.empty() && place.zone != zone && !place.zone.empty() && !is_aws_zone_name(shape->cloud, region, zone)))
      continue;
    place.zone = zone;
    return to_offer(*shape, place);
  }
  CHECK(false, shape->instance_type, region, zone);
  return {};
}

std::string describe(const Exclusion& exclusion) {
  return exclusion.cloud + ": " + (exclusion.what.empty() ? "" : exclusion.what + " ") + exclusion.reason;
}

Result<Candidates> find_candidates(const ResourceChoice& choice, const Market& market) {
  Candidates result;
  result.catalog = market.catalog;
  result.zone_names = std::make_shared<std::deque<std::string>>();
  const auto names = cloud::accelerator_names(market.catalog);
  for (std::uint32_t i = 0; i < choice.alternatives.size(); ++i) {
    TRY(search(choice.alternatives[i], i, market, names, result));
    if (choice.preference == Preference::kOrdered && !result.ranked.empty()) break;
  }
  if (result.ranked.empty()) return nothing_found(choice, result.exclusions);
  rank(result.ranked);
  return result;
}

std::vector<std::string_view> zones_of(const Candidate& candidate, const std::vector<cloud::Scope>& blocked) {
  const auto open = [&](std::string_view zone) { return !covered(blocked, *candidate.shape, candidate.region, zone, candidate.use_spot); };
  std::vector<std::string_view> zones;
  if (!candidate.zone.empty()) {
    if (open(candidate.zone)) zones.push_back(candidate.zone);
    return zones;
  }
  for (std::uint32_t i = 0; i < candidate.shape->places.size(); ++i) {
    const cloud::Place place = candidate.shape->places[i];
    if (place.region == candidate.region && !std::isnan(place.price(candidate.use_spot)) && open(place.zone)) zones.push_back(place.zone);
  }
  return zones;
}

bool is_blocked(const Candidate& candidate, const std::vector<cloud::Scope>& blocked) { return zones_of(candidate, blocked).empty(); }

}  // namespace isobar::broker
