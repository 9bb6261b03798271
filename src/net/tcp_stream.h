#pragma once

#include "net/stream.h"

namespace isobar::net {

class TcpStream final : public Stream, public std::enable_shared_from_this<TcpStream> {
 public:
  TcpStream(Loop& loop, Fd socket);
  ~TcpStream() override;
  void read(std::span<char> into, IoDone done) override;
  void write(std::vector<std::string_view> pieces, std::function<void(Status)> done) override;
  void shut_down() override;

 private:
  Loop& loop_;
  Fd socket_;
};

}  // namespace isobar::net
