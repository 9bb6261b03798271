#include "written_states.h"

#include "features/row_codec.h"
#include "log_places.h"

namespace isobar::features {

namespace {

constexpr std::size_t kBytesOfWrite = 2U << 20;

}  // namespace

std::string written_state(std::uint64_t line, std::string_view state) {
  std::string bytes;
  append_varint(bytes, line);
  bytes += state;
  return bytes;
}

Result<ReadState> read_state(std::string_view bytes) {
  ByteReader reader(bytes);
  ReadState read{};
  TRY_ASSIGN(read.line, reader.varint());
  std::string line;
  append_varint(line, read.line);
  if (line.size() > bytes.size()) return damaged("a key's state is too short");
  read.state = bytes.substr(line.size());
  return read;
}

StateWrite written_mark(ViewId log, std::int64_t of, std::uint64_t line) {
  std::string bytes;
  append_varint(bytes, line);
  return {.view = log, .key = std::string(kWrittenKey), .level = kLogLevel, .bucket = of, .state = std::move(bytes)};
}

Result<std::optional<std::uint64_t>> read_mark(const Snapshot& snapshot, ViewId log, std::int64_t of) {
  TRY_ASSIGN(const auto bytes, snapshot.state({log, kWrittenKey}, kLogLevel, of));
  if (!bytes) return std::optional<std::uint64_t>();
  ByteReader reader(*bytes);
  TRY_ASSIGN(const std::uint64_t line, reader.varint());
  return std::optional(line);
}

Status WrittenStates::wait() {
  if (!under_way_) return {};
  TRY(under_way_->get());
  under_way_.reset();
  return {};
}

bool WrittenStates::gather(const Epoch& epoch, Instant since, Commit& into) {
  std::size_t bytes = 0;
  bool more = false;
  for (const auto& slot : epoch.slots)
    for (auto& shard : slot->shards) {
      const MutexLock lock(shard.mutex);
      while (bytes < kBytesOfWrite) {
        const auto key = shard.unwritten.take(since);
        if (!key) break;
        const auto state = shard.state->encode(key->key);
        const auto until = shard.state->forgotten_at(key->key);
        bytes += key->key.size() + (state ? state->size() : 0) + 64;
        StateWrite& write = into.states.emplace_back();
        write.view = slot->id;
        write.key = key->key;
        write.level = kKeyStateLevel;
        if (state) write.state = written_state(slot->applied, *state);
        if (until) write.keep_until = *until;
      }
      more = more || bytes >= kBytesOfWrite;
    }
  for (const auto& slot : epoch.slots)
    if (auto drift = slot->drift->take_unwritten())
      into.states.push_back(
          {.view = log_, .key = std::string(kDriftKey), .level = kLogLevel, .bucket = mark_of(slot->id), .state = std::move(*drift)});
  return more;
}

Status WrittenStates::write(const Epoch& epoch, Instant since, std::uint64_t line) {
  if (under_way_ && under_way_->wait_for(std::chrono::seconds(0)) != std::future_status::ready) return {};
  TRY(wait());
  Commit commit;
  gather(epoch, since, commit);
  if (commit.states.empty()) return {};
  for (const auto& slot : epoch.slots) commit.states.push_back(written_mark(log_, mark_of(slot->id), slot->written_upto()));
  commit.states.push_back(written_mark(log_, kMarkOfLog, line));
  TRY_ASSIGN(under_way_, store_.submit(std::move(commit)));
  return {};
}

Status WrittenStates::write_all(const Epoch& epoch, std::uint64_t line) {
  bool more = true;
  while (more) {
    TRY(wait());
    Commit commit;
    more = gather(epoch, Instant::from_unix_nanos(INT64_MAX), commit);
    for (const auto& slot : epoch.slots) commit.states.push_back(written_mark(log_, mark_of(slot->id), slot->written_upto()));
    commit.states.push_back(written_mark(log_, kMarkOfLog, line));
    TRY_ASSIGN(under_way_, store_.submit(std::move(commit)));
  }
  return wait();
}

}  // namespace isobar::features
