#include "loop.h"

// Asio is the engine; it stays in this file, as it costs every file that sees it two seconds of compilation.
#define BOOST_ASIO_NO_DEPRECATED
#define BOOST_ASIO_DISABLE_BOOST_COROUTINE
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

namespace isobar::broker {

namespace asio = boost::asio;

struct Loop::Engine {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
};

/// One watch or timer. Asio's pending handler keeps it alive; `cancelled` makes that handler a no-op.
struct Loop::Watch::State : std::enable_shared_from_this<State> {
  explicit State(Callback on_event) : callback(std::move(on_event)) {}
  virtual ~State() = default;
  virtual void abandon() = 0;

  Callback callback;
  bool cancelled = false;
};

namespace {

struct FdState final : Loop::Watch::State {
  FdState(asio::io_context& io, int fd, Loop::Direction watched, Loop::Callback on_event)
      : State(std::move(on_event)), descriptor(io, fd), direction(watched) {}
  // The descriptor is the owner's to close.
  ~FdState() override { descriptor.release(); }

  void arm() {
    const auto wait = direction == Loop::Direction::kRead ? asio::posix::stream_descriptor::wait_read : asio::posix::stream_descriptor::wait_write;
    descriptor.async_wait(wait, [self = shared_from_this()](const boost::system::error_code&) {
      if (self->cancelled) return;
      self->callback();
      if (!self->cancelled) static_cast<FdState&>(*self).arm();
    });
  }
  void abandon() override { descriptor.release(); }

  asio::posix::stream_descriptor descriptor;
  Loop::Direction direction;
};

struct TimerState final : Loop::Watch::State {
  TimerState(asio::io_context& io, Duration delay, Loop::Callback on_event) : State(std::move(on_event)), timer(io, delay) {}

  void arm() {
    timer.async_wait([self = shared_from_this()](const boost::system::error_code&) {
      if (!self->cancelled) self->callback();
    });
  }
  void abandon() override { timer.cancel(); }

  asio::steady_timer timer;
};

}  // namespace

Loop::Watch::Watch(std::shared_ptr<State> state) : state_(std::move(state)) {}
Loop::Watch& Loop::Watch::operator=(Watch&& other) noexcept {
  if (this != &other) {
    cancel();
    state_ = std::move(other.state_);
  }
  return *this;
}
Loop::Watch::~Watch() { cancel(); }

void Loop::Watch::cancel() {
  if (!state_) return;
  state_->cancelled = true;
  state_->abandon();
  state_.reset();
}

Loop::Loop() : engine_(std::make_unique<Engine>()) {}
Loop::~Loop() = default;

void Loop::run() { engine_->io.run(); }
void Loop::stop() { engine_->io.stop(); }

Loop::Watch Loop::watch(int fd, Direction direction, Callback callback) {
  auto state = std::make_shared<FdState>(engine_->io, fd, direction, std::move(callback));
  state->arm();
  return Watch(std::move(state));
}

Loop::Timer Loop::after(Duration delay, Callback callback) {
  auto state = std::make_shared<TimerState>(engine_->io, delay, std::move(callback));
  state->arm();
  return Timer(std::move(state));
}

void Loop::post(Callback callback) { asio::post(engine_->io, std::move(callback)); }

}  // namespace isobar::broker
