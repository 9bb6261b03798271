#include "features/request_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.h"

namespace isobar::features {

namespace {

std::string unknown(std::string_view what, std::string_view name, const std::vector<std::string>& known) {
  if (const auto near = closest(name, known)) return fmt::format("there is no {} '{}'; did you mean '{}'?", what, name, *near);
  return fmt::format("there is no {} '{}'{}", what, name, known.empty() ? "" : "; there are " + join(known, ", "));
}

template <class Things>
std::vector<std::string> names_of(const Things& things) {
  std::vector<std::string> names;
  for (const auto& thing : things) names.push_back(thing.name);
  return names;
}

const Feature* feature_of(const View& view, std::string_view name) {
  const auto at = std::ranges::find(view.features, name, &Feature::name);
  return at == view.features.end() ? nullptr : &*at;
}

/// VIEW:FEATURE, or FEATURE where one view alone has it.
Result<ServedFeature> named_feature(const Definition& definition, std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon != std::string_view::npos)
    return ServedFeature{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1)), std::string(text.substr(colon + 1))};
  std::vector<std::string> homes, names;
  for (const auto& view : definition.views) {
    if (feature_of(view, text) != nullptr) homes.push_back(view.name);
    for (const auto& feature : view.features) names.push_back(feature.name);
  }
  if (homes.empty()) return not_found(unknown("feature", text, names));
  if (homes.size() > 1)
    return invalid(fmt::format("'{}' is a feature of {}; say which, as {}:{}", text, join(homes, " and of "), homes.front(), text));
  return ServedFeature{homes.front(), std::string(text), std::string(text)};
}

Result<std::vector<ServedFeature>> wanted_of(const Definition& definition, const RequestSpec& spec) {
  if (spec.service.empty() == spec.features.empty()) return invalid("ask for a service, or for features, and not for both");
  std::vector<ServedFeature> wanted;
  for (const auto& text : spec.features) {
    TRY_ASSIGN(ServedFeature served, named_feature(definition, text));
    wanted.push_back(std::move(served));
  }
  if (spec.service.empty()) return wanted;
  const auto service = std::ranges::find(definition.services, spec.service, &Service::name);
  if (service == definition.services.end()) return not_found(unknown("service", spec.service, names_of(definition.services)));
  return service->features;
}

/// What a value says of itself, where the row is not there.
FieldStatus absent_status(ViewReading::Status status) {
  return status == ViewReading::Status::kExpired ? FieldStatus::kOutsideMaxAge : FieldStatus::kNotFound;
}

}  // namespace

Result<std::shared_ptr<const RequestPlan>> RequestPlan::create(std::shared_ptr<const Project> project, const RequestSpec& spec) {
  std::shared_ptr<RequestPlan> plan(new RequestPlan());
  plan->project_ = std::move(project);
  plan->spec_ = spec;
  TRY_ASSIGN(auto wanted, wanted_of(plan->project_->definition(), spec));
  for (auto& served : wanted) {
    if (spec.full_names && served.as == served.feature) served.as = served.view + "__" + served.feature;
    TRY(plan->add(served, spec.offline_too));
  }
  TRY(plan->take_keys());
  for (const auto& served : wanted) {
    const std::size_t view = *plan->project_->find_view(served.view);
    TRY_ASSIGN(const std::size_t part, plan->part_of(view));
    const Feature& feature = *feature_of(plan->project_->views()[view].view(), served.feature);
    TRY_ASSIGN(Source source, plan->source_of(part, feature).context(served.view + ":" + served.feature));
    plan->sources_.push_back(std::move(source));
  }
  return std::shared_ptr<const RequestPlan>(std::move(plan));
}

Status RequestPlan::add(const ServedFeature& served, bool offline_too) {
  const auto at = project_->find_view(served.view);
  if (!at) return not_found(unknown("view", served.view, names_of(project_->definition().views)));
  const View& view = project_->views()[*at].view();
  if (!view.online && !offline_too) return not_found(fmt::format("view '{}' is not online", served.view));
  const Feature* feature = feature_of(view, served.feature);
  if (feature == nullptr)
    return not_found(unknown(fmt::format("feature of '{}' called", served.view), served.feature, names_of(view.features)));
  const auto other = std::ranges::find(outputs_, served.as, &Output::name);
  if (other != outputs_.end())
    return invalid(
        fmt::format("'{}' is asked for of {} and of {}: ask with full feature names, or by a service that gives one of them another name",
                    served.as, other->view, served.view));
  TRY(part_of(*at));
  outputs_.push_back({served.view, served.feature, served.as, feature->type});
  return {};
}

Result<std::size_t> RequestPlan::part_of(std::size_t view) {
  const auto known = std::ranges::find(parts_, view, &Part::view);
  if (known != parts_.end()) return static_cast<std::size_t>(known - parts_.begin());
  parts_.push_back({view, {}, std::vector<bool>(project_->views()[view].stored().size())});
  return parts_.size() - 1;
}

Result<std::size_t> RequestPlan::input_of(const Column& column) {
  const auto known = std::ranges::find(inputs_, column.name, &Column::name);
  if (known == inputs_.end()) {
    inputs_.push_back(column);
    return inputs_.size() - 1;
  }
  if (known->type != column.type)
    return invalid(fmt::format("'{}' is {} to one of the views and {} to another; ask for them one after the other", column.name,
                               name_of(known->type), name_of(column.type)));
  return static_cast<std::size_t>(known - inputs_.begin());
}

Status RequestPlan::take_keys() {
  for (auto& part : parts_)
    for (const auto& key : project_->views()[part.view].keys()) {
      TRY_ASSIGN(const std::size_t input, input_of(key));
      part.keys.push_back(input);
    }
  key_count_ = inputs_.size();
  return {};
}

Result<RequestPlan::Source> RequestPlan::source_of(std::size_t part, const Feature& feature) {
  const CompiledView& view = project_->views()[parts_[part].view];
  const auto* on_demand = std::get_if<OnDemandFeature>(&feature.made_by);
  if (on_demand == nullptr) {
    const auto stored = std::ranges::find(view.stored(), feature.name, &Column::name);
    const auto place = static_cast<std::size_t>(stored - view.stored().begin());
    parts_[part].wanted[place] = true;
    return Source(Stored{part, place});
  }
  parts_[part].wanted.assign(view.stored().size(), true);  // any of them may be in the expression
  auto columns = view.keys();
  columns.insert(columns.end(), view.stored().begin(), view.stored().end());
  std::vector<std::size_t> request;
  for (const auto& column : on_demand->request) {
    columns.push_back(column);
    TRY_ASSIGN(const std::size_t input, input_of(column));
    request.push_back(input);
  }
  TRY_ASSIGN(const Schema schema, Schema::create(std::move(columns)));
  TRY_ASSIGN(Expression expression, Expression::compile(on_demand->sql, schema));
  return Source(OnDemand{part, std::move(request), std::move(expression)});
}

bool RequestPlan::scheduled(std::size_t output) const {
  const auto* stored = std::get_if<Stored>(&sources_[output]);
  const Part& part = parts_[stored != nullptr ? stored->part : std::get<OnDemand>(sources_[output]).part];
  const auto& expensive = project_->views()[part.view].expensive_features();
  if (stored != nullptr) return std::ranges::find(expensive, stored->place, &CompiledView::Expensive::stored) != expensive.end();
  // The columns of its expression are the keys, what is stored, and the request's.
  const auto columns = std::get<OnDemand>(sources_[output]).expression.columns();
  return std::ranges::any_of(expensive, [&](const auto& one) { return std::ranges::count(columns, part.keys.size() + one.stored) > 0; });
}

Result<std::string> RequestPlan::key(const Part& part, const Row& inputs) const {
  const CompiledView& view = project_->views()[part.view];
  Row keys;
  keys.reserve(part.keys.size());
  for (const std::size_t input : part.keys) keys.push_back(inputs[input]);
  return view.key_bytes(keys);
}

Answered RequestPlan::on_demand(const OnDemand& feature, const Row& inputs, const ViewReading& reading) const {
  const Part& part = parts_[feature.part];
  const CompiledView& view = project_->views()[part.view];
  const bool found = reading.status == ViewReading::Status::kFound;
  Row row;
  for (const std::size_t input : part.keys) row.push_back(inputs[input]);
  if (found) row.insert(row.end(), reading.values.begin(), reading.values.end());
  else row.resize(row.size() + view.stored().size());
  for (const std::size_t input : feature.request) row.push_back(inputs[input]);
  Answered answered{.value = {}, .status = FieldStatus::kInvalid, .event_time = reading.newest.time};
  auto value = feature.expression.evaluate(row);
  if (!value) return answered;
  answered.status = status_of(*value);
  // A view without sources has nothing that could be missing.
  if (value->is_null() && !found && !view.view().sources.empty()) answered.status = absent_status(reading.status);
  answered.value = std::move(*value);
  return answered;
}

void RequestPlan::answer(const Row& inputs, std::span<const ViewReading> readings, std::span<Answered> out) const {
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    if (const auto* on_demand = std::get_if<OnDemand>(&sources_[i])) {
      out[i] = this->on_demand(*on_demand, inputs, readings[on_demand->part]);
      continue;
    }
    const auto [part, place] = std::get<Stored>(sources_[i]);
    const ViewReading& reading = readings[part];
    out[i] = {.value = {}, .status = absent_status(reading.status), .event_time = reading.newest.time};
    if (reading.status != ViewReading::Status::kFound) continue;
    out[i].value = reading.values[place];
    out[i].status = reading.statuses[place];
  }
}

}  // namespace isobar::features
