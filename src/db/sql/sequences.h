#pragma once

// Sequences: numbers are given out in blocks, each block taken from the database by a transaction of its own, so that nobody waits for
// anybody's number. What is given out never comes back; numbers of one gateway ascend, and a restart skips what was left of a block.

#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "db/key_database.h"
#include "sql/catalog.h"
#include "sql/error.h"

namespace isobar::db {

/// How far a sequence's numbers are given out, as it is kept.
struct SequenceState {
  std::int64_t last = 0;
  bool called = false;  ///< `last` was given out
};
std::string encode_sequence(const SequenceState& state);
SequenceState decode_sequence(const sql::Sequence& sequence, const std::optional<std::string>& bytes);
/// The next `count` numbers, moved to. Errors   2200H: there are no more
sql::SqlResult<std::int64_t> advance(const sql::Sequence& sequence, SequenceState& state, std::int64_t& count);

/// Of one gateway, for all its sessions. Safe from any thread.
class Sequences {
 public:
  explicit Sequences(KeyDatabase& database) : database_(database) {}
  sql::SqlResult<std::int64_t> next(const sql::Sequence& sequence);
  sql::SqlStatus set(const sql::Sequence& sequence, const SequenceState& state);

 private:
  struct Block {
    std::int64_t next = 0, left = 0;
  };
  sql::SqlResult<Block> take(const sql::Sequence& sequence);

  KeyDatabase& database_;
  std::mutex mutex_;
  std::map<sql::Oid, Block> blocks_;  // guarded by mutex_
};

/// Of one session: currval and lastval.
struct SessionSequences {
  std::map<sql::Oid, std::int64_t> current;
  std::optional<sql::Oid> last;
};

}  // namespace isobar::db
