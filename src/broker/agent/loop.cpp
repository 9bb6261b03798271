#include "loop.h"

#include "base/check.h"

// Asio is the engine; it stays in this file, as it costs every file that sees it two seconds of compilation.
#define BOOST_ASIO_NO_DEPRECATED
#define BOOST_ASIO_DISABLE_BOOST_COROUTINE
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>

namespace isobar::broker {

namespace asio = boost::asio;

namespace {

/// One descriptor as Asio holds it. Asio takes each descriptor once, so reading and writing share it; the last watch to go
/// lets it go, and it is the owner's to close.
struct SharedDescriptor {
  explicit SharedDescriptor(asio::io_context& io) : descriptor(io) {}
  asio::posix::stream_descriptor descriptor;
  int watches = 0;
};

}  // namespace

struct Loop::Engine {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{io.get_executor()};
  std::map<int, std::shared_ptr<SharedDescriptor>> descriptors;

  std::shared_ptr<SharedDescriptor> acquire(int fd) {
    auto& shared = descriptors[fd];
    if (!shared) {
      shared = std::make_shared<SharedDescriptor>(io);
      boost::system::error_code failure;
      shared->descriptor.assign(fd, failure);
      CHECK(!failure, fd, failure.message());
    }
    ++shared->watches;
    return shared;
  }
  void release(SharedDescriptor& shared) {
    if (--shared.watches > 0) return;
    // Its pending waits are cancelled by this.
    descriptors.erase(shared.descriptor.native_handle());
    shared.descriptor.release();
  }
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
  using Release = std::function<void(SharedDescriptor&)>;
  FdState(std::shared_ptr<SharedDescriptor> descriptor, Loop::Direction watched, Loop::Callback on_event, Release let_go)
      : State(std::move(on_event)), shared(std::move(descriptor)), direction(watched), release(std::move(let_go)) {}

  void arm() {
    const auto wait =
        direction == Loop::Direction::kRead ? asio::posix::stream_descriptor::wait_read : asio::posix::stream_descriptor::wait_write;
    shared->descriptor.async_wait(wait, [self = shared_from_this()](const boost::system::error_code&) {
      if (self->cancelled) return;
      self->callback();
      if (!self->cancelled) static_cast<FdState&>(*self).arm();
    });
  }
  void abandon() override { release(*shared); }

  std::shared_ptr<SharedDescriptor> shared;
  Loop::Direction direction;
  Release release;
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
  auto state = std::make_shared<FdState>(engine_->acquire(fd), direction, std::move(callback),
                                         [this](SharedDescriptor& shared) { engine_->release(shared); });
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
