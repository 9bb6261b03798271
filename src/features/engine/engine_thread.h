#pragma once

/// What is handed to the engine's thread, in order: arrivals, of which it takes many at a time, and whatever else must not run beside them.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

#include "features/engine.h"

namespace isobar::features {

struct WaitingArrival {
  Arrival arrival;
  Engine::PushDone done;
};
using EngineTask = std::variant<WaitingArrival, std::function<void()>>;

class EngineThread {
 public:
  struct Work {
    std::function<void(std::vector<WaitingArrival>)> take_in;
    std::function<void()> now_and_then;  ///< between other things, each `kTick` or so
  };
  EngineThread(std::size_t rows_most, Work work);
  /// Ends when all that was handed in is done.
  ~EngineThread();

  /// Errors   kExhausted: too many rows wait
  Status push(WaitingArrival arrival);
  void post(std::function<void()> task);

 private:
  static constexpr auto kTick = std::chrono::milliseconds(50);
  void run();
  std::vector<EngineTask> wait();

  const std::size_t rows_most_;
  const Work work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<EngineTask> waiting_;
  std::size_t rows_ = 0;
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace isobar::features
