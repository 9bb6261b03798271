#include "features/engine.h"

#include <future>

#include "running_engine.h"

namespace isobar::features {

Result<std::unique_ptr<Engine>> Engine::open(const fs::path& folder, const EngineConfig& config, const Clock& clock) {
  TRY_ASSIGN(auto store, Store::open(folder, config.store, clock));
  auto engine = std::make_unique<RunningEngine>(std::move(store), config, clock);
  TRY(engine->begin().context("open the feature store"));
  return std::unique_ptr<Engine>(std::move(engine));
}

Result<Taken> Engine::push(Arrival arrival) {
  std::promise<Result<Taken>> promise;
  auto taken = promise.get_future();
  push(std::move(arrival), [&promise](Result<Taken> result) { promise.set_value(std::move(result)); });
  return taken.get();
}

}  // namespace isobar::features
