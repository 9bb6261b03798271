#pragma once

// What all sessions of one gateway share.

#include <atomic>

#include "db/gateway.h"
#include "schema_cache.h"
#include "sequences.h"
#include "session_catalog.h"
#include "sql/function_set.h"

namespace isobar::db {

struct Gateway::Inside {
  Inside(KeyDatabase& keys, GatewayOptions o) : database(keys), options(std::move(o)), schema(keys), sequences(keys) {}
  KeyDatabase& database;
  const GatewayOptions options;
  SchemaCache schema;
  Sequences sequences;
  sql::FunctionSet functions;
  FindVirtual find_virtual;
  std::atomic<std::int32_t> next_backend{1};
  std::int64_t started_at = 0;  // as of timestamptz
};

}  // namespace isobar::db
