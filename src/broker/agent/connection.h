#pragma once

/// One end of a conversation on the loop: frames in, frames out, never blocking. Bytes that the peer is slow to take
/// wait here; whoever streams asks `room` first, and is called when there is some again.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "broker/agent_channel.h"
#include "loop.h"

namespace isobar::broker {

class Connection {
 public:
  struct Handlers {
    std::function<void(std::string frame)> on_frame;
    std::function<void()> on_room;                       ///< what waited was sent
    std::function<void(const std::string& why)> on_end;  ///< the last call; destroy the connection in it or after it
  };
  Connection(Loop& loop, Fd socket, Handlers handlers);

  /// content  of one frame. A peer that takes nothing while kWaitingMax bytes wait is given up.
  void send(std::string_view content);
  bool room() const { return out_.size() < kRoom; }
  /// Takes the conversation away from the loop, to be gone on with by blocking calls. This object is then over.
  Channel release();
  const Fd& socket() const { return socket_; }

 private:
  static constexpr std::size_t kRoom = 512 << 10;
  static constexpr std::size_t kWaitingMax = 64 << 20;

  void on_readable();
  void write();
  void end(const std::string& why);

  Loop& loop_;
  Fd socket_;
  Handlers handlers_;
  FrameCutter cutter_;
  std::string out_;
  Loop::Watch read_watch_, write_watch_;
  bool ended_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace isobar::broker
