// FAULTS.yaml as typed values.

#include <fmt/format.h>

#include "broker/rehearsal.h"
#include "yaml/field_reader.h"

namespace isobar::broker {

namespace {

const std::vector<std::string> kKinds = {"stockout", "quota", "outage", "error", "partial", "slow", "preempt", "lifetime", "flaky"};

void read_where(FieldReader& fields, FaultWhere& where) {
  const auto read = [&](const char* key, std::optional<std::string>& into) {
    std::string text;
    if (fields.text(key, text)) into = text;
  };
  read("cloud", where.cloud);
  read("region", where.region);
  read("zone", where.zone);
  read("instance_type", where.instance_type);
  read("accelerator", where.accelerator);
  bool spot = false;
  if (fields.boolean("use_spot", spot)) where.use_spot = spot;
}

Fault read_fault(const YamlNode& node, const std::string& path, Problems& problems) {
  FieldReader fields(node, path, problems);
  Fault fault;
  if (const auto kind = fields.choice("kind", kKinds)) fault.kind = static_cast<FaultKind>(*kind);
  else if (!node.find("kind")) fields.report("kind", "a fault needs its kind");
  read_where(fields, fault.where);
  fields.seconds("from", fault.from);
  fields.seconds("until", fault.until);
  if (fault.until < fault.from) fields.report("until", "until is before from");
  if (fields.seconds("at", fault.from) && fault.kind != FaultKind::kPreempt)
    fields.report("at", "only a preempt fault happens at one time; use from and until");
  fields.text("code", fault.code);
  if (fault.kind == FaultKind::kError && fault.code.empty()) fields.report("code", "an error fault needs the provider's code");
  if (!fields.seconds("delay", fault.delay) && (fault.kind == FaultKind::kSlow || fault.kind == FaultKind::kLifetime))
    fields.report("delay", "slow and lifetime faults need a delay, such as 10m");
  fields.number("probability", fault.probability, 0);
  fields.finish();
  return fault;
}

}  // namespace

Result<FaultPlan> parse_fault_plan(std::string_view text, const std::string& file_name) {
  TRY_ASSIGN(const auto documents, read_yaml(text, file_name));
  Problems problems(file_name);
  FieldReader fields(documents[0], "", problems);
  FaultPlan plan;
  int seed = 1;
  if (fields.integer("seed", seed, 0, INT32_MAX)) plan.seed = static_cast<std::uint64_t>(seed);
  fields.seconds("work", plan.work);
  fields.seconds("checkpoint_every", plan.checkpoint_every);
  fields.seconds("provision", plan.provision);
  fields.seconds("horizon", plan.horizon);
  if (const YamlNode* faults = fields.get("faults")) {
    if (faults->kind != YamlNode::Kind::kSequence)
      fields.report("faults", fmt::format("expected a list of faults, got {}", describe_node(*faults)));
    for (std::size_t i = 0; i < faults->items.size(); ++i)
      plan.faults.push_back(read_fault(faults->items[i], fmt::format("faults[{}]", i), problems));
  }
  fields.finish();
  if (plan.work <= Duration::zero()) problems.add({}, "work", "expected a time above 0");
  if (!problems.empty()) return invalid(problems.text());
  return plan;
}

}  // namespace isobar::broker
