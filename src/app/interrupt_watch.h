#pragma once

#include <signal.h>
#include <unistd.h>

#include <stop_token>
#include <thread>

namespace isobar::app {

// Turns Ctrl-C into a stop request for as long as it lives. The signal is taken by a thread of its own, so that nothing
// has to be safe in a signal handler; a second Ctrl-C ends the program at once. To be made before other threads are: they
// inherit that they do not take the signal.
class InterruptWatch {
 public:
  InterruptWatch() {
    sigemptyset(&signals_);
    sigaddset(&signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals_, &before_);
    thread_ = std::jthread([this](const std::stop_token& done) {
      const timespec slice{0, 50'000'000};
      while (!done.stop_requested()) {
        if (sigtimedwait(&signals_, nullptr, &slice) != SIGINT) continue;
        if (source_.stop_requested()) ::_exit(130);
        source_.request_stop();
      }
    });
  }
  ~InterruptWatch() {
    thread_.request_stop();
    thread_.join();
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  std::stop_token token() const { return source_.get_token(); }

 private:
  sigset_t signals_{}, before_{};
  std::stop_source source_;
  std::jthread thread_;
};

}  // namespace isobar::app
