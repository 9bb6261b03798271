#pragma once

/// What a node fetches from stores before its job begins: buckets that a task wants copied to its disk. Each node reads for itself, so
/// that nothing passes through the machine of whoever launched the task.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "transfer/gateway_session.h"

namespace isobar::transfer {

struct FetchOrder {
  GatewayStore store;       ///< its location is the place to read: "s3://bucket/prefix", or one object
  std::string destination;  ///< on the node: "~/x" is in its home, "/x" as it says, "x" in ~/sky_workdir
  friend bool operator==(const FetchOrder& a, const FetchOrder& b) {
    return a.store.location == b.store.location && a.destination == b.destination;
  }
};

struct FetchOrders {
  std::vector<FetchOrder> orders;
  GatewaySurroundings surroundings;
};

/// JSON.
std::string encode(const FetchOrders& orders);
/// Errors   kInvalidArgument: not what `encode` makes
Result<FetchOrders> decode_fetch_orders(std::string_view text);

/// The variables in which a node is told what to fetch: ISOBAR_FETCH, ISOBAR_FETCH_1, … A single one may not be longer than 128 KiB, and
/// certificates alone can be.
std::string fetch_variable(int index);
/// Errors   kInvalidArgument: more than a process can be given
Result<std::map<std::string, std::string>> fetch_variables(const FetchOrders& orders);

}  // namespace isobar::transfer
