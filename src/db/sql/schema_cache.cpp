#include "schema_cache.h"

#include <chrono>
#include <thread>

#include "db/key_layout.h"
#include "sql_transaction.h"

namespace isobar::db {

namespace {
constexpr std::uint32_t kTries = 30;
constexpr std::chrono::milliseconds kPause{20};
}  // namespace

sql::SqlResult<SchemaPtr> SchemaCache::read() {
  Error last(Code::kConflict, "the schema changes all the time");
  for (std::uint32_t tries = 0; tries < kTries; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(kPause);
    const auto tx = database_.begin(Access::kRead, tries);
    const auto version = tx->read({key::kVersion}, ReadFor::kReading);
    if (!version.ok()) return sql_error_of(version.error());
    // Of one that is not decided yet nobody can say later that it is still so.
    if (version->front().depends_on) continue;
    {
      const std::scoped_lock lock(mutex_);
      if (known_ && known_->version.version == version->front().version) return known_;
    }
    std::vector<std::pair<std::string, std::string>> entries;
    std::optional<std::string> from = key::kSchema;
    while (from) {
      auto page = tx->scan({*from, key::kSchemaEnd, 0, false});
      if (!page.ok()) return sql_error_of(page.error());
      entries.insert(entries.end(), std::make_move_iterator(page->rows.begin()), std::make_move_iterator(page->rows.end()));
      from = std::move(page->next);
    }
    if (const Status sure = tx->commit({}); !sure.ok()) {
      last = sure.error();
      if (last.code() == Code::kConflict) continue;
      return sql_error_of(last);
    }
    auto schema = read_schema(entries, version->front());
    if (!schema.ok()) return sql_error_of(schema.error());
    const std::scoped_lock lock(mutex_);
    return known_ = *schema;
  }
  return sql_error_of(last);
}

sql::SqlResult<SchemaPtr> SchemaCache::current() {
  {
    const std::scoped_lock lock(mutex_);
    if (known_) return known_;
  }
  return read();
}

sql::SqlResult<SchemaPtr> SchemaCache::refreshed() { return read(); }

void SchemaCache::forget() {
  const std::scoped_lock lock(mutex_);
  known_.reset();
}

sql::SqlStatus SchemaCache::begin(const std::string& owner) {
  Error last(Code::kConflict, "");
  for (std::uint32_t tries = 0; tries < kTries; ++tries) {
    if (tries > 0) std::this_thread::sleep_for(kPause);
    const auto tx = database_.begin(Access::kWrite, tries);
    const auto version = tx->read({key::kVersion}, ReadFor::kReading);
    if (!version.ok()) return sql_error_of(version.error());
    if (version->front().value) return {};
    std::vector<Write> writes;
    for (auto& [key, value] : first_schema(owner)) writes.push_back({key, value});
    const Status committed = tx->commit(std::move(writes));
    if (committed.ok()) return {};
    last = committed.error();
    if (last.code() != Code::kConflict) break;
  }
  return sql_error_of(last);
}

}  // namespace isobar::db
