#include "transfer/gateway_session.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <thread>

namespace isobar::transfer {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    read = Fd(ends[0]);
    write = Fd(ends[1]);
  }
  Fd read, write;
};

TEST(GatewaySession, AGatewayThatHasDiedDoesNotEndItsOwner) {
  Pipe down, up;
  std::promise<Error> ended;
  GatewayHooks hooks;
  hooks.ended = [&](const Error& why) { ended.set_value(why); };
  GatewaySession session(std::move(down.write), std::move(up.read), std::move(hooks));
  down.read.reset();
  // The signal of a broken pipe would end this process.
  for (int i = 0; i < 10; ++i) {
    session.withdraw(1);
    session.flush();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  up.write.reset();
  EXPECT_EQ(ended.get_future().get().code(), Code::kUnavailable);
}

}  // namespace
}  // namespace isobar::transfer
