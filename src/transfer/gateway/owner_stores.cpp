#include "transfer/owner_stores.h"

#include <algorithm>
#include <vector>

#include "net/http_client.h"
#include "storage/local_store.h"
#include "storage/open.h"

namespace isobar::transfer {

namespace {

// What the owner's process saw, and behind it what there is here: a machine's own metadata service, say.
storage::Surroundings seen_from(const GatewaySurroundings& seen) {
  auto own = storage::Surroundings::of_process();
  auto surroundings = own;
  surroundings.home = seen.home.empty() ? own.home : seen.home;
  surroundings.variable = [seen, own](const std::string& name) -> std::optional<std::string> {
    const auto found = seen.variables.find(name);
    return found != seen.variables.end() ? std::optional(found->second) : own.variable(name);
  };
  surroundings.read_file = [seen, own](const std::string& path) -> Result<std::string> {
    const auto found = seen.files.find(path);
    if (found != seen.files.end()) return found->second;
    return own.read_file(path);
  };
  return surroundings;
}

storage::StoreOptions options_of(const GatewayStore& store) {
  storage::StoreOptions options;
  options.s3.endpoint = store.endpoint;
  options.s3.region = store.region;
  options.s3.requester_pays = store.requester_pays;
  options.s3.encryption = store.encryption;
  options.s3.kms_key = store.kms_key;
  options.s3.acl = store.acl;
  options.aws_profile = store.profile;
  options.anonymous = store.anonymous;
  options.local.symlinks = static_cast<storage::SymlinkRule>(std::clamp(store.symlinks, 0, 2));
  options.local.keep_mode = store.keep_mode;
  return options;
}

}  // namespace

struct OwnerStores::Inside {
  storage::Surroundings surroundings;
  SystemClock clock;
  std::unique_ptr<net::HttpClient> transport;
  std::vector<std::unique_ptr<storage::StoreOpener>> openers;
};

OwnerStores::OwnerStores(std::unique_ptr<Inside> inside) : inside_(std::move(inside)) {}
OwnerStores::~OwnerStores() = default;

Result<std::unique_ptr<OwnerStores>> OwnerStores::create(const GatewaySurroundings& surroundings, int calls_most) {
  auto inside = std::make_unique<Inside>();
  inside->surroundings = seen_from(surroundings);
  net::HttpClient::Options options;
  if (calls_most > 0) options.connections_per_host = calls_most;
  // The proxies of this machine: the owner's are for the network that the owner is in.
  options.proxies = net::ProxyRules::from(storage::Surroundings::of_process().variable);
  if (const auto bundle = inside->surroundings.variable("AWS_CA_BUNDLE"); bundle && !bundle->empty()) {
    options.ca_bundle = *bundle;
    TRY_ASSIGN(options.ca_pem, inside->surroundings.read_file(*bundle).context("AWS_CA_BUNDLE"));
  }
  TRY_ASSIGN(inside->transport, net::HttpClient::create(std::move(options)));
  return std::unique_ptr<OwnerStores>(new OwnerStores(std::move(inside)));
}

const storage::Surroundings& OwnerStores::surroundings() const { return inside_->surroundings; }
net::HttpTransport& OwnerStores::transport() const { return *inside_->transport; }

Result<std::unique_ptr<storage::Store>> OwnerStores::open(const GatewayStore& store) {
  TRY_ASSIGN(const auto location, storage::parse_location(store.location));
  inside_->openers.push_back(
      std::make_unique<storage::StoreOpener>(options_of(store), inside_->surroundings, *inside_->transport, inside_->clock));
  return inside_->openers.back()->open(location);
}

}  // namespace isobar::transfer
