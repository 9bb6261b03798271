// features plan: whether a definition is sound, what it would change, and what becomes of the data.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/file.h"
#include "command.h"
#include "features/definition_plan.h"

namespace isobar::app {

namespace {

struct DefinitionOptions {
  std::string file, against;
  bool json = false, canonical = false;
};

Result<features::Definition> read_definition(const std::string& file) {
  TRY_ASSIGN(const std::string text, read_file(file));
  return features::parse_definition(text, file);
}

Result<std::string> definition_answer(const DefinitionOptions& o) {
  TRY_ASSIGN(const auto definition, read_definition(o.file));
  if (o.canonical) return features::canonical_text(definition);
  std::optional<features::Definition> before;
  if (!o.against.empty()) {
    TRY_ASSIGN(before, read_definition(o.against));
  }
  TRY_ASSIGN(const auto plan, features::plan_definition(before ? &*before : nullptr, definition, o.file));
  return o.json ? features::plan_json(plan) + "\n" : features::render_plan(plan);
}

int plan_definition_file(Context& context, const DefinitionOptions& o) {
  const auto text = definition_answer(o);
  if (!text.ok()) return context.console().fail(text.error());
  context.console().print(*text);
  return kOk;
}

}  // namespace

void add_features_plan_command(Commands& commands, CLI::App* features_group) {
  auto o = std::make_shared<DefinitionOptions>();
  auto* command = commands.add(features_group, "plan",
                               "Check a definition of features, and say what it adds, changes and drops, and what becomes of the data.",
                               [o](Context& context) { return plan_definition_file(context, *o); });
  command->add_option("FILE", o->file, "The definition, a YAML file: entities, sources, views, services.")->required();
  command->add_option("--against", o->against,
                      "The definition that it would replace: an older file, or its canonical form. None: all is new.");
  auto* canonical = command->add_flag("--canonical", o->canonical,
                                      "Print the definition's canonical form instead, which is the same for the same definition.");
  command->add_flag("--json", o->json, "The plan as JSON.")->excludes(canonical);
}

}  // namespace isobar::app
