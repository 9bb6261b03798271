#include "transfer/measure.h"

#include <algorithm>
#include <chrono>
#include <deque>

namespace isobar::transfer {

namespace {

class Measurement {
 public:
  Measurement(OverlayNetwork& network, std::size_t targets, const MeasureRequest& request)
      : mover_(network.mover()), targets_(targets), request_(request) {}

  Result<Measured> run(const std::function<void(const Measured&)>& watch) {
    const auto began = std::chrono::steady_clock::now();
    const auto seconds = [began] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(); };
    auto told = began;
    for (;;) {
      while (may_begin(seconds())) begin();
      if (under_way_.empty()) break;
      mover_->flush();
      for (auto& answer : take()) answer();
      measured_.seconds = seconds();
      if (failure_) return *failure_;
      if (watch && std::chrono::steady_clock::now() - told > std::chrono::milliseconds(250)) {
        told = std::chrono::steady_clock::now();
        watch(measured_);
      }
    }
    return measured_;
  }

 private:
  bool may_begin(double seconds) const {
    return begun_ < request_.bytes && seconds < to_seconds(request_.most) && under_way_.size() < request_.chunks_under_way &&
           (under_way_.empty() || (under_way_.size() + 1) * request_.chunk_bytes <= request_.bytes_under_way);
  }

  void begin() {
    const std::uint64_t bytes = std::min(request_.chunk_bytes, request_.bytes - begun_);
    begun_ += bytes;
    const ChunkId id(++last_);
    under_way_[id.value()] = {bytes, targets_};
    mover_->read(id, ReadChunk{id, "", 0, bytes, ""}, [this, id](Result<storage::Got> got, std::uint32_t crc) {
      answer([this, id, got = std::move(got), crc] { was_read(id, got, crc); });
    });
  }

  void was_read(ChunkId id, const Result<storage::Got>& got, std::uint32_t crc) {
    if (!got.ok()) {
      failure_ = got.error();
      return;
    }
    for (std::size_t target = 0; target < targets_; ++target) put(id, target, crc);
  }

  void put(ChunkId id, std::size_t target, std::uint32_t crc) {
    mover_->put(id, target, "", {}, crc, [this, id, target, crc](const Result<storage::PutReceipt>& receipt) {
      answer([this, id, target, crc, receipt] { was_put(id, target, crc, receipt); });
    });
  }

  // A chunk that a lost gateway or way has swallowed is sent again, as a job would do it.
  void was_put(ChunkId id, std::size_t target, std::uint32_t crc, const Result<storage::PutReceipt>& receipt) {
    if (!receipt.ok()) {
      if (receipt.error().code() != Code::kUnavailable || ++failures_ > 10'000) failure_ = receipt.error();
      else put(id, target, crc);
      return;
    }
    auto& [bytes, left] = under_way_.at(id.value());
    if (--left > 0) return;
    measured_.bytes += bytes;
    ++measured_.chunks;
    under_way_.erase(id.value());
    mover_->release(id);
  }

  void answer(std::function<void()> what) {
    const std::scoped_lock lock(mutex_);
    answers_.push_back(std::move(what));
    if (answers_.size() == 1) changed_.notify_one();
  }
  std::vector<std::function<void()>> take() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(100), [this] { return !answers_.empty(); });
    return std::exchange(answers_, {});
  }

  std::shared_ptr<ChunkMover> mover_;
  std::size_t targets_;
  MeasureRequest request_;
  Measured measured_;
  std::uint64_t begun_ = 0, last_ = 0;
  int failures_ = 0;
  std::map<std::uint64_t, std::pair<std::uint64_t, std::size_t>> under_way_;
  std::optional<Error> failure_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void()>> answers_;
};

}  // namespace

Result<Measured> measure(OverlayNetwork& network, std::size_t targets, const MeasureRequest& request,
                         const std::function<void(const Measured&)>& watch) {
  Measurement measurement(network, targets, request);
  return measurement.run(watch);
}

}  // namespace isobar::transfer
