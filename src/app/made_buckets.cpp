#include "made_buckets.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "broker/local_tree.h"
#include "copy_job.h"
#include "copy_sources.h"
#include "storage/local_names.h"
#include "storage/patience.h"
#include "transfer/arrival.h"
#include "transfer/items.h"

namespace isobar::app {

namespace {

/// Of what a listing finds in a folder, what is sent of it: as for a folder that is mirrored.
class SentItems final : public transfer::ItemSource {
 public:
  SentItems(transfer::ItemSource& of, std::set<std::string> keys) : of_(of), keys_(std::move(keys)) {}
  Result<std::optional<transfer::CopyItem>> next() override {
    for (;;) {
      auto item = of_.next();
      if (!item.ok() || !*item || keys_.contains((*item)->source.key)) return item;
    }
  }

 private:
  transfer::ItemSource& of_;
  std::set<std::string> keys_;
};

std::string expand(const std::string& path) {
  const char* home = std::getenv("HOME");
  return home && path.starts_with("~/") ? (fs::path(home) / path.substr(2)).string() : path;
}

/// Where the bucket is, or is to be: "s3://name".
Result<std::string> location_of(Context& context, const broker::FileMount& mount, const std::string& cloud) {
  const auto store = !mount.store.empty() ? mount.store : cloud == "gcp" ? "GCS" : cloud == "azure" ? "AZURE" : "S3";
  if (store == "S3") return "s3://" + mount.bucket_name;
  if (store == "GCS") return "gs://" + mount.bucket_name;
  const auto account = context.environment().find("AZURE_STORAGE_ACCOUNT");
  if (account == context.environment().end() || account->second.empty())
    return invalid("a container of Azure is in an account: set AZURE_STORAGE_ACCOUNT");
  return fmt::format("az://{}/{}", account->second, mount.bucket_name);
}

Result<bool> is_there(storage::Store& store) {
  const auto page = storage::await_patiently<storage::ListPage>([&](auto done) { store.list({.prefix = "", .keys_max = 1}, done); });
  if (page.ok()) return true;
  if (page.error().code() == Code::kNotFound) return false;
  return page.error();
}

Result<std::optional<broker::StorageRecord>> recorded(broker::StateStore& state, const std::string& location) {
  TRY_ASSIGN(auto all, state.storages());
  for (auto& one : all)
    if (one.location == location) return std::optional(std::move(one));
  return std::optional<broker::StorageRecord>();
}

/// Makes the bucket unless it is there. What made it is on record before it is made; that it was made, only when the store has said so.
Status make_sure(Context& context, broker::StateStore& state, storage::Store& store, broker::StorageRecord wanted) {
  TRY_ASSIGN(const auto before, recorded(state, wanted.location));
  if (before && before->status == broker::StorageStatus::kDeleting)
    return unavailable(fmt::format("{} is being deleted; `isobar storage delete {}` completes that", wanted.location, wanted.location));
  TRY_ASSIGN(const bool there, is_there(store).context(wanted.location));
  if (there) {
    if (before) wanted.made = before->made, wanted.region = before->region, wanted.cluster = before->cluster, wanted.since = before->since;
    wanted.status = broker::StorageStatus::kReady;
    return state.put_storage(wanted);
  }
  TRY(state.put_storage(wanted));
  const auto made = storage::await_patiently<void>([&](auto done) { store.make_bucket(done); });
  if (!made.ok()) {
    TRY(state.remove_storage(wanted.location));
    return made.error().context("make " + wanted.location);
  }
  wanted.made = true;
  wanted.status = broker::StorageStatus::kReady;
  context.console().say(fmt::format("Made {}.", wanted.location));
  return state.put_storage(wanted);
}

struct Sent {
  std::set<std::string> keys;
  std::string place;  ///< below which they go
};

/// A folder's content goes to the top of its bucket; of several sources, each below its own name.
Result<Sent> what_is_sent(const std::string& path, const std::string& location, bool several) {
  TRY_ASSIGN(const auto tree, broker::scan_tree(path));
  Sent sent{{}, location + "/"};
  const bool is_folder = !tree.entries.empty() && tree.entries[0].kind == broker::EntryKind::kFolder;
  const auto name = fs::absolute(path).lexically_normal();
  if (several && is_folder) sent.place += (name.has_filename() ? name : name.parent_path()).filename().string() + "/";
  for (const auto& entry : tree.entries)
    if (entry.kind == broker::EntryKind::kFile)
      sent.keys.insert(storage::key_of_path(entry.path.empty() ? name.filename().string() : entry.path));
  return sent;
}

Status upload(Context& context, StoreOpener& opener, const std::string& source, const std::string& location, bool several) {
  const auto path = expand(source);
  TRY_ASSIGN(auto sent, what_is_sent(path, location, several));
  TRY_ASSIGN(const auto from, open_source(opener, path, true));
  TRY_ASSIGN(const auto to, open_target(opener, sent.place, from.rule.shape, true));
  transfer::SyncItems items(*from.store, *to.store, {from.rule, to.rule, {}});
  CopyOptions options;
  options.stores = opener.options();
  Job job{from.store,
          {to.store},
          std::make_unique<SentItems>(items, std::move(sent.keys)),
          fmt::format("storage\n{}\n{}{}", identity_of(*from.store, ""), identity_of(*to.store, ""), to.rule.prefix)};
  ProgressLine progress(context.console(), false);
  const auto outcome = run_job(context, options, std::move(job), {}, progress, nullptr, nullptr);
  outcome.say_problems(context.console());
  if (!outcome.good())
    return unavailable(fmt::format("{} was not uploaded to {} as a whole; the same command goes on", source, sent.place));
  context.console().say(fmt::format("{} -> {}: {} of {} uploaded{}", source, sent.place, outcome.totals.objects_done,
                                    format_bytes({outcome.totals.bytes_done}),
                                    items.same_objects() > 0 ? "; what is the same was there already" : ""));
  return {};
}

Status make_and_fill(Context& context, const broker::FileMount& mount, const std::string& location, const broker::ClusterRecord& cluster) {
  const auto& offer = cluster.placement.offer;
  TRY_ASSIGN(auto* broker, context.broker());
  TRY_ASSIGN(const auto before, recorded(broker->state(), location));
  broker::StorageRecord wanted{
      .location = location, .persistent = mount.persistent, .cluster = cluster.name, .since = context.clock().now()};
  wanted.region = before ? before->region : offer.cloud == "aws" && location.starts_with("s3://") ? offer.region : "";
  for (const auto& source : mount.bucket_sources) wanted.source += (wanted.source.empty() ? "" : ", ") + source;
  StoreOptions options;
  options.region = options.target_region = wanted.region;
  StoreOpener opener(context, options);
  TRY_ASSIGN(const auto parsed, storage::parse_location(location));
  TRY_ASSIGN(const auto store, opener.open(parsed, true));
  TRY(make_sure(context, broker->state(), *store, wanted));
  for (const auto& source : mount.bucket_sources) TRY(upload(context, opener, source, location, mount.bucket_sources.size() > 1));
  return {};
}

/// A cluster that has the bucket mounted; empty: none has.
Result<std::string> user_of(broker::StateStore& state, const std::string& location) {
  TRY_ASSIGN(const auto clusters, state.clusters());
  for (const auto& cluster : clusters)
    for (const auto& mount : cluster.mounts)
      if (mount.bucket_sources.at(0) == location || mount.bucket_sources[0].starts_with(location + "/")) return cluster.name;
  return std::string();
}

Status empty_and_remove(Context& context, const broker::StorageRecord& storage) {
  StoreOptions options;
  options.region = options.target_region = storage.region;
  StoreOpener opener(context, options);
  TRY_ASSIGN(const auto location, storage::parse_location(storage.location));
  TRY_ASSIGN(const auto store, opener.open(location, true));
  TRY_ASSIGN(const bool there, is_there(*store));
  if (!there) return {};
  transfer::TreeItems items(*store, transfer::source_rule("", transfer::Shape::kTree), {}, {});
  Status listing;
  const auto next = [&]() -> std::optional<std::string> {
    auto item = items.next();
    if (!item.ok()) listing = item.error();
    return item.ok() && *item ? std::optional((*item)->source.key) : std::nullopt;
  };
  const auto summary = transfer::remove_all(*store, next, nullptr);
  TRY(listing);
  if (!summary.failures.empty()) return summary.failures[0].error.context(summary.failures[0].key);
  const auto removed = storage::await_patiently<void>([&](auto done) { store->remove_bucket(done); });
  return removed.ok() || removed.error().code() == Code::kNotFound ? Status() : removed;
}

}  // namespace

Result<broker::Task> with_buckets(Context& context, const broker::Task& task, const broker::ClusterRecord& cluster, MakeBuckets when) {
  auto made = task;
  for (auto& mount : made.file_mounts) {
    if (!mount.is_made()) continue;
    const auto field = "file_mounts." + mount.destination;
    TRY_ASSIGN(const auto location, location_of(context, mount, cluster.placement.offer.cloud).context(field));
    TRY(storage::parse_location(location).and_then([](auto&&) { return Status(); }).context(field));
    for (const auto& source : mount.bucket_sources)
      if (std::error_code absent; !fs::exists(expand(source), absent)) return invalid(fmt::format("{}: {} is not there", field, source));
    if (when == MakeBuckets::kNow) TRY(make_and_fill(context, mount, location, cluster).context(field));
    mount.bucket_sources = {location + "/"};
  }
  return made;
}

Status delete_storage(Context& context, broker::StorageRecord storage) {
  TRY_ASSIGN(auto* broker, context.broker());
  if (!storage.made)
    return invalid(
        fmt::format("{0} is not known to have been made by isobar, and is not deleted; `isobar rm -r {0}` and `isobar rb {0}` do that",
                    storage.location));
  TRY_ASSIGN(const auto user, user_of(broker->state(), storage.location));
  if (!user.empty()) return invalid(fmt::format("{} is mounted on cluster '{}'; take that down first", storage.location, user));
  storage.status = broker::StorageStatus::kDeleting;
  TRY(broker->state().put_storage(storage));
  TRY(empty_and_remove(context, storage).context("delete " + storage.location));
  return broker->state().remove_storage(storage.location);
}

void delete_left_storages(Context& context) {
  const auto broker = context.broker();
  const auto storages = broker.ok() ? (*broker)->state().storages() : Result<std::vector<broker::StorageRecord>>(broker.error());
  if (!storages.ok()) return;
  for (const auto& storage : *storages) {
    if (!storage.made || storage.persistent || (*broker)->state().cluster(storage.cluster).ok()) continue;
    const auto deleted = delete_storage(context, storage);
    if (deleted.ok()) context.console().say(fmt::format("Deleted {}, which was made for cluster '{}'.", storage.location, storage.cluster));
    else context.console().say(fmt::format("{}; `isobar sweep` tries again", deleted.error().message()));
  }
}

}  // namespace isobar::app
