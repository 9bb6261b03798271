#pragma once

/// Any web server as a source: one URL at a time, in ranges, each read pinned to the content that the first one saw.

#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"
#include "storage/store.h"

namespace isobar::storage {

/// Keys are paths with their queries, as Location has them: percent-encoded already where the server wants them so; what no URL can
/// carry is encoded here. Redirects are followed, from https to https alone.
/// base      "https://host" or "http://host:port"
/// ObjectInfo::version is a strong ETag, else the time of the last change; empty where the server tells neither, and nothing is pinned.
/// Lists nothing and writes nothing: those calls report kInvalidArgument.
/// transport, clock  must outlive the store, and the store every call on it
Result<std::unique_ptr<Store>> make_http_source(std::string base, net::HttpTransport& transport, const Clock& clock);

}  // namespace isobar::storage
