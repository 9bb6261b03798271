// Each key's value is in memory, in one of 64 parts by the hash of its key, and in the store as a state of a view of its own, which the
// store forgets when it expires. A change is seen in memory at once; whoever tells a client of it waits until the store says that it is
// durable.

#include "plain_keys.h"

#include <fmt/format.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <thread>

#include "base/mutex.h"
#include "features/hash.h"
#include "features/row_codec.h"

namespace isobar::features {

namespace {

constexpr std::string_view kView = "#plain";
constexpr std::size_t kParts = 64;
constexpr int kPartShift = 58;  // the hash's first six bits
constexpr std::uint8_t kString = 1, kHash = 2;

std::uint64_t hash_of(std::string_view key) {
  const Value value(Bytes{std::string(key)});
  return hash64({&value, 1});
}

/// By hash, so that a scan goes on from a number.
using Place = std::pair<std::uint64_t, std::string>;
struct Kept {
  PlainValue value;
  Ticket changed = 0;
};

Result<ViewId> plain_view(const Store& store) {
  for (const auto& view : store.registry().views)
    if (view.name == kView) return view.id;
  return not_found(fmt::format("the store has no view {}", kView));
}

/// Tells, in the order of the commits, which are durable.
class Durability {
 public:
  Durability() : thread_([this] { run(); }) {}
  ~Durability() {
    {
      const std::scoped_lock lock(mutex_);
      closing_ = true;
      changed_.notify_all();
    }
    thread_.join();
  }

  /// Errors   as Store::submit; kUnavailable: an earlier one failed
  Result<Ticket> submit(Store& store, Commit commit) {
    const std::scoped_lock lock(mutex_);
    if (failure_) return *failure_;
    TRY_ASSIGN(auto outcome, store.submit(std::move(commit)));
    waiting_.push_back(std::move(outcome));
    changed_.notify_all();
    return ++submitted_;
  }
  bool reached(Ticket ticket) const { return ticket <= reached_.load(std::memory_order_acquire); }

  void when(Ticket ticket, std::function<void(Status)> done) {
    {
      const std::scoped_lock lock(mutex_);
      if (!reached(ticket) && !failure_) {
        told_.emplace(ticket, std::move(done));
        return;
      }
    }
    done(reached(ticket) ? Status() : Status(*failure_));
  }

 private:
  void run() {
    while (true) {
      std::future<Result<Outcome>> next;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        next = std::move(waiting_.front());
        waiting_.pop_front();
      }
      const Result<Outcome> outcome = next.get();
      std::vector<std::pair<std::function<void(Status)>, Status>> due;
      {
        const std::scoped_lock lock(mutex_);
        if (outcome.ok() && !failure_) {
          reached_.fetch_add(1, std::memory_order_release);
          take_due(reached_.load(), due);
        } else if (!failure_) {
          failure_ = Error(Code::kUnavailable, outcome.error().message());
          take_due(~Ticket{0}, due);
        }
      }
      for (auto& [done, status] : due) done(std::move(status));
    }
  }

  void take_due(Ticket upto, std::vector<std::pair<std::function<void(Status)>, Status>>& due) {
    const auto end = told_.upper_bound(upto);
    for (auto it = told_.begin(); it != end; ++it) due.emplace_back(std::move(it->second), failure_ ? Status(*failure_) : Status());
    told_.erase(told_.begin(), end);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::future<Result<Outcome>>> waiting_;
  std::multimap<Ticket, std::function<void(Status)>> told_;
  std::optional<Error> failure_;  // once set it stays
  Ticket submitted_ = 0;
  std::atomic<Ticket> reached_ = 0;
  bool closing_ = false;
  std::thread thread_;
};

class StoredPlainKeys final : public PlainKeys {
 public:
  StoredPlainKeys(Store& store, const Clock& clock, ViewId view) : store_(store), clock_(clock), view_(view) {}

  Status load() {
    std::optional<Error> damaged_key;
    TRY(store_.snapshot()->scan_states(view_, [&](const StoredState& state) {
      auto value = decode_plain(state.state);
      if (!value.ok()) damaged_key = value.error().context(fmt::format("plain key '{}'", state.key));
      else part_of(hash_of(state.key)).keys[{hash_of(state.key), std::string(state.key)}] = {std::move(*value), 0};
      return value.ok();
    }));
    if (damaged_key) return *damaged_key;
    return {};
  }

  Ticket read(std::string_view key, const std::function<void(const PlainValue*)>& look) const override {
    const std::uint64_t hash = hash_of(key);
    const Part& part = part_of(hash);
    const MutexLock lock(part.mutex);
    const auto found = part.keys.find({hash, std::string(key)});
    if (found == part.keys.end()) {
      look(nullptr);
      return part.taken_away;
    }
    look(live(found->second.value) ? &found->second.value : nullptr);
    return found->second.changed;
  }

  Result<Ticket> write(std::string_view key, const std::function<void(std::optional<PlainValue>&)>& edit) override {
    const std::uint64_t hash = hash_of(key);
    Part& part = part_of(hash);
    const MutexLock lock(part.mutex);
    const auto found = part.keys.find({hash, std::string(key)});
    std::optional<PlainValue> before;
    if (found != part.keys.end() && live(found->second.value)) before = found->second.value;
    std::optional<PlainValue> after = before;
    edit(after);
    if (after && !live(*after)) after.reset();
    if (after == before) return Ticket{0};
    TRY_ASSIGN(const Ticket ticket, submit(key, after));
    if (after) {
      part.keys[{hash, std::string(key)}] = {std::move(*after), ticket};
    } else {
      part.keys.erase({hash, std::string(key)});
      part.taken_away = ticket;
    }
    return ticket;
  }

  Page scan(std::uint64_t cursor, std::size_t count) const override {
    Page page;
    for (std::size_t i = cursor >> kPartShift; i < kParts; ++i) {
      const Part& part = parts_[i];
      const MutexLock lock(part.mutex);
      page.ticket = std::max(page.ticket, part.taken_away);
      for (auto it = part.keys.lower_bound({cursor, {}}); it != part.keys.end(); ++it) {
        const bool another_hash = page.keys.empty() || it->first.first != page.cursor;
        if (page.keys.size() >= count && another_hash) {
          page.cursor = it->first.first;
          return page;
        }
        page.cursor = it->first.first;
        if (!live(it->second.value)) continue;
        page.keys.push_back(it->first.second);
        page.ticket = std::max(page.ticket, it->second.changed);
      }
    }
    page.cursor = 0;
    return page;
  }

  std::size_t size() const override {
    std::size_t size = 0;
    for (const auto& part : parts_) {
      const MutexLock lock(part.mutex);
      size += part.keys.size();
    }
    return size;
  }

  /// The store forgets them by itself.
  void forget_expired() override {
    Part& part = parts_[next_part_.fetch_add(1) % kParts];
    const MutexLock lock(part.mutex);
    std::erase_if(part.keys, [this](const auto& key) { return !live(key.second.value); });
  }

  bool durable(Ticket ticket) const override { return durability_.reached(ticket); }
  void when_durable(Ticket ticket, std::function<void(Status)> done) override { durability_.when(ticket, std::move(done)); }

 private:
  struct Part {
    mutable Mutex mutex;
    std::map<Place, Kept> keys GUARDED_BY(mutex);
    Ticket taken_away GUARDED_BY(mutex) = 0;  // of the last key that is no more
  };
  Part& part_of(std::uint64_t hash) { return parts_[hash >> kPartShift]; }
  const Part& part_of(std::uint64_t hash) const { return parts_[hash >> kPartShift]; }
  bool live(const PlainValue& value) const { return !value.expires || clock_.now() < *value.expires; }

  Result<Ticket> submit(std::string_view key, const std::optional<PlainValue>& value) {
    StateWrite write{.view = view_, .key = std::string(key)};
    if (value) {
      write.state = encode_plain(*value);
      if (write.state->size() > kValueMost)
        return invalid(fmt::format("the value would have {} bytes; {} is the most", write.state->size(), kValueMost));
      if (value->expires) write.keep_until = *value->expires;
    }
    Commit commit;
    commit.states.push_back(std::move(write));
    return durability_.submit(store_, std::move(commit));
  }

  Store& store_;
  const Clock& clock_;
  ViewId view_;
  std::array<Part, kParts> parts_;
  std::atomic<std::size_t> next_part_ = 0;
  Durability durability_;
};

}  // namespace

Result<std::unique_ptr<PlainKeys>> open_plain_keys(Store& store, const Clock& clock) {
  TRY_ASSIGN(const ViewId view, plain_view(store).context("open the plain keys"));
  auto keys = std::make_unique<StoredPlainKeys>(store, clock, view);
  TRY(keys->load().context("open the plain keys"));
  return std::unique_ptr<PlainKeys>(std::move(keys));
}

std::string encode_plain(const PlainValue& value) {
  std::string out;
  append_byte(out, value.hash() != nullptr ? kHash : kString);
  append_zigzag(out, value.expires ? value.expires->unix_nanos() : INT64_MAX);
  const auto append_text = [&](std::string_view text) {
    append_varint(out, text.size());
    out += text;
  };
  if (const auto* text = value.text()) {
    append_text(*text);
    return out;
  }
  append_varint(out, value.hash()->size());
  for (const auto& [field, content] : *value.hash()) {
    append_text(field);
    append_text(content);
  }
  return out;
}

Result<PlainValue> decode_plain(std::string_view bytes) {
  ByteReader reader(bytes);
  const auto text = [&]() -> Result<std::string> {
    TRY_ASSIGN(const std::uint64_t size, reader.varint());
    TRY_ASSIGN(const std::string_view taken, reader.take(size));
    return std::string(taken);
  };
  PlainValue value;
  TRY_ASSIGN(const std::uint8_t kind, reader.byte());
  TRY_ASSIGN(const std::int64_t expires, reader.zigzag());
  if (expires != INT64_MAX) value.expires = Instant::from_unix_nanos(expires);
  if (kind == kString) {
    TRY_ASSIGN(value.content, text());
  } else if (kind == kHash) {
    PlainValue::Hash hash;
    TRY_ASSIGN(const std::size_t count, reader.count(2));
    for (std::size_t i = 0; i < count; ++i) {
      TRY_ASSIGN(std::string field, text());
      TRY_ASSIGN(hash[std::move(field)], text());
    }
    value.content = std::move(hash);
  } else {
    return damaged(fmt::format("a plain value of kind {}", kind));
  }
  TRY(reader.finish());
  return value;
}

}  // namespace isobar::features
