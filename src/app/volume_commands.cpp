// volumes apply, ls, delete: disks that outlive the clusters which mount them.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <boost/json.hpp>

#include "base/text.h"
#include "base/text_table.h"
#include "broker/volumes.h"
#include "command.h"

namespace isobar::app {

namespace {

namespace json = boost::json;

struct VolumeApplyOptions {
  std::string file;
  broker::VolumeOverrides overrides;
  bool use_existing = false, yes = false;
};

int apply_volume(Context& context, VolumeApplyOptions options) {
  if (options.use_existing) options.overrides.use_existing = true;
  constexpr std::uint64_t kVolumeBytesMax = 1 << 20;
  const auto text = options.file.empty() ? Result<std::string>(std::string()) : read_file(options.file, kVolumeBytesMax);
  if (!text.ok()) return context.console().fail(invalid(text.error().message()));
  const auto spec = broker::parse_volume_file(*text, options.file.empty() ? "command line" : options.file, options.overrides);
  if (!spec.ok()) return context.console().fail(spec.error());
  const auto broker = context.broker();
  if (!broker.ok()) return context.console().fail(broker.error());
  if (!spec->region.empty()) context.kubernetes().also_offer(spec->region);
  const auto applied = broker::Volumes((*broker)->parts()).apply(*spec, context.user());
  if (!applied.ok()) return context.console().fail(applied.error());
  const auto& volume = applied->volume;
  context.console().print(fmt::format("Volume '{}' is ready: claim {} in context {}, {}Gi, {}.\n", volume.name, volume.id, volume.region,
                                      volume.size_gib, volume.access_mode));
  return kOk;
}

/// The clusters that mount each volume, by its name.
Result<std::map<std::string, std::vector<std::string>>> users_of_volumes(broker::StateStore& state) {
  TRY_ASSIGN(const auto clusters, state.clusters());
  std::map<std::string, std::vector<std::string>> users;
  for (const auto& cluster : clusters)
    for (const auto& mount : cluster.volumes)
      if (!mount.name.empty()) users[mount.name].push_back(cluster.name);
  return users;
}

json::object volume_json(const broker::VolumeRecord& record, const std::vector<std::string>& users) {
  const auto& volume = record.volume;
  return {{"name", volume.name},
          {"type", "k8s-pvc"},
          {"cloud", record.cloud},
          {"region", volume.region},
          {"namespace", volume.name_space},
          {"claim", volume.id},
          {"size_gib", volume.size_gib},
          {"storage_class", volume.storage_class},
          {"access_mode", volume.access_mode},
          {"labels", json::value_from(volume.labels)},
          {"use_existing", volume.use_existing},
          {"status", broker::name_of(record.status)},
          {"used_by", json::value_from(users)},
          {"user", record.user},
          {"since", record.since.unix_seconds()}};
}

std::string volume_table(Context& context, const std::vector<broker::VolumeRecord>& volumes,
                         std::map<std::string, std::vector<std::string>>& users, bool verbose) {
  std::vector<std::string> headings = {"NAME", "TYPE", "INFRA", "SIZE", "ACCESS", "STATUS", "USED BY", "SINCE"};
  if (verbose) headings.insert(headings.end(), {"CLAIM", "CLASS", "MADE BY ISOBAR"});
  TextTable table(headings);
  for (const auto& record : volumes) {
    const auto& volume = record.volume;
    const auto& used = users[volume.name];
    std::vector<std::string> row = {volume.name,
                                    "k8s-pvc",
                                    fmt::format("{} ({}/{})", record.cloud, volume.region, volume.name_space),
                                    fmt::format("{}Gi", volume.size_gib),
                                    volume.access_mode,
                                    std::string(broker::name_of(record.status)),
                                    used.empty() ? "-" : join(used, ", "),
                                    format_ago(context.clock().now() - record.since)};
    if (verbose)
      row.insert(row.end(), {volume.id, volume.storage_class.empty() ? "-" : volume.storage_class, volume.use_existing ? "no" : "yes"});
    table.add(std::move(row));
  }
  return table.render();
}

struct VolumeListOptions {
  std::string output;
  bool verbose = false;
};

int list_volumes(Context& context, const VolumeListOptions& options) {
  const auto broker = context.broker();
  if (!broker.ok()) return context.console().fail(broker.error());
  const auto volumes = broker::Volumes((*broker)->parts()).list();
  if (!volumes.ok()) return context.console().fail(volumes.error());
  auto users = users_of_volumes((*broker)->state());
  if (!users.ok()) return context.console().fail(users.error());
  if (options.output == "json") {
    json::array array;
    for (const auto& record : *volumes) array.push_back(volume_json(record, (*users)[record.volume.name]));
    context.console().print(json::serialize(array) + "\n");
  } else if (volumes->empty()) {
    context.console().print("No volumes. `isobar volumes apply FILE` makes one.\n");
  } else {
    context.console().print(volume_table(context, *volumes, *users, options.verbose));
  }
  return kOk;
}

struct VolumeDeleteOptions {
  std::vector<std::string> names;
  bool all = false, yes = false, purge = false;
};

Result<std::vector<broker::VolumeRecord>> chosen_volumes(broker::StateStore& state, const VolumeDeleteOptions& options) {
  if (!options.all && options.names.empty()) return invalid("name a volume, or pass --all");
  TRY_ASSIGN(auto volumes, state.volumes());
  const auto is_called = [](const std::string& name) {
    return [&name](const broker::VolumeRecord& one) { return one.volume.name == name; };
  };
  for (const auto& name : options.names)
    if (std::none_of(volumes.begin(), volumes.end(), is_called(name)))
      return not_found(fmt::format("there is no volume '{}'; `isobar volumes ls` lists those there are", name));
  if (!options.all)
    std::erase_if(volumes, [&](const broker::VolumeRecord& one) {
      return std::find(options.names.begin(), options.names.end(), one.volume.name) == options.names.end();
    });
  return volumes;
}

int delete_volumes(Context& context, const VolumeDeleteOptions& options) {
  const auto broker = context.broker();
  if (!broker.ok()) return context.console().fail(broker.error());
  const auto chosen = chosen_volumes((*broker)->state(), options);
  if (!chosen.ok()) return context.console().fail(chosen.error());
  int exit_code = kOk;
  for (const auto& record : *chosen) {
    const auto& name = record.volume.name;
    if (!options.yes && !record.volume.use_existing) {
      const auto sure = context.console().confirm(fmt::format("Delete volume '{}' with everything in it?", name));
      if (!sure.ok()) return context.console().fail(sure.error());
      if (!*sure) return kFailed;
    }
    const auto gone =
        broker::Volumes((*broker)->parts()).remove(name, options.purge ? broker::IfItFails::kForget : broker::IfItFails::kKeep);
    if (!gone.ok()) exit_code = context.console().fail(gone.error());
    else if (record.volume.use_existing)
      context.console().print(fmt::format("Volume '{}' is forgotten; its claim was there before isobar, and stays.\n", name));
    else context.console().print(fmt::format("Volume '{}' is gone.\n", name));
  }
  return exit_code;
}

void add_apply(Commands& commands, CLI::App* volumes) {
  const auto options = std::make_shared<VolumeApplyOptions>();
  CLI::App* apply = commands.add(volumes, "apply", "Make a volume, or take one that is there under a name; what is there already stays.",
                                 [options](Context& context) { return apply_volume(context, *options); });
  apply->add_option("FILE", options->file, "Volume file (docs/clouds.md); what is not in it, options say.");
  apply->add_option("-n,--name", options->overrides.name, "The volume's name.");
  apply->add_option("--type", options->overrides.type, "k8s-pvc.");
  apply->add_option("--infra", options->overrides.infra, "k8s, or k8s/CONTEXT.");
  apply->add_option("--size", options->overrides.size, "How large: 100Gi.");
  apply->add_flag("--use-existing", options->use_existing, "Take the claim of that name that is there; it is never deleted.");
  apply->add_flag("-y,--yes", options->yes, "Accepted for scripts: nothing is asked.");
}

}  // namespace

void add_volume_commands(Commands& commands) {
  CLI::App* volumes = commands.group(nullptr, "volumes", "Disks that outlive the clusters which mount them.");
  add_apply(commands, volumes);
  const auto listed = std::make_shared<VolumeListOptions>();
  CLI::App* list = commands.add(volumes, "ls", "List the volumes.", [listed](Context& context) { return list_volumes(context, *listed); });
  list->add_flag("-v,--verbose", listed->verbose, "Also show claims and storage classes.");
  list->add_option("-o,--output", listed->output, "table or json.")->check(CLI::IsMember({"table", "json"}));
  const auto options = std::make_shared<VolumeDeleteOptions>();
  CLI::App* remove = commands.add(volumes, "delete", "Delete volumes with everything in them; those that were there before are forgotten.",
                                  [options](Context& context) { return delete_volumes(context, *options); });
  remove->add_option("VOLUME", options->names, "Names.");
  remove->add_flag("-a,--all", options->all, "All volumes.");
  remove->add_flag("-y,--yes", options->yes, "Do not ask.");
  remove->add_flag("-p,--purge", options->purge, "Forget it also when its cloud cannot be asked.");
}

}  // namespace isobar::app
