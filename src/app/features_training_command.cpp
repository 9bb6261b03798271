// features training-set: rows of a file, each with its features as they would have been answered at its time.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"
#include "command.h"
#include "features/engine.h"
#include "features/event_files.h"
#include "features/training_set.h"
#include "interrupt_watch.h"

namespace isobar::app {

namespace {

struct TrainingOptions {
  std::string definition, service, entities, out, data, temporary, memory = "512MiB";
  std::string format, entities_format;
  std::vector<std::string> features, events, without, programs;
  features::TrainingSetSpec spec;
  bool full_names = false, as_of_knowledge = false;
};

/// What a store has taken in.
class LogEvents final : public features::EventStream {
 public:
  LogEvents(const features::Engine& engine, const features::Project& project) : engine_(engine), project_(project) {}
  bool removes() const override {
    return std::ranges::any_of(project_.sources(), [](const auto& source) { return !source.source->key.empty(); });
  }
  Status each(const std::function<Status(const features::TrainingEvent&)>& visit) const override {
    return engine_.each_event([&](const features::LoggedEvent& event) -> Status {
      const auto source = project_.find_source(event.source);
      if (!source) return {};
      return visit({*source, event.order, event.arrived, event.removed, event.withdrawn, event.row});
    });
  }

 private:
  const features::Engine& engine_;
  const features::Project& project_;
};

/// The rows of a log have the columns that the store's definition says, in which another one may differ.
Status check_columns(const features::Engine& engine, const features::Project& project, const std::string& folder) {
  const auto applied = engine.project();
  if (!applied) return not_found(fmt::format("{}: no definition was applied to this store", folder));
  for (const auto& source : project.sources()) {
    const auto there = applied->find_source(source.source->name);
    if (!source.views.empty() && there && !(applied->sources()[*there].schema == source.schema))
      return invalid(
          fmt::format("source '{}' has other columns in {} than in this definition; apply it there first", source.source->name, folder));
  }
  return {};
}

/// Where events come from, and what they stand on.
struct Events {
  std::unique_ptr<features::Engine> engine;
  std::unique_ptr<features::EventStream> stream;
};

Result<Events> open_store(const Context& context, const TrainingOptions& o, const features::Project& project) {
  if (!o.events.empty() || !o.without.empty())
    return invalid("--data takes the events of all sources from the store; leave out --events and --without");
  const fs::path store = fs::path(o.data) / "store";
  std::error_code ignored;
  if (!fs::is_directory(store, ignored)) return not_found(fmt::format("--data {}: there is no store of features in this folder", o.data));
  Events events;
  TRY_ASSIGN(events.engine, features::Engine::open(store, {}, context.clock()));
  TRY(check_columns(*events.engine, project, o.data));
  events.stream = std::make_unique<LogEvents>(*events.engine, project);
  return events;
}

Result<Events> open_files(const TrainingOptions& o, const features::RequestPlan& plan, const features::JoinOptions& join) {
  features::EventFileOptions files{.files = {},
                                   .without = {o.without.begin(), o.without.end()},
                                   .as_of_knowledge = o.as_of_knowledge,
                                   .memory_bytes = join.memory_bytes / 4,
                                   .temporary = join.temporary};
  for (const std::string& given : o.events) {
    const std::size_t equals = given.find('=');
    if (equals == std::string::npos) return invalid(fmt::format("--events {}: write it as SOURCE=FILE", given));
    files.files[given.substr(0, equals)] = given.substr(equals + 1);
  }
  Events events;
  TRY_ASSIGN(events.stream, features::open_event_files(plan, files));
  return events;
}

Result<features::JoinReport> make_training_set(const Context& context, TrainingOptions& o, std::stop_token stop) {
  TRY_ASSIGN(o.spec.entities, features::table_file(o.entities, o.entities_format).context("--entities"));
  TRY_ASSIGN(o.spec.out, features::table_file(o.out, o.format).context("--out"));
  TRY_ASSIGN(const std::string text, read_file(o.definition));
  TRY_ASSIGN(features::Definition definition, features::parse_definition(text, o.definition));
  TRY_ASSIGN(auto project, features::Project::create(std::move(definition)));
  TRY_ASSIGN(const auto plan,
             features::RequestPlan::create(
                 project, {.service = o.service, .features = o.features, .full_names = o.full_names, .offline_too = true}));
  features::JoinOptions join;
  TRY_ASSIGN(const ByteCount memory, parse_bytes(o.memory).context("--memory"));
  if (memory.value < kMiB) return invalid("--memory must be at least 1MiB");
  join.memory_bytes = memory.value;
  join.as_of_knowledge = o.as_of_knowledge;
  join.programs.folders.assign(o.programs.begin(), o.programs.end());
  join.programs.said = [&context](std::string_view program, std::string_view line) {
    context.console().say(fmt::format("{}: {}", program, line));
  };
  join.temporary = !o.temporary.empty() ? fs::path(o.temporary) : fs::absolute(o.spec.out.path).parent_path();
  join.stop = std::move(stop);
  TRY_ASSIGN(const Events events, o.data.empty() ? open_files(o, *plan, join) : open_store(context, o, *project));
  return features::write_training_set(*plan, o.spec, *events.stream, join);
}

int training_set(Context& context, TrainingOptions& o) {
  const InterruptWatch watch;
  const Console& console = context.console();
  const auto report = make_training_set(context, o, watch.token());
  if (!report.ok()) return console.fail(report.error());
  console.say(fmt::format("{} rows, joined with {} events, are in {}.", report->rows, report->events, o.out));
  if (report->left_out > 0)
    console.say(fmt::format("For {} events a view's expression has no result or its key is null, as when they are served; the first: {}",
                            report->left_out, report->problem));
  return kOk;
}

void add_source_options(CLI::App& command, TrainingOptions& o) {
  command
      .add_option("--events", o.events,
                  "SOURCE=FILE: the events of a source, from a file or a folder of files in the place of what the definition says. "
                  "Several times, for several sources.")
      ->allow_extra_args(false);
  command.add_option("--without", o.without, "A source of which no event is taken.")->allow_extra_args(false);
  command.add_option("--data", o.data, "Take the events from the store in this folder instead, as they came.");
  command
      .add_option("--allow-programs", o.programs,
                  "A folder: programs and libraries in it that the definition names as featurizers are run. Several times, for several.")
      ->allow_extra_args(false);
  command.add_flag("--as-of-knowledge", o.as_of_knowledge,
                   "A row sees no event that was not yet known at its time: in files, created; in a store, taken in.");
}

}  // namespace

void add_features_training_command(Commands& commands, CLI::App* features_group) {
  auto o = std::make_shared<TrainingOptions>();
  auto* command = commands.add(features_group, "training-set",
                               "Join rows, each of keys and a time, with features as they would have been answered at that time.",
                               [o](Context& context) { return training_set(context, *o); });
  command->add_option("DEFINITION", o->definition, "The definition, a YAML file.")->required();
  auto* service = command->add_option("--service", o->service, "The features that a service of the definition has.");
  command->add_option("--features", o->features, "Or these: VIEW:FEATURE, or FEATURE where one view alone has it; with commas between.")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->excludes(service);
  command->add_option("--entities", o->entities, "The rows, .csv or .jsonl: keys, a time, and whatever else.")->required();
  command->add_option("--time", o->spec.time_column, "The column of the rows' times; without an offset they are UTC.")
      ->capture_default_str();
  command->add_option("--out", o->out, "The file that is made. It is there when all of it is.")->required();
  command->add_option("--entities-format", o->entities_format, "Of the rows, where the file's name does not say it.");
  command->add_option("--format", o->format, "Of the file that is made, where its name does not say it.");
  command->add_flag("--full-names", o->full_names, "Columns are called VIEW__FEATURE.");
  command->add_flag("--statuses", o->spec.statuses,
                    "A column NAME__status beside each: PRESENT, NULL_VALUE, NOT_FOUND, OUTSIDE_MAX_AGE or INVALID.");
  add_source_options(*command, *o);
  command->add_option("--memory", o->memory, "How much to hold in memory; what is more goes to temporary files.")->capture_default_str();
  command->add_option("--temporary", o->temporary, "The folder of those, which have no names there. Where --out is.");
}

}  // namespace isobar::app
