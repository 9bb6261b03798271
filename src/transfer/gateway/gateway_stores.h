#pragma once

// The stores of a gateway: what its owner reaches, reached from here.

#include <memory>
#include <vector>

#include "messages.h"
#include "transfer/owner_stores.h"

namespace isobar::transfer {

class GatewayStores {
 public:
  // Opens those that are configured. Errors   kInvalidArgument
  static Result<std::unique_ptr<GatewayStores>> open(const wire::Configure& configuration);
  // None: this gateway does not read.
  storage::Store* source() { return source_.get(); }
  // None: the target is written elsewhere.
  storage::Store* target(std::size_t index) { return index < targets_.size() ? targets_[index].get() : nullptr; }

 private:
  std::unique_ptr<OwnerStores> owner_;
  std::unique_ptr<storage::Store> source_;
  std::vector<std::unique_ptr<storage::Store>> targets_;
};

}  // namespace isobar::transfer
