#include "transfer/fetch_run.h"

#include "transfer/fetch.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "base/bytes.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "storage/location.h"
#include "storage/patience.h"
#include "transfer/items.h"
#include "transfer/owner_stores.h"

namespace isobar::transfer {

namespace {

constexpr auto kTell = std::chrono::seconds(10);

fs::path home() {
  const char* set = std::getenv("HOME");
  return set && *set ? set : "/";
}

/// As for what is mirrored.
fs::path expand(const std::string& destination) {
  if (destination == "~" || destination.starts_with("~/")) return home() / destination.substr(std::min<std::size_t>(2, destination.size()));
  return home() / "sky_workdir" / destination;  // which is the destination itself where that is absolute
}

/// One copy of one order.
struct Fetch {
  std::shared_ptr<storage::Store> source, target;
  std::unique_ptr<ItemSource> items;
  const SyncItems* tree = nullptr;  ///< the items, where there may be many
};

Result<std::optional<storage::ObjectInfo>> look(storage::Store& store, const std::string& key) {
  const auto head = storage::await_patiently<storage::ObjectHead>([&](auto done) { store.head(key, false, done); });
  if (head.ok()) return std::optional(head->info);
  if (head.error().code() == Code::kNotFound) return std::optional<storage::ObjectInfo>();
  return head.error();
}

Result<Fetch> plan(OwnerStores& stores, const FetchOrder& order) {
  TRY_ASSIGN(const auto location, storage::parse_location(order.store.location));
  // A folder is a store of its own.
  const std::string key = location.kind == storage::Kind::kLocal ? "" : location.key;
  Fetch fetch;
  TRY_ASSIGN(fetch.source, stores.open(order.store));
  std::optional<storage::ObjectInfo> object;
  // The name is an object's, or what objects' names begin with.
  if (!key.empty() && !key.ends_with('/')) {
    TRY_ASSIGN(object, look(*fetch.source, key));
  }
  const auto destination = expand(order.destination).lexically_normal();
  const auto folder = object ? destination.parent_path() : destination;
  TRY(make_folders(folder).context(order.destination));
  TRY_ASSIGN(fetch.target, stores.open(GatewayStore{.location = folder.string()}));
  if (!object) {
    auto tree = std::make_unique<SyncItems>(
        *fetch.source, *fetch.target,
        SyncItems::Rules{.source = source_rule(key, Shape::kTree), .target = target_rule("", Shape::kTree, true)});
    fetch.tree = tree.get();
    fetch.items = std::move(tree);
    return fetch;
  }
  const auto name = destination.filename().string();
  TRY_ASSIGN(const auto there, look(*fetch.target, name));
  std::vector<NamedItems::Pair> pairs;
  if (!there || compare(*object, *there, true) != Difference::kSame) pairs.push_back({key, {name}});
  fetch.items = std::make_unique<NamedItems>(*fetch.source, std::move(pairs));
  return fetch;
}

CopyPlan plan_of_copy() {
  CopyPlan plan;
  plan.recheck_source = false;
  plan.read_lagging_again = true;
  plan.target_keeps_mtime = true;
  plan.target_calls_most = 16;
  return plan;
}

std::string sum(std::uint64_t objects, std::uint64_t bytes) {
  return fmt::format("{} {}, {}", objects, objects == 1 ? "object" : "objects", format_bytes({bytes}));
}

Status carry_out(OwnerStores& stores, const FetchOrder& order) {
  TRY_ASSIGN(auto fetch, plan(stores, order));
  const auto name = crypto::to_hex(crypto::sha256(order.store.location + "\n" + order.destination)).substr(0, 16);
  const auto folder = home() / ".isobar" / "fetch";
  TRY(make_folders(folder));
  std::string first_failure;
  CopyHooks hooks;
  hooks.ended = [&](const ObjectEnded& ended) {
    if (!ended.outcome.ok() && first_failure.empty())
      first_failure = fmt::format("{}: {}", ended.item.source.key, ended.outcome.error().message());
  };
  auto told = std::chrono::steady_clock::now();
  hooks.progress = [&](const CopyCore::Totals& totals, bool listed) {
    const auto now = std::chrono::steady_clock::now();
    if (now - told < kTell) return;
    told = now;
    fmt::print("{}: {} of {}{}\n", order.store.location, sum(totals.objects_done, totals.bytes_done),
               sum(totals.objects_listed, totals.bytes_listed), listed ? "" : " or more");
    std::fflush(stdout);
  };
  CopyJob job{fetch.source, {fetch.target}, plan_of_copy(), folder / (name + ".journal"), {}};
  TRY_ASSIGN(const auto summary, run_copy(std::move(job), *fetch.items, hooks));
  TRY(summary.listing);
  TRY(summary.stopped);
  if (!summary.complete())
    return unavailable(fmt::format("{} could not be fetched, the first: {}", sum(summary.totals.objects_failed, 0), first_failure));
  if (fetch.tree && fetch.tree->source_objects() == 0) return not_found("there is nothing by that name");
  const bool there = fetch.tree ? fetch.tree->same_objects() > 0 : summary.totals.objects_listed == 0;
  fmt::print("{} -> {}: {} fetched{}\n", order.store.location, order.destination,
             sum(summary.totals.objects_done, summary.totals.bytes_done), there ? "; what is the same was there already" : "");
  std::fflush(stdout);
  return {};
}

Status fetch_all() {
  std::string text;
  for (int i = 0; const char* piece = std::getenv(fetch_variable(i).c_str()); ++i) text += piece;
  if (text.empty()) return invalid(fmt::format("{} says what to fetch, and is not set", fetch_variable(0)));
  TRY_ASSIGN(const auto orders, decode_fetch_orders(text));
  TRY_ASSIGN(const auto stores, OwnerStores::create(orders.surroundings));
  for (const auto& order : orders.orders) TRY(carry_out(*stores, order).context(order.store.location));
  return {};
}

}  // namespace

int fetch_what_is_ordered() {
  const auto fetched = fetch_all();
  if (fetched.ok()) return 0;
  fmt::print(stderr, "file_mounts: {}\n", fetched.error().message());
  return 1;
}

}  // namespace isobar::transfer
