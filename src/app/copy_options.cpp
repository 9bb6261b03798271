#include "copy_options.h"

#include <CLI/CLI.hpp>

namespace isobar::app {

namespace {

void add_filter_options(CLI::App& command, CopyOptions& options) {
  const auto add = [&](const std::string& name, bool include, const std::string& text) {
    command
        .add_option_function<std::string>(
            name,
            [&options, include](const std::string& pattern) {
              options.filter.rules.push_back({include, pattern});
            },
            text)
        ->trigger_on_parse()
        ->type_name("PATTERN")
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  add("--include", true, "Take what matches; the last --include or --exclude that matches decides. May be given several times.");
  add("--exclude", false, "Leave out what matches.");
}

}  // namespace

void add_job_options(CLI::App& command, CopyOptions& options) {
  add_filter_options(command, options);
  command.add_flag("-n,--dry-run", options.dry_run, "Say what would be done, and do nothing.");
  command.add_flag("--resume", options.resume,
                   "Go on with an unfinished transfer of the same, which must be there. (Without this it is taken up if it is there.)");
  command.add_flag("--restart", options.restart, "Remove what an unfinished transfer of the same has left, and begin again.")
      ->excludes("--resume");
  command.add_option("--manifest", options.manifest, "Append a JSON line for each object to this file: names, bytes, CRC-32C, versions.");
  command.add_option("--bwlimit", options.bandwidth, "Bytes a second at most: 100MB.");
  command.add_option("--part-size", options.part_size, "Objects larger than this move in parts of it.")->capture_default_str();
  command.add_option("--memory", options.memory, "Memory for data under way, at most.")->capture_default_str();
  command
      .add_option("--max-failures", options.max_failures,
                  "Give up when so many objects in a row were refused by a store, or it did not answer. 0: try them all.")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command.add_flag("--no-verify", options.no_verify, "Do not look at the target's own listing in the end.");
  command.add_flag("--no-server-side", options.no_server_side, "Let the bytes pass here though the store could copy them by itself.");
  command.add_flag("--preserve", options.stores.keep_mode, "Keep files' permissions, in metadata where the store is none.");
  command.add_option("--content-type", options.overrides.content_type, "Set this instead of what the source says. So with the next ones.");
  command.add_option("--content-encoding", options.overrides.content_encoding);
  command.add_option("--content-language", options.overrides.content_language);
  command.add_option("--content-disposition", options.overrides.content_disposition);
  command.add_option("--cache-control", options.overrides.cache_control);
  command.add_option("--storage-class", options.overrides.storage_class, "The target's storage class.");
  command.add_option("--metadata", options.metadata, "NAME=VALUE, laid over the source's. May be given several times.")
      ->allow_extra_args(false);
  command.add_flag("--drop-metadata", options.overrides.drop_metadata, "Leave the source's metadata behind.");
  command.add_flag("-q,--quiet", options.quiet, "Say only what went wrong.");
  command.add_option("-o,--output", options.output, "table or json.")->check(CLI::IsMember({"table", "json"}));
}

}  // namespace isobar::app
