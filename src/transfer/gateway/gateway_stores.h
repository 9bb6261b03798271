#pragma once

// The stores of a gateway: what its owner reaches, reached from here.

#include <map>
#include <memory>
#include <vector>

#include "messages.h"
#include "net/http_client.h"
#include "storage/open.h"

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
  Result<std::unique_ptr<storage::Store>> open_one(const wire::StoreConfig& store, const wire::Surroundings& surroundings);

  SystemClock clock_;
  std::unique_ptr<net::HttpClient> transport_;
  std::vector<std::unique_ptr<storage::StoreOpener>> openers_;
  std::unique_ptr<storage::Store> source_;
  std::vector<std::unique_ptr<storage::Store>> targets_;
};

}  // namespace isobar::transfer
