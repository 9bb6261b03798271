#include "transfer/arrival.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <future>
#include <thread>

#include "storage/patience.h"
#include "transfer/listing.h"

namespace isobar::transfer {

using storage::await;
using storage::may_pass;

namespace {

constexpr std::size_t kFew = 64;

std::uint64_t hash_of(std::string_view key) { return XXH3_64bits(key.data(), key.size()); }

// What begins all of the keys from `least` to `most`.
std::string common_prefix(std::string_view least, std::string_view most) {
  const auto [end, other] = std::mismatch(least.begin(), least.end(), most.begin(), most.end());
  return std::string(least.begin(), end);
}

}  // namespace

void ArrivalCheck::add(const CopyItem& item) {
  for (std::size_t i = 0; i < arrived_.size(); ++i) {
    auto& arrived = arrived_[i];
    const std::string& key = item.target_keys[i];
    if (arrived.sizes.empty() || key < arrived.least) arrived.least = key;
    if (key > arrived.most) arrived.most = key;
    arrived.sizes.emplace_back(hash_of(key), item.source.bytes);
    if (arrived.first.size() < kFew) arrived.first.emplace_back(key, item.source.bytes);
  }
}

Status ArrivalCheck::verify(const std::vector<std::shared_ptr<storage::Store>>& targets) {
  for (std::size_t i = 0; i < arrived_.size(); ++i) {
    auto& arrived = arrived_[i];
    TRY((arrived.sizes.size() <= kFew ? verify_few(*targets[i], arrived) : verify_many(*targets[i], arrived))
            .context("verify " + targets[i]->location().text()));
  }
  return {};
}

Status ArrivalCheck::verify_few(storage::Store& store, const Arrived& arrived) {
  std::vector<std::future<Result<storage::ObjectHead>>> heads;
  for (const auto& [key, bytes] : arrived.first) {
    auto promise = std::make_shared<std::promise<Result<storage::ObjectHead>>>();
    heads.push_back(promise->get_future());
    store.head(key, false, [promise](Result<storage::ObjectHead> head) { promise->set_value(std::move(head)); });
  }
  Status worst;
  for (std::size_t i = 0; i < heads.size(); ++i) {
    const std::string& key = arrived.first[i].first;
    const std::uint64_t bytes = arrived.first[i].second;
    const auto head = storage::with_patience(
        [&] { return heads[i].valid() ? heads[i].get() : await<storage::ObjectHead>([&](auto done) { store.head(key, false, done); }); });
    if (!head.ok()) worst = head.error().context(key);
    else if (head->info.bytes != bytes)
      worst = Error(Code::kDataLoss, fmt::format("{}: {} bytes were written, the store shows {}", key, bytes, head->info.bytes));
  }
  return worst;
}

Status ArrivalCheck::verify_many(storage::Store& store, Arrived& arrived) {
  auto& sizes = arrived.sizes;
  std::sort(sizes.begin(), sizes.end());
  std::vector<bool> seen(sizes.size());
  storage::ListRequest request;
  request.prefix = common_prefix(arrived.least, arrived.most);
  ListCursor cursor(store, request);
  std::uint64_t wrong = 0;
  std::string first_wrong;
  for (;;) {
    TRY_ASSIGN(const auto info, cursor.next());
    if (!info || info->key > arrived.most) break;
    const std::uint64_t hash = hash_of(info->key);
    auto place = std::lower_bound(sizes.begin(), sizes.end(), std::pair(hash, std::uint64_t{0}));
    if (place == sizes.end() || place->first != hash) continue;  // somebody else's
    seen[static_cast<std::size_t>(place - sizes.begin())] = true;
    if (place->second == info->bytes) continue;
    if (wrong++ == 0) first_wrong = fmt::format("{}: {} bytes were written, the store shows {}", info->key, place->second, info->bytes);
  }
  // Two sources may have been given one name: then one object is seen for both.
  std::uint64_t missing = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i)
    if (!seen[i] && (i == 0 || sizes[i - 1].first != sizes[i].first)) ++missing;
  if (missing > 0) return Error(Code::kDataLoss, fmt::format("{} of {} objects are not in the store's listing", missing, sizes.size()));
  if (wrong > 0) return Error(Code::kDataLoss, fmt::format("{} objects have another size than was written, first {}", wrong, first_wrong));
  return {};
}

RemoveSummary remove_all(storage::Store& store, const std::function<std::optional<std::string>()>& next,
                         const std::function<void(std::size_t)>& on_removed) {
  constexpr std::size_t kAtOnce = 8;
  using Outcome = Result<std::vector<storage::RemoveFailure>>;
  struct Batch {
    std::vector<std::string> keys;
    std::future<Outcome> outcome;
  };
  RemoveSummary summary;
  std::deque<Batch> running;
  const auto send = [&](std::vector<std::string> keys) {
    auto promise = std::make_shared<std::promise<Outcome>>();
    running.push_back({keys, promise->get_future()});
    store.remove(std::move(keys), [promise](Outcome outcome) { promise->set_value(std::move(outcome)); });
  };
  const auto settle = [&] {
    Batch batch = std::move(running.front());
    running.pop_front();
    auto outcome = batch.outcome.get();
    std::vector<std::string> keys = std::move(batch.keys);
    for (int attempt = 1; attempt < 6; ++attempt) {
      if (!outcome.ok() && !may_pass(outcome.error().code())) break;
      std::vector<std::string> again;
      if (!outcome.ok()) {
        again = keys;
      } else {
        for (const auto& failure : *outcome)
          if (may_pass(failure.error.code())) again.push_back(failure.key);
      }
      if (again.empty()) break;
      Duration pause = outcome.ok() ? Duration(0) : outcome.error().retry_after();
      if (outcome.ok())
        for (const auto& failure : *outcome) pause = std::max<Duration>(pause, failure.error.retry_after());
      std::this_thread::sleep_for(std::clamp<Duration>(pause, 100ms * (1 << attempt), 60s));
      auto retried = await<std::vector<storage::RemoveFailure>>([&](auto done) { store.remove(again, done); });
      if (outcome.ok() && retried.ok()) {
        std::erase_if(*outcome, [](const auto& failure) { return may_pass(failure.error.code()); });
        outcome->insert(outcome->end(), retried->begin(), retried->end());
      } else {
        outcome = std::move(retried);
      }
    }
    std::size_t failed = 0;
    if (outcome.ok()) {
      failed = outcome->size();
      summary.failures.insert(summary.failures.end(), outcome->begin(), outcome->end());
    } else {
      failed = keys.size();
      for (const auto& key : keys) summary.failures.push_back({key, outcome.error()});
    }
    summary.removed += keys.size() - failed;
    if (on_removed) on_removed(keys.size() - failed);
  };
  std::vector<std::string> keys;
  const auto most = static_cast<std::size_t>(std::max(1, store.limits().remove_batch_most));
  while (auto key = next()) {
    keys.push_back(std::move(*key));
    if (keys.size() < most) continue;
    send(std::exchange(keys, {}));
    if (running.size() >= kAtOnce) settle();
  }
  if (!keys.empty()) send(std::move(keys));
  while (!running.empty()) settle();
  return summary;
}

}  // namespace isobar::transfer
