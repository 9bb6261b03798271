#pragma once

// A feature store in memory, with nothing behind it but views' states, that serving is tried on; and a definition for it.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <set>
#include <string>
#include <thread>

#include "base/random.h"
#include "features/engine.h"

namespace isobar::features {

inline constexpr std::string_view kShop = R"(project: shop
entities:
  user: {keys: {user_id: int32}}
  shop: {keys: {region: string, shop_id: int64}}
  device: {keys: {device: bytes}}
sources:
  payments:
    kind: push
    schema: {user_id: int32, amount: float64, note: string, precise: float32, raw: bytes, tags: "string[]", paid_at: timestamp, made: timestamp}
    timestamp: paid_at
    created: made
  stock: {kind: push, schema: {region: string, shop_id: int64, left: int64, at: timestamp}, timestamp: at}
  pings: {kind: redis_stream, url: "redis://localhost:6379", stream: pings, schema: {device: bytes, load: float64, at: timestamp}, timestamp: at}
  files: {kind: file, path: files.csv, schema: {user_id: int32, rank: int64, at: timestamp}, timestamp: at}
views:
  spending:
    source: payments
    entity: user
    ttl: 1h
    features:
      amount:
      note:
      precise:
      raw:
      tags:
      paid_at:
      doubled: {sql: amount * 2}
      offer: {request: {offered: float64}, sql: offered > amount}
  stocks: {source: stock, entity: shop, features: {left: }}
  total: {source: payments, features: {payments: count(*) over unbounded, amount: }}
  devices: {source: pings, entity: device, features: {load: }}
  ranks: {source: files, entity: user, features: {rank: }}
  internal: {source: stock, entity: shop, online: false, features: {secret: left}}
services:
  fraud: [spending:amount, spending:offer, total:payments as all_payments]
  plain: [stocks:left]
)";

class TestClock final : public Clock {
 public:
  Instant now() const override { return Instant::from_unix_nanos(nanos_.load()); }
  void set(Instant at) { nanos_ = at.unix_nanos(); }
  void advance(Duration span) { nanos_ += span.count(); }

 private:
  std::atomic<std::int64_t> nanos_ = Instant::from_unix_seconds(1'800'000'000).unix_nanos();
};

/// What tests find out about the calls, and may arrange.
class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(const Clock& clock, std::string_view definition = kShop) : clock_(clock), worker_([this] { work(); }) {
    folder_ =
        (fs::is_directory("/dev/shm") ? fs::path("/dev/shm") : fs::temp_directory_path()) / ("isobar-serving-" + secure_random_hex(6));
    if (!definition.empty()) define(definition);
  }
  ~FakeEngine() override {
    {
      const std::scoped_lock lock(mutex_);
      closing_ = true;
      changed_.notify_all();
    }
    worker_.join();
    store_.reset();
    fs::remove_all(folder_);
  }
  void define(std::string_view text) {
    auto definition = parse_definition(text, "shop.yaml");
    CHECK(definition.ok(), definition.error().message());
    auto made = Project::create(std::move(*definition));
    CHECK(made.ok(), made.error().message());
    const std::scoped_lock lock(mutex_);
    project_ = *made;
    states_.clear();
    for (const auto& view : project_->views()) {
      auto state = ViewState::create(view, {});
      CHECK(state.ok(), state.error().message());
      states_.push_back(std::move(*state));
    }
  }
  void reopen_store() {
    store_.reset();
    StoreConfig config;
    config.group_delay.value = 1ms;
    auto opened = Store::open(folder_, config, clock_);
    CHECK(opened.ok(), opened.error().message());
    store_ = std::move(*opened);
    const ViewSpec plain{"#plain", {}};
    CHECK(store_->apply("", {&plain, 1}).ok());
  }

  Result<DefinitionPlan> apply(const Definition& definition, const std::string& file) override {
    const auto before = project();
    TRY_ASSIGN(auto plan, plan_definition(before ? &before->definition() : nullptr, definition, file));
    applying = true;
    while (hold_apply) std::this_thread::sleep_for(1ms);
    define(canonical_text(definition));
    return plan;
  }
  std::shared_ptr<const Project> project() const override {
    const std::scoped_lock lock(mutex_);
    return project_;
  }
  Registry registry() const override { return {}; }

  void push(Arrival arrival, PushDone done) override {
    const std::scoped_lock lock(mutex_);
    waiting_.emplace_back(std::move(arrival), std::move(done));
    changed_.notify_all();
  }
  Result<std::optional<Position>> position(const PartitionId&) const override { return std::optional<Position>(); }

  Result<std::shared_ptr<const RequestPlan>> plan(const RequestSpec& spec) override {
    auto now = project();
    if (!now) return not_found("no definition was applied yet");
    return RequestPlan::create(now, spec);
  }
  Result<std::vector<Answered>> answer(const RequestPlan& plan, std::span<const Row> rows) override {
    if (conflicts > 0 && conflicts-- > 0) return Error(Code::kConflict, "the definition was replaced");
    std::vector<Answered> answers(rows.size() * plan.outputs().size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::vector<ViewReading> readings;
      for (const auto& part : plan.parts()) {
        TRY_ASSIGN(const std::string key, plan.key(part, rows[i]));
        const std::scoped_lock lock(mutex_);
        states_[part.view]->advance(clock_.now());
        readings.push_back(states_[part.view]->read(key, clock_.now()));
      }
      plan.answer(rows[i], readings, std::span(answers).subspan(i * plan.outputs().size(), plan.outputs().size()));
    }
    return answers;
  }
  using Engine::read;
  Result<ViewReading> read(std::string_view view, std::span<const Value> keys, const std::vector<bool>&) override {
    const auto now = project();
    const std::size_t at = *now->find_view(view);
    TRY_ASSIGN(const std::string key, now->views()[at].key_bytes(keys));
    const std::scoped_lock lock(mutex_);
    states_[at]->advance(clock_.now());
    return states_[at]->read(key, clock_.now());
  }

  Status feedback(const FeedbackReport& report) override {
    const std::scoped_lock lock(mutex_);
    reports.push_back(report);
    return {};
  }
  Status restart_drift(std::string_view view) override {
    if (!project()->find_view(view)) return not_found(fmt::format("there is no view '{}'", view));
    restarted.emplace_back(view);
    return {};
  }
  std::vector<std::string> restarted;
  Result<Explanation> explain(std::string_view view, std::string_view, std::span<const Value> keys) override {
    Explanation explained;
    explained.pending = 3;
    explained.rank = 2;
    explained.why = fmt::format("{} of {} waits.", keys.empty() ? "The row" : describe(keys[0]), view);
    return explained;
  }
  EngineStatus status() const override {
    EngineStatus status{.definition_version = 7};
    status.sources.push_back({.source = "payments", .events = 5, .newest = clock_.now() - 2s});
    status.views.push_back({.view = "spending", .keys = 3});
    status.expensive.push_back({.view = "spending", .feature = "outlook"});
    return status;
  }
  Status each_event(const std::function<Status(const LoggedEvent&)>&) const override { return {}; }
  Status checkpoint(const fs::path&) override { return {}; }
  /// Opened when it is first asked for.
  Store& store() override {
    if (!store_) reopen_store();
    return *store_;
  }

  std::vector<FeedbackReport> reports;
  std::atomic<bool> hold_apply = false, applying = false;
  std::atomic<int> conflicts = 0;      ///< so many answers find the definition replaced
  std::optional<Error> refuse_pushes;  ///< set before any push

 private:
  void work() {
    while (true) {
      std::pair<Arrival, PushDone> next;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return closing_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        next = std::move(waiting_.front());
        waiting_.pop_front();
      }
      next.second(take(next.first));
    }
  }

  Result<Taken> take(const Arrival& arrival) {
    if (refuse_pushes) return *refuse_pushes;
    const std::scoped_lock lock(mutex_);
    const auto at = project_->find_source(arrival.source);
    if (!at) return not_found("no such source");
    if (!arrival.id.empty() && !ids_.insert(arrival.source + "/" + arrival.id).second) return Taken{Outcome::kReplayed};
    Taken taken;
    for (const auto& row : arrival.rows) {
      TRY_ASSIGN(const EventOrder order, project_->order_of(*at, row.row, ++sequence_));
      const auto& source = project_->sources()[*at];
      for (std::size_t use = 0; use < source.views.size(); ++use) {
        Row space;
        auto contribution = project_->views()[source.views[use]].contribution(project_->event_of(*at, use, row.row, space));
        if (contribution.ok() && *contribution) states_[source.views[use]]->insert(order, **contribution);
        if (contribution.ok()) continue;
        ++taken.invalid;
        taken.problem = contribution.error().message();
      }
      ++taken.rows;
    }
    return taken;
  }

  const Clock& clock_;
  fs::path folder_;
  std::unique_ptr<Store> store_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const Project> project_;
  std::vector<std::unique_ptr<ViewState>> states_;
  std::deque<std::pair<Arrival, PushDone>> waiting_;
  std::set<std::string> ids_;
  std::uint64_t sequence_ = 0;
  bool closing_ = false;
  std::thread worker_;
};

}  // namespace isobar::features
