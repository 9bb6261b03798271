// A plan is a comparison of canonical trees, thing by thing and leaf by leaf; consequence.cpp says what each difference means.

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "canonical.h"
#include "consequence.h"
#include "features/definition_plan.h"
#include "yaml/field_reader.h"

namespace isobar::features {

namespace {

class Comparison {
 public:
  explicit Comparison(DefinitionPlan& plan) : plan_(plan) {}

  /// What is on either side, in the order of names, which both are in.
  template <class Thing, class Both>
  void compare(const std::vector<Thing>& before, const std::vector<Thing>& after, const std::string& kind, const std::string& prefix,
               Both both) {
    auto old = before.begin();
    auto now = after.begin();
    while (old != before.end() || now != after.end()) {
      if (now == after.end() || (old != before.end() && old->name < now->name)) {
        add(lone(Change::What::kDropped, kind, prefix + old->name, meaning_of_dropped(kind_in_words(*old, kind))));
        ++old;
      } else if (old == before.end() || now->name < old->name) {
        add(lone(Change::What::kAdded, kind, prefix + now->name, meaning_of_added(kind_in_words(*now, kind))));
        note_type(*now);
        both(nullptr, *now);
        ++now;
      } else {
        changed(*old, *now, kind, prefix + now->name);
        both(&*old, *now);
        ++old, ++now;
      }
    }
  }
  template <class Thing>
  void compare(const std::vector<Thing>& before, const std::vector<Thing>& after, const std::string& kind) {
    compare(before, after, kind, "", [](const Thing*, const Thing&) {});
  }

 private:
  void add(Change change) { plan_.changes.push_back(std::move(change)); }
  static Change lone(Change::What what, const std::string& kind, std::string name, const Meaning& meaning) {
    return {.what = what,
            .kind = kind,
            .name = std::move(name),
            .type = {},
            .consequence = meaning.consequence,
            .meaning = meaning.words,
            .fields = {}};
  }

  template <class Thing>
  void changed(const Thing& before, const Thing& after, const std::string& kind, const std::string& name) {
    Change change{.what = Change::What::kChanged,
                  .kind = kind,
                  .name = name,
                  .type = {},
                  .consequence = Consequence::kKept,
                  .meaning = {},
                  .fields = {}};
    std::map<std::string, std::pair<std::string, std::string>> leaves;
    for (auto& [path, text] : leaves_of(tree_of(before))) leaves[path].first = std::move(text);
    for (auto& [path, text] : leaves_of(tree_of(after))) leaves[path].second = std::move(text);
    for (const auto& [path, texts] : leaves) {
      if (texts.first == texts.second) continue;
      const Meaning meaning = meaning_of_field(kind_in_words(after, kind), path, texts.first, texts.second);
      change.fields.push_back({path, texts.first, texts.second, meaning.consequence, meaning.words});
      change.consequence = std::max(change.consequence, meaning.consequence);
    }
    note_order(before, after, change);
    if (change.fields.empty()) ++plan_.unchanged;
    else add(std::move(change));
  }

  /// Leaves by path say nothing of their order, which matters in a key alone.
  static void note_order(const Entity& before, const Entity& after, Change& change) {
    const auto names = [](const Entity& entity) {
      std::string all;
      for (const auto& key : entity.keys) all += (all.empty() ? "" : ", ") + key.name;
      return all;
    };
    if (!change.fields.empty() || before.keys == after.keys) return;
    const Meaning meaning = meaning_of_field("entity", "keys.", "", "");
    change.fields.push_back({"keys", names(before), names(after), meaning.consequence, meaning.words});
    change.consequence = std::max(change.consequence, meaning.consequence);
  }
  template <class Thing>
  static void note_order(const Thing&, const Thing&, Change&) {}

  /// As features/consequence.h tells features apart.
  static std::string kind_in_words(const Feature& feature, const std::string& kind) {
    if (std::holds_alternative<AggregateFeature>(feature.made_by)) return "aggregate";
    return std::holds_alternative<OnDemandFeature>(feature.made_by) ? "on demand" : kind;
  }
  template <class Thing>
  static std::string kind_in_words(const Thing&, const std::string& kind) {
    return kind;
  }

  void note_type(const Feature& feature) { plan_.changes.back().type = features::name_of(feature.type); }
  template <class Thing>
  void note_type(const Thing&) {}

  DefinitionPlan& plan_;
};

void compare_definitions(const Definition& before, const Definition& after, DefinitionPlan& plan) {
  static const std::vector<Feature> kNoFeatures;
  Comparison comparison(plan);
  comparison.compare(before.entities, after.entities, "entity");
  comparison.compare(before.sources, after.sources, "source");
  comparison.compare(before.views, after.views, "view", "", [&](const View* old, const View& now) {
    comparison.compare(old ? old->features : kNoFeatures, now.features, "feature", now.name + ":", [&](const Feature*, const Feature&) {
      // That a new view's features are new need not be explained.
      if (old == nullptr) plan.changes.back().meaning.clear();
    });
  });
  comparison.compare(before.services, after.services, "service");
}

void refuse_type(Type before, Type after, YamlMark mark, const std::string& field, std::string_view what, Problems& problems) {
  if (before == after || is_wider(before, after)) return;
  problems.add(mark, field,
               fmt::format("{} was {} and would be {}, under the same name; give it a new name, or cast it to {}", what, name_of(before),
                           name_of(after), name_of(before)));
}

void refuse_view_types(const View& before, const View& after, Problems& problems) {
  for (const auto& feature : after.features) {
    const auto old = std::ranges::lower_bound(before.features, feature.name, {}, &Feature::name);
    if (old == before.features.end() || old->name != feature.name) continue;
    refuse_type(old->type, feature.type, feature.mark, fmt::format("views.{}.features.{}", after.name, feature.name), "it", problems);
  }
}

Status refuse(const Definition& before, const Definition& after, const std::string& file) {
  Problems problems(file);
  if (before.project != after.project)
    problems.add({}, "project",
                 fmt::format("it is '{}', and what is applied is '{}'; compare within one project", after.project, before.project));
  for (const auto& view : after.views)
    if (const View* old = before.find_view(view.name)) refuse_view_types(*old, view, problems);
  for (const auto& entity : after.entities) {
    const Entity* old = before.find_entity(entity.name);
    if (old == nullptr) continue;
    for (const auto& key : entity.keys) {
      const auto at = std::ranges::find(old->keys, key.name, &Column::name);
      if (at != old->keys.end() && at->type != key.type)
        problems.add(
            entity.mark, fmt::format("entities.{}.keys.{}", entity.name, key.name),
            fmt::format("the key was {} and would be {}, which is other keys; make it a new entity", name_of(at->type), name_of(key.type)));
    }
  }
  if (!problems.empty()) return invalid(problems.text());
  return {};
}

}  // namespace

Result<DefinitionPlan> plan_definition(const Definition* before, const Definition& after, const std::string& file) {
  if (before) TRY(refuse(*before, after, file));
  DefinitionPlan plan{.project = after.project, .changes = {}, .unchanged = 0};
  compare_definitions(before ? *before : Definition{}, after, plan);
  return plan;
}

}  // namespace isobar::features
