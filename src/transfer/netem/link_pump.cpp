#include "link_pump.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "namespaces.h"

namespace isobar::transfer {

namespace {

constexpr std::size_t kFrameBytesMax = sizeof(VnetHeader) + 65536;
/// Frames taken from one device before the others have their turn.
constexpr int kFramesATurn = 64;
constexpr int kNice = -15;

Duration monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

timespec timespec_of(Duration span) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(span);
  return {seconds.count(), (span - seconds).count()};
}

/// A link that is late is a wrong link: its thread wakes to the microsecond, goes before the programs that are tried over it, and
/// takes no signals, which are theirs.
void become_punctual() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, nullptr);
  ::prctl(PR_SET_TIMERSLACK, 1);
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
}

}  // namespace

Result<std::unique_ptr<LinkPump>> LinkPump::start(const Scenario& scenario, std::vector<Ends> ends, std::uint64_t seed) {
  CHECK(ends.size() == scenario.links.size(), ends.size(), scenario.links.size());
  Fd wake(::eventfd(0, EFD_CLOEXEC));
  if (!wake) return errno_error("eventfd");
  std::unique_ptr<LinkPump> pump(new LinkPump(std::move(wake), std::move(ends)));
  {
    MutexLock lock(pump->mutex_);
    for (const auto& link : scenario.links)
      for (const auto& shape : {link.there, link.back}) pump->links_.emplace_back(shape, seed++);
    for (std::size_t i = 0; i < pump->links_.size(); ++i) TRY(set_segmentation(pump->source(i), pump->links_[i].loss() == 0));
  }
  pump->scratch_.resize(kFrameBytesMax);
  for (std::size_t i = 0; i < 2 * pump->ends_.size(); ++i) pump->polled_.push_back({pump->source(i).get(), POLLIN, 0});
  pump->polled_.push_back({pump->wake_.get(), POLLIN, 0});
  pump->thread_ = std::thread([running = pump.get()] { running->run(); });
  return pump;
}

LinkPump::~LinkPump() {
  const std::uint64_t one = 1;
  if (thread_.joinable() && ::write(wake_.get(), &one, sizeof one) == sizeof one) thread_.join();
}

void LinkPump::run() {
  become_punctual();
  std::vector<std::size_t> ready;
  while (wait(ready)) {
    MutexLock lock(mutex_);
    for (const std::size_t direction : ready) take_in(direction);
    deliver_due();
  }
}

bool LinkPump::wait(std::vector<std::size_t>& ready) {
  std::optional<Duration> due;
  {
    MutexLock lock(mutex_);
    for (const auto& link : links_)
      if (const auto next = link.next_due()) due = std::min(due.value_or(*next), *next);
  }
  const timespec sleep = timespec_of(std::max(due.value_or(Duration::zero()) - monotonic_now(), Duration::zero()));
  ready.clear();
  if (::ppoll(polled_.data(), polled_.size(), due ? &sleep : nullptr, nullptr) <= 0) return true;
  for (std::size_t i = 0; i + 1 < polled_.size(); ++i)
    if (polled_[i].revents & POLLIN) ready.push_back(i);
  return polled_.back().revents == 0;
}

void LinkPump::take_in(std::size_t direction) {
  for (int i = 0; i < kFramesATurn; ++i) {
    const ssize_t read = ::read(source(direction).get(), scratch_.data(), scratch_.size());
    if (read <= 0) return;
    links_[direction].offer(Frame(scratch_.begin(), scratch_.begin() + read), monotonic_now());
  }
}

void LinkPump::deliver_due() {
  const Duration now = monotonic_now();
  for (std::size_t direction = 0; direction < links_.size(); ++direction)
    while (const auto frame = links_[direction].take_due(now))
      // The kernel refuses frames only while the device is down, and drops what the receiver has no room for, as a wire would.
      if (::write(target(direction).get(), frame->data(), frame->size()) < 0) continue;
}

void LinkPump::cut(LinkIndex link) {
  MutexLock lock(mutex_);
  links_[2 * link].cut();
  links_[2 * link + 1].cut();
}

void LinkPump::heal(LinkIndex link) {
  MutexLock lock(mutex_);
  links_[2 * link].heal();
  links_[2 * link + 1].heal();
}

void LinkPump::set_loss(LinkIndex link, double loss) {
  MutexLock lock(mutex_);
  for (const std::size_t direction : {2 * link, 2 * link + 1}) {
    links_[direction].set_loss(loss);
    const auto set = set_segmentation(source(direction), loss == 0);
    CHECK(set.ok(), set.error().message());
  }
}

std::vector<LinkTraffic> LinkPump::traffic() const {
  MutexLock lock(mutex_);
  std::vector<LinkTraffic> all;
  for (const auto& link : links_) all.push_back(link.traffic());
  return all;
}

}  // namespace isobar::transfer
