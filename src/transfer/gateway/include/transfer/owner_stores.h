#pragma once

/// Stores that an owner elsewhere reaches, reached from here: with the options and the credentials that it sent along.

#include <memory>

#include "base/result.h"
#include "storage/store.h"
#include "transfer/gateway_session.h"

namespace isobar::net {
class HttpTransport;
}
namespace isobar::storage {
struct Surroundings;
}

namespace isobar::transfer {

class OwnerStores {
 public:
  /// calls_most  connections to one host; 0: as many as the client takes by itself
  /// Errors      kInvalidArgument: certificates that cannot be read; kExhausted: no threads or descriptors
  static Result<std::unique_ptr<OwnerStores>> create(const GatewaySurroundings& surroundings, int calls_most = 0);
  /// Every store must be gone before this is.
  ~OwnerStores();

  /// Nothing is sent yet.
  /// Errors   as storage::StoreOpener
  Result<std::unique_ptr<storage::Store>> open(const GatewayStore& store);
  /// What the owner's process saw, and behind it what there is here. Lives as long as this does, as does what asks with it.
  const storage::Surroundings& surroundings() const;
  net::HttpTransport& transport() const;

 private:
  struct Inside;
  explicit OwnerStores(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

}  // namespace isobar::transfer
