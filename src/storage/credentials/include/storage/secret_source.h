#pragma once

/// A secret that expires, kept fresh: fetched when first asked for, again in the background some minutes before it expires, and
/// never by two requests at once, however many ask.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "storage/store.h"

namespace isobar::storage {

/// Secret   has `std::optional<Instant> expires`; none: it never does. Compared for equality.
/// Threads  any. Callbacks come at once when a fresh secret is at hand, else from the thread on which the fetch ends.
template <class Secret>
class SecretSource {
 public:
  /// Gets a new secret and reports once. Never called again before it has reported.
  using Fetch = std::function<void(Done<Secret>)>;

  static std::shared_ptr<SecretSource> of(Secret secret) {
    return std::make_shared<SecretSource>(nullptr, [secret](const Done<Secret>& done) { done(secret); });
  }
  /// clock   must outlive the source; none is needed for secrets that never expire
  SecretSource(const Clock* clock, Fetch fetch) : state_(std::make_shared<State>()) {
    state_->clock = clock;
    state_->fetch = std::move(fetch);
  }

  void get(const Done<Secret>& done) {
    bool must_fetch = false;
    std::optional<Secret> at_hand;
    {
      const std::scoped_lock lock(state_->mutex);
      const Freshness freshness = state_->freshness();
      if (freshness != Freshness::kStale) at_hand = state_->secret;
      if (freshness != Freshness::kFresh && !std::exchange(state_->fetching, true)) must_fetch = true;
      if (!at_hand) state_->waiting.push_back(done);
    }
    if (at_hand) done(std::move(*at_hand));
    if (must_fetch) start_fetch(state_);
  }

  /// The store refused this secret as expired: the next `get` fetches another, unless that has been done since.
  void forget(const Secret& refused) {
    const std::scoped_lock lock(state_->mutex);
    if (state_->secret && *state_->secret == refused) state_->secret.reset();
  }

 private:
  static constexpr Duration kRenewBefore = std::chrono::minutes(5), kUseUntil = std::chrono::seconds(30);
  enum class Freshness { kFresh, kAgeing, kStale };

  struct State {
    const Clock* clock = nullptr;
    Fetch fetch;
    std::mutex mutex;
    std::optional<Secret> secret;
    bool fetching = false;
    std::vector<Done<Secret>> waiting;

    Freshness freshness() const {
      if (!secret) return Freshness::kStale;
      if (!secret->expires || clock == nullptr) return Freshness::kFresh;
      const Duration left = *secret->expires - clock->now();
      return left > kRenewBefore ? Freshness::kFresh : left > kUseUntil ? Freshness::kAgeing : Freshness::kStale;
    }
  };

  static void start_fetch(const std::shared_ptr<State>& state) {
    state->fetch([state](Result<Secret> fetched) {
      std::vector<Done<Secret>> waiting;
      {
        const std::scoped_lock lock(state->mutex);
        state->fetching = false;
        if (fetched.ok()) state->secret = *fetched;
        waiting.swap(state->waiting);
      }
      for (const auto& done : waiting) done(fetched);
    });
  }

  std::shared_ptr<State> state_;
};

}  // namespace isobar::storage
