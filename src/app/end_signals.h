#pragma once

/// SIGINT and SIGTERM, taken when they are asked for: for servers that run until they are told to end.

#include <signal.h>

#include "base/time.h"

namespace isobar::app {

/// To be made before other threads are, which inherit that they do not take them.
class EndSignals {
 public:
  EndSignals() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    sigaddset(&signals_, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
  }
  ~EndSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  EndSignals(const EndSignals&) = delete;
  EndSignals& operator=(const EndSignals&) = delete;

  void wait() const {
    int number = 0;
    sigwait(&signals_, &number);
  }
  /// Whether one came within a span.
  bool wait_for(Duration span) const {
    const timespec most{.tv_sec = span.count() / 1'000'000'000, .tv_nsec = span.count() % 1'000'000'000};
    return sigtimedwait(&signals_, nullptr, &most) > 0;
  }

 private:
  sigset_t signals_{}, before_{};
};

}  // namespace isobar::app
