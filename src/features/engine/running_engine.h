#pragma once

#include <atomic>

#include "base/log.h"
#include "engine_thread.h"
#include "intake.h"
#include "refresher.h"
#include "written_states.h"

namespace isobar::features {

/// The engine over its store. One thread takes events in and changes what is there; another makes expensive rows.
class RunningEngine final : public Engine {
 public:
  RunningEngine(std::unique_ptr<Store> store, const EngineConfig& config, const Clock& clock);
  ~RunningEngine() override;
  /// Before anything else.
  Status begin();

  Result<DefinitionPlan> apply(const Definition& definition, const std::string& file) override;
  std::shared_ptr<const Project> project() const override;
  Registry registry() const override { return store_->registry(); }
  void push(Arrival arrival, PushDone done) override;
  Result<std::optional<Position>> position(const PartitionId& of) const override { return store_->snapshot()->offset(of); }
  Result<std::shared_ptr<const RequestPlan>> plan(const RequestSpec& spec) override;
  Result<std::vector<Answered>> answer(const RequestPlan& plan, std::span<const Row> rows) override;
  using Engine::read;
  Result<ViewReading> read(std::string_view view, std::span<const Value> keys, const std::vector<bool>& wanted) override;
  Status feedback(const FeedbackReport& report) override;
  Result<Explanation> explain(std::string_view view, std::string_view feature, std::span<const Value> keys) override;
  Status restart_drift(std::string_view view) override;
  EngineStatus status() const override;
  Status each_event(const std::function<Status(const LoggedEvent&)>& visit) const override;
  Status checkpoint(const fs::path& folder) override { return store_->checkpoint(folder); }
  Store& store() override { return *store_; }

 private:
  struct SourceCounts {
    std::uint64_t events = 0, deletions = 0, refused = 0, late = 0, invalid = 0;
    Instant newest{}, last_seen{};
  };
  struct Expensive {
    std::shared_ptr<ViewSlot> slot;
    std::size_t index;
  };

  // of the engine's thread
  Result<DefinitionPlan> apply_here(const Definition& definition, const std::string& file);
  Status change_to(const Definition& definition, const std::string& canonical);
  Result<std::shared_ptr<Epoch>> make_epoch(std::shared_ptr<const Project> project, bool opening);
  Status fill(Epoch& epoch, const Epoch* before, const Registry& registry, bool opening);
  static void take_over(ViewSlot& from, ViewSlot& into);
  static void tell_all(ViewSlot& slot, std::size_t expensive, Instant now);
  void replace(const std::shared_ptr<Epoch>& epoch, const Epoch* before);
  void take_in(std::vector<WaitingArrival> arrivals);
  struct Round;
  void settle(Round& round);
  Taken give_all(const Epoch& epoch, const std::string& source, Taking& taking, Instant now);
  void now_and_then();
  void count_refused(const Arrival& arrival);

  std::shared_ptr<Epoch> epoch() const;
  ViewReading read_key(ViewSlot& slot, std::string_view key, Instant now, const std::vector<bool>& wanted, SeenUpto* seen = nullptr) const;
  void sample_reading(Epoch& epoch, std::size_t view, std::span<const Value> keys, const std::vector<bool>& wanted, Instant at,
                      SeenUpto seen, const ViewReading& reading) const;
  Result<Expensive> find_expensive(const Epoch& epoch, std::string_view view, std::string_view feature) const;

  const EngineConfig config_;
  const Clock& clock_;
  std::unique_ptr<Store> store_;
  ViewId log_{};
  std::optional<Intake> intake_;
  std::optional<WrittenStates> written_;
  std::uint64_t last_line_ = 0, replayed_ = 0;  ///< of the engine's thread, once it runs
  Instant last_expiry_{};
  std::atomic<std::uint64_t> seen_line_{0};
  bool broken_ = false;  ///< the store can no longer be written
  Log journal_;

  mutable Mutex mutex_;
  std::shared_ptr<Epoch> epoch_ GUARDED_BY(mutex_);
  std::map<std::string, SourceCounts> counts_ GUARDED_BY(mutex_);

  std::optional<Refreshers> refresher_;
  std::optional<EngineThread> thread_;  // last, so that it is first to end
};

}  // namespace isobar::features
