#pragma once

// What users say of a copy: the options of cp, mv and sync.

#include <string>
#include <vector>

#include "transfer/copy_driver.h"
#include "transfer/glob.h"
#include "transfer_ends.h"
#include "transfer_overlay_options.h"

namespace isobar::app {

struct CopyOptions {
  StoreOptions stores;
  OverlayOptions overlay;
  std::vector<std::string> places;  // SRC… DST
  std::vector<std::string> also;
  std::string from_list, manifest, bandwidth, part_size = "8MiB", memory = "256MiB", output;
  bool recursive = false, dry_run = false, resume = false, restart = false, no_verify = false, no_server_side = false, quiet = false;
  transfer::Filter filter;
  transfer::PropertyOverrides overrides;
  std::vector<std::string> metadata;
  // sync alone
  bool remove_extras = false, force = false, size_only = false, checksum = false, ignore_existing = false;
  std::int64_t max_delete = -1;
  int max_failures = transfer::CopyPlan().failures_in_a_row_most;
};

enum class Verb { kCopy, kMove, kSync };

void add_job_options(CLI::App& command, CopyOptions& options);

}  // namespace isobar::app
