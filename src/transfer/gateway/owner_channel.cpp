#include "owner_channel.h"

#include <unistd.h>

#include "base/file.h"

namespace isobar::transfer {

OwnerChannel::OwnerChannel(int in, int out, std::function<void(std::vector<wire::ToGateway>)> received, std::function<void(Status)> ended)
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
}

void OwnerChannel::go() {
  const std::scoped_lock lock(mutex_);
  if (outgoing_.empty() || going_) return;
  going_ = true;
  changed_.notify_one();
}

void OwnerChannel::flush(Duration patience) {
  go();
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
    std::vector<wire::ToGateway> messages;
    Status whole;
    for (;;) {
      const auto next = cutter.next();
      if (!next.ok()) whole = next.error();
      if (!next.ok() || !*next) break;
      if (!messages.emplace_back().ParseFromArray((*next)->data(), static_cast<int>((*next)->size()))) {
        whole = Error(Code::kDataLoss, "the owner sent what is no message");
        messages.pop_back();
        break;
      }
    }
    if (!messages.empty()) received_(std::move(messages));
    if (!whole.ok()) return ended_(whole);
  }
}

void OwnerChannel::write_all_sent() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closed_ || going_; });
    going_ = false;
    if (outgoing_.empty() && closed_) return;
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
