#pragma once

/// The agent's one thread: turns readiness of descriptors and the passing of time into calls, one at a time. Everything
/// that belongs to a loop is touched by its thread alone, so there is nothing to lock.

#include <functional>
#include <memory>

#include "base/time.h"

namespace isobar::broker {

class Loop {
 public:
  using Callback = std::function<void()>;
  enum class Direction { kRead, kWrite };

  /// Calls back, once for each readiness, until it is destroyed; destroying it within its own callback is fine. It does
  /// not own the descriptor, and must go before the descriptor is closed.
  class Watch {
   public:
    Watch() = default;
    struct State;
    explicit Watch(std::shared_ptr<State> state);
    Watch(Watch&& other) noexcept = default;
    Watch& operator=(Watch&& other) noexcept;
    ~Watch();
    explicit operator bool() const { return state_ != nullptr; }

   private:
    void cancel();
    std::shared_ptr<State> state_;
  };
  using Timer = Watch;

  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Until stop(). Callbacks must not throw.
  void run();
  void stop();

  [[nodiscard]] Watch watch(int fd, Direction direction, Callback callback);
  /// Calls back once, unless the timer is destroyed before.
  [[nodiscard]] Timer after(Duration delay, Callback callback);
  /// Runs after all that is ready now. May be called from any thread.
  void post(Callback callback);

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

}  // namespace isobar::broker
