// Services: what is asked for together, and under which names it is answered.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "reading.h"

namespace isobar::features {

namespace {

constexpr std::string_view kAs = " as ";

/// Which views have a feature of a name, for names without a view.
using FeatureHomes = std::map<std::string, std::vector<std::string>>;

const Feature* find_feature(const View& view, std::string_view name) {
  const auto at = std::ranges::lower_bound(view.features, name, {}, &Feature::name);
  return at != view.features.end() && at->name == name ? &*at : nullptr;
}

std::vector<std::string> keys_of(const FeatureHomes& homes) {
  std::vector<std::string> names;
  for (const auto& [name, views] : homes) names.push_back(name);
  return names;
}

/// "view:feature as alias", "view:feature", "feature".
ServedFeature split_served(std::string_view text) {
  ServedFeature served;
  if (const std::size_t as = text.rfind(kAs); as != std::string_view::npos) {
    served.as = trim(text.substr(as + kAs.size()));
    text = text.substr(0, as);
  }
  const std::size_t colon = text.find(':');
  served.feature = trim(colon == std::string_view::npos ? text : text.substr(colon + 1));
  if (colon != std::string_view::npos) served.view = trim(text.substr(0, colon));
  return served;
}

/// The view of a feature that was named without it.
bool find_home(const FeatureHomes& homes, ServedFeature& served, YamlMark mark, const std::string& path, Reading& reading) {
  const auto home = homes.find(served.feature);
  // What is missing may be in a view that has problems, and was not read to its end.
  if (home == homes.end() && !reading.broken.empty()) return false;
  if (home == homes.end()) {
    reading.problems.add(mark, path, mend_by_name(served.feature, keys_of(homes), "feature"));
    return false;
  }
  served.view = home->second.front();
  if (home->second.size() == 1) return true;
  reading.problems.add(mark, path,
                       fmt::format("'{}' is a feature of {}; say which, as {}:{}", served.feature, join(home->second, " and of "),
                                   served.view, served.feature));
  return false;
}

bool check_served(Reading& reading, const ServedFeature& served, YamlMark mark, const std::string& path) {
  const View* view = reading.definition.find_view(served.view);
  std::vector<std::string> names;
  if (view == nullptr) {
    for (const auto& known : reading.definition.views) names.push_back(known.name);
    reading.problems.add(mark, path, mend_by_name(served.view, names, "view"));
    return false;
  }
  if (reading.broken.contains(served.view)) return false;
  if (!view->online)
    reading.problems.add(mark, path, fmt::format("view {} is not online, so it is not served; leave out online: false", served.view));
  if (find_feature(*view, served.feature) != nullptr) return true;
  for (const auto& known : view->features) names.push_back(known.name);
  reading.problems.add(mark, path, mend_by_name(served.feature, names, fmt::format("feature of {} called", served.view)));
  return false;
}

bool read_served(Reading& reading, const FeatureHomes& homes, const YamlNode& node, const std::string& path, ServedFeature& served) {
  YamlMark alias_mark = node.mark;
  if (node.kind == YamlNode::Kind::kMap) {
    FieldReader reader(node, path, reading.problems);
    std::string text;
    if (!reader.text("feature", text) && !reader.has("feature")) reading.problems.add(node.mark, path, "it needs feature, as VIEW:FEATURE");
    served = split_served(text);
    if (reader.text("as", served.as)) alias_mark = reader.get("as")->mark;
    reader.finish();
    if (text.empty()) return false;
  } else {
    const auto text = scalar_text(node, path, reading.problems, "VIEW:FEATURE, or VIEW:FEATURE as NAME");
    if (!text) return false;
    served = split_served(*text);
  }
  if (!served.as.empty() && !check_name(served.as, alias_mark, path, reading.problems)) return false;
  if (served.as.empty()) served.as = served.feature;
  if (served.view.empty() && !find_home(homes, served, node.mark, path, reading)) return false;
  return check_served(reading, served, node.mark, path);
}

/// An answer has one value for each name; two features of one name need an alias.
void check_ambiguity(Reading& reading, const ServedFeature& served, const Service& service, YamlMark mark, const std::string& path,
                     std::map<std::string, std::size_t>& taken) {
  const auto [at, fresh] = taken.emplace(served.as, service.features.size());
  if (fresh) return;
  const ServedFeature& other = service.features[at->second];
  reading.problems.add(mark, path,
                       fmt::format("'{}' is {}:{} already; give one of them another name, as {}:{} as {}_{}", served.as, other.view,
                                   other.feature, served.view, served.feature, served.view, served.feature));
}

Service read_service(Reading& reading, const FeatureHomes& homes, const YamlField& field, const std::string& path) {
  Service service{.name = field.key.text, .mark = field.key.mark};
  const YamlNode* list = &field.value;
  std::string list_path = path;
  if (field.value.kind == YamlNode::Kind::kMap) {
    FieldReader reader(field.value, path, reading.problems);
    list = reader.get("features");
    list_path = reader.path_of("features");
    read_labels(reader, service.labels);
    reader.finish();
  }
  if (list == nullptr || list->kind != YamlNode::Kind::kSequence || list->items.empty()) {
    reading.problems.add(list ? list->mark : field.key.mark, list_path, "expected a list of VIEW:FEATURE, as [spending:spent_1h]");
    return service;
  }
  std::map<std::string, std::size_t> taken;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    const std::string at = fmt::format("{}[{}]", list_path, i);
    ServedFeature served;
    if (!read_served(reading, homes, list->items[i], at, served)) continue;
    check_ambiguity(reading, served, service, list->items[i].mark, at, taken);
    service.features.push_back(std::move(served));
  }
  return service;
}

}  // namespace

void read_services(Reading& reading, const YamlNode& services) {
  FeatureHomes homes;
  for (const auto& view : reading.definition.views)
    for (const auto& feature : view.features) homes[feature.name].push_back(view.name);
  FieldReader reader(services, "services", reading.problems);
  for (const auto& field : reader.free_fields()) {
    const std::string path = reader.path_of(field.key.text);
    check_name(field.key.text, field.key.mark, path, reading.problems);
    reading.definition.services.push_back(read_service(reading, homes, field, path));
  }
  std::ranges::sort(reading.definition.services, {}, &Service::name);
}

}  // namespace isobar::features
