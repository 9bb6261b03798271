#include "owner_channel.h"

#include <unistd.h>

#include "base/file.h"

namespace isobar::transfer {

OwnerChannel::OwnerChannel(int in, int out, std::function<void(wire::ToGateway)> received, std::function<void(Status)> ended)
    : in_(in), out_(out), received_(std::move(received)), ended_(std::move(ended)) {
  reader_ = std::thread([this] { read_all(); });
  writer_ = std::thread([this] { write_all_sent(); });
}

OwnerChannel::~OwnerChannel() {
  {
    const std::scoped_lock lock(mutex_);
    closed_ = true;
  }
  changed_.notify_one();
  writer_.join();
  reader_.join();
}

void OwnerChannel::send(const wire::FromGateway& message) {
  const std::scoped_lock lock(mutex_);
  outgoing_ += framed(message);
  if (!writing_) changed_.notify_one();
}

void OwnerChannel::flush(Duration patience) {
  std::unique_lock lock(mutex_);
  written_.wait_for(lock, patience, [this] { return outgoing_.empty() && !writing_; });
}

void OwnerChannel::read_all() {
  MessageCutter cutter;
  std::string piece(256 << 10, '\0');
  for (;;) {
    const ssize_t got = ::read(in_, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return ended_({});
    cutter.add({piece.data(), static_cast<std::size_t>(got)});
    for (;;) {
      const auto next = cutter.next();
      if (!next.ok()) return ended_(next.error());
      if (!*next) break;
      wire::ToGateway message;
      if (!message.ParseFromArray((*next)->data(), static_cast<int>((*next)->size())))
        return ended_(Error(Code::kDataLoss, "the owner sent what is no message"));
      received_(std::move(message));
    }
  }
}

void OwnerChannel::write_all_sent() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closed_ || !outgoing_.empty(); });
    if (outgoing_.empty()) return;
    const std::string batch = std::exchange(outgoing_, {});
    writing_ = true;
    lock.unlock();
    const Status written = write_all(out_, batch);
    lock.lock();
    writing_ = false;
    written_.notify_all();
    if (!written.ok()) return;  // the owner is gone, which the reading side hears too
  }
}

}  // namespace isobar::transfer
