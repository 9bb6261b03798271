#include "gateway_stores.h"

#include "storage/local_store.h"

namespace isobar::transfer {

namespace {

// What the owner's process saw, and behind it what there is here: a machine's own metadata service, say.
storage::Surroundings surroundings_of(const wire::Surroundings& seen) {
  auto own = storage::Surroundings::of_process();
  auto surroundings = own;
  surroundings.home = seen.home().empty() ? own.home : seen.home();
  surroundings.variable = [seen, own](const std::string& name) -> std::optional<std::string> {
    const auto found = seen.variables().find(name);
    return found != seen.variables().end() ? std::optional(found->second) : own.variable(name);
  };
  surroundings.read_file = [seen, own](const std::string& path) -> Result<std::string> {
    const auto found = seen.files().find(path);
    if (found != seen.files().end()) return found->second;
    return own.read_file(path);
  };
  return surroundings;
}

storage::StoreOptions options_of(const wire::StoreConfig& store) {
  storage::StoreOptions options;
  options.s3.endpoint = store.endpoint();
  options.s3.region = store.region();
  options.s3.requester_pays = store.requester_pays();
  options.s3.encryption = store.encryption();
  options.s3.kms_key = store.kms_key();
  options.s3.acl = store.acl();
  options.aws_profile = store.profile();
  options.anonymous = store.anonymous();
  options.local.symlinks = static_cast<storage::SymlinkRule>(std::min(store.symlinks(), 2U));
  options.local.keep_mode = store.keep_mode();
  return options;
}

}  // namespace

Result<std::unique_ptr<storage::Store>> GatewayStores::open_one(const wire::StoreConfig& store, const wire::Surroundings& surroundings) {
  TRY_ASSIGN(const auto location, storage::parse_location(store.location()));
  openers_.push_back(std::make_unique<storage::StoreOpener>(options_of(store), surroundings_of(surroundings), *transport_, clock_));
  return openers_.back()->open(location);
}

Result<std::unique_ptr<GatewayStores>> GatewayStores::open(const wire::Configure& configuration) {
  auto stores = std::make_unique<GatewayStores>();
  net::HttpClient::Options options;
  if (configuration.store_calls_most() > 0) options.connections_per_host = static_cast<int>(configuration.store_calls_most());
  // The proxies of this machine: the owner's are for the network that the owner is in.
  options.proxies = net::ProxyRules::from(storage::Surroundings::of_process().variable);
  const auto surroundings = surroundings_of(configuration.surroundings());
  if (const auto bundle = surroundings.variable("AWS_CA_BUNDLE"); bundle && !bundle->empty()) {
    options.ca_bundle = *bundle;
    TRY_ASSIGN(options.ca_pem, surroundings.read_file(*bundle).context("AWS_CA_BUNDLE"));
  }
  TRY_ASSIGN(stores->transport_, net::HttpClient::create(std::move(options)));
  if (!configuration.source().location().empty()) {
    TRY_ASSIGN(stores->source_, stores->open_one(configuration.source(), configuration.surroundings()));
  }
  stores->targets_.resize(static_cast<std::size_t>(configuration.targets_size()));
  for (int i = 0; i < configuration.targets_size(); ++i) {
    if (configuration.targets(i).location().empty()) continue;
    TRY_ASSIGN(stores->targets_[static_cast<std::size_t>(i)], stores->open_one(configuration.targets(i), configuration.surroundings()));
  }
  return stores;
}

}  // namespace isobar::transfer
