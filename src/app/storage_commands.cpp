// storage ls, storage delete: the buckets that tasks had made.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <boost/json.hpp>

#include "base/text_table.h"
#include "command.h"
#include "made_buckets.h"

namespace isobar::app {

namespace {

namespace json = boost::json;

Result<std::vector<broker::StorageRecord>> storages_of(Context& context) {
  TRY_ASSIGN(auto* broker, context.broker());
  return broker->state().storages();
}

int list_storages(Context& context, const std::string& output) {
  const auto storages = storages_of(context);
  if (!storages.ok()) return context.console().fail(storages.error());
  if (output == "json") {
    json::array array;
    for (const auto& one : *storages)
      array.push_back(json::object{{"location", one.location},
                                   {"status", broker::name_of(one.status)},
                                   {"made", one.made},
                                   {"persistent", one.persistent},
                                   {"region", one.region},
                                   {"cluster", one.cluster},
                                   {"source", one.source},
                                   {"since", one.since.unix_seconds()}});
    context.console().print(json::serialize(array) + "\n");
    return kOk;
  }
  if (storages->empty())
    return context.console().print("No buckets were made. A task makes one by `file_mounts: {/data: {name: …}}`.\n"), kOk;
  TextTable table({"BUCKET", "STATUS", "MADE BY ISOBAR", "GOES WITH", "SOURCE", "SINCE"});
  for (const auto& one : *storages)
    table.add({one.location, std::string(broker::name_of(one.status)), one.made ? "yes" : "no",
               one.persistent || !one.made ? "-" : one.cluster, one.source.empty() ? "-" : one.source,
               format_ago(context.clock().now() - one.since)});
  context.console().print(table.render());
  return kOk;
}

struct DeleteOptions {
  std::vector<std::string> names;
  bool all = false, yes = false;
};

/// By location, or by the bucket's name alone.
bool is_called(const broker::StorageRecord& storage, const std::string& name) {
  return storage.location == name || storage.location.ends_with("/" + name);
}

Result<std::vector<broker::StorageRecord>> chosen(Context& context, const DeleteOptions& options) {
  if (!options.all && options.names.empty()) return invalid("name a bucket, or pass --all");
  TRY_ASSIGN(auto storages, storages_of(context));
  for (const auto& name : options.names)
    if (std::none_of(storages.begin(), storages.end(), [&](const auto& one) { return is_called(one, name); }))
      return not_found(fmt::format("no bucket '{}' was made; `isobar storage ls` lists those that were", name));
  std::erase_if(storages, [&](const broker::StorageRecord& one) {
    const bool named = std::any_of(options.names.begin(), options.names.end(), [&](const auto& name) { return is_called(one, name); });
    return options.all ? !one.made : !named;
  });
  return storages;
}

int delete_storages(Context& context, const DeleteOptions& options) {
  const auto storages = chosen(context, options);
  if (!storages.ok()) return context.console().fail(storages.error());
  int exit_code = kOk;
  for (const auto& one : *storages) {
    if (!options.yes && one.made) {
      const auto sure = context.console().confirm(fmt::format("Delete {} with everything in it?", one.location));
      if (!sure.ok()) return context.console().fail(sure.error());
      if (!*sure) return kFailed;
    }
    const auto deleted = delete_storage(context, one);
    if (deleted.ok()) context.console().print(fmt::format("{} is gone.\n", one.location));
    else exit_code = context.console().fail(deleted.error());
  }
  return exit_code;
}

}  // namespace

void add_storage_commands(Commands& commands) {
  CLI::App* storage = commands.group(nullptr, "storage", "Buckets that tasks had made.");
  const auto output = std::make_shared<std::string>();
  CLI::App* list = commands.add(storage, "ls", "List the buckets that tasks had made.",
                                [output](Context& context) { return list_storages(context, *output); });
  list->add_option("-o,--output", *output, "table or json.")->check(CLI::IsMember({"table", "json"}));
  const auto options = std::make_shared<DeleteOptions>();
  CLI::App* remove = commands.add(storage, "delete", "Delete buckets that isobar made, with everything in them.",
                                  [options](Context& context) { return delete_storages(context, *options); });
  remove->add_option("BUCKET", options->names, "Names, or places such as s3://NAME.");
  remove->add_flag("-a,--all", options->all, "All that isobar made.");
  remove->add_flag("-y,--yes", options->yes, "Do not ask.");
}

}  // namespace isobar::app
