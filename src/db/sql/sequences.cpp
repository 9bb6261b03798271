#include "sequences.h"

#include <fmt/format.h>

#include "db/canonical.h"
#include "db/key_layout.h"
#include "sql_transaction.h"

namespace isobar::db {

namespace {

constexpr std::int64_t kBlock = 64;
constexpr std::uint32_t kTakeTries = 20;

sql::SqlError exhausted(const sql::Sequence& sequence) {
  const bool up = sequence.increment > 0;
  return {"2200H", fmt::format("nextval: reached {} value of sequence \"{}\" ({})", up ? "maximum" : "minimum", sequence.name,
                               up ? sequence.most : sequence.least)};
}

}  // namespace

std::string encode_sequence(const SequenceState& state) {
  return encode(static_cast<std::uint64_t>(state.last)) + (state.called ? '\1' : '\0');
}

SequenceState decode_sequence(const sql::Sequence& sequence, const std::optional<std::string>& bytes) {
  if (!bytes || bytes->size() != 9) return {sequence.start, false};
  const auto last = decode<std::uint64_t>(std::string_view(*bytes).substr(0, 8));
  return {static_cast<std::int64_t>(last.value_or(0)), bytes->back() != '\0'};
}

sql::SqlResult<std::int64_t> advance(const sql::Sequence& sequence, SequenceState& state, std::int64_t& count) {
  std::int64_t first = state.last;
  if (state.called) {
    const bool over = __builtin_add_overflow(state.last, sequence.increment, &first) || first > sequence.most || first < sequence.least;
    if (over && !sequence.cycle) return exhausted(sequence);
    if (over) first = sequence.increment > 0 ? sequence.least : sequence.most;
  }
  std::int64_t taken = 1, last = first;
  for (std::int64_t next = 0; taken < count && !__builtin_add_overflow(last, sequence.increment, &next); ++taken) {
    if (next > sequence.most || next < sequence.least) break;
    last = next;
  }
  count = taken;
  state = {last, true};
  return first;
}

sql::SqlResult<Sequences::Block> Sequences::take(const sql::Sequence& sequence) {
  Status committed;
  for (std::uint32_t tries = 0; tries < kTakeTries; ++tries) {
    const auto tx = database_.begin(Access::kWrite, tries);
    const std::string key = key::sequence(sequence.id);
    const auto read = tx->read({key}, ReadFor::kUpdate);
    if (!read.ok()) return sql_error_of(read.error());
    SequenceState state = decode_sequence(sequence, read->front().value);
    std::int64_t count = kBlock;
    TRY_ASSIGN(const std::int64_t first, advance(sequence, state, count));
    committed = tx->commit({{key, encode_sequence(state)}});
    if (committed.ok()) return Block{first, count};
    if (committed.error().code() != Code::kConflict) break;
  }
  return sql_error_of(committed.error());
}

sql::SqlResult<std::int64_t> Sequences::next(const sql::Sequence& sequence) {
  const std::scoped_lock lock(mutex_);
  Block& block = blocks_[sequence.id];
  if (block.left == 0) {
    TRY_ASSIGN(block, take(sequence));
  }
  --block.left;
  const std::int64_t value = block.next;
  if (block.left > 0) block.next += sequence.increment;
  return value;
}

sql::SqlStatus Sequences::set(const sql::Sequence& sequence, const SequenceState& state) {
  const std::scoped_lock lock(mutex_);
  blocks_.erase(sequence.id);
  Status committed;
  for (std::uint32_t tries = 0; tries < kTakeTries; ++tries) {
    committed = database_.begin(Access::kWrite, tries)->commit({{key::sequence(sequence.id), encode_sequence(state)}});
    if (committed.ok()) return {};
    if (committed.error().code() != Code::kConflict) break;
  }
  return sql_error_of(committed.error());
}

}  // namespace isobar::db
