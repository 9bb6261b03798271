#include "gateway_stores.h"

namespace isobar::transfer {

namespace {

GatewayStore store_of(const wire::StoreConfig& from) {
  GatewayStore store;
  store.location = from.location();
  store.endpoint = from.endpoint();
  store.region = from.region();
  store.profile = from.profile();
  store.encryption = from.encryption();
  store.kms_key = from.kms_key();
  store.acl = from.acl();
  store.anonymous = from.anonymous();
  store.requester_pays = from.requester_pays();
  store.keep_mode = from.keep_mode();
  store.symlinks = static_cast<int>(std::min(from.symlinks(), 2U));
  return store;
}

GatewaySurroundings surroundings_of(const wire::Surroundings& from) {
  return {{from.variables().begin(), from.variables().end()}, {from.files().begin(), from.files().end()}, from.home()};
}

}  // namespace

Result<std::unique_ptr<GatewayStores>> GatewayStores::open(const wire::Configure& configuration) {
  auto stores = std::make_unique<GatewayStores>();
  TRY_ASSIGN(stores->owner_,
             OwnerStores::create(surroundings_of(configuration.surroundings()), static_cast<int>(configuration.store_calls_most())));
  if (!configuration.source().location().empty()) {
    TRY_ASSIGN(stores->source_, stores->owner_->open(store_of(configuration.source())));
  }
  stores->targets_.resize(static_cast<std::size_t>(configuration.targets_size()));
  for (int i = 0; i < configuration.targets_size(); ++i) {
    if (configuration.targets(i).location().empty()) continue;
    TRY_ASSIGN(stores->targets_[static_cast<std::size_t>(i)], stores->owner_->open(store_of(configuration.targets(i))));
  }
  return stores;
}

}  // namespace isobar::transfer
