#pragma once

#include <thread>

#include "base/mutex.h"
#include "features/server.h"
#include "http_message.h"
#include "outstanding.h"
#include "serving_metrics.h"

namespace isobar::features {

/// A thread for work that blocks, while it is needed. Safe from any thread.
class OneAtATime {
 public:
  using Tell = std::function<void()>;
  /// work   gives what tells its outcome, which is called when another may begin. False: another is under way
  bool start(std::function<Tell()> work);

 private:
  Mutex mutex_;
  bool under_way_ GUARDED_BY(mutex_) = false;
  std::jthread thread_;  // last, as it uses the others until it is joined
};

/// The routes of HTTP. Safe from any thread; all but what must be durable, or reads files, is answered at once.
class FeastApi {
 public:
  /// All of them outlive it; `options` gives token, materialize and limits.
  FeastApi(Engine& engine, const ServerOptions& options, const Clock& clock, ServingMetrics& metrics, Log& log);
  ~FeastApi() { outstanding_.wait(); }
  void handle(HttpRequest request, HttpDone done);
  /// Until everything that was handed over is answered.
  void wait() { outstanding_.wait(); }

 private:
  struct Route {
    std::string_view method, path;
    void (FeastApi::*handler)(HttpRequest& request, const HttpDone& done);
    bool open = false;  ///< also without the token
  };
  static std::span<const Route> routes();

  void get_online_features(HttpRequest& request, const HttpDone& done);
  void push(HttpRequest& request, const HttpDone& done);
  void write_to_online_store(HttpRequest& request, const HttpDone& done);
  void apply(HttpRequest& request, const HttpDone& done);
  void definition(HttpRequest& request, const HttpDone& done);
  void materialize(HttpRequest& request, const HttpDone& done);
  void materialize_incremental(HttpRequest& request, const HttpDone& done);
  void feedback(HttpRequest& request, const HttpDone& done);
  void restart_drift(HttpRequest& request, const HttpDone& done);
  void explain(HttpRequest& request, const HttpDone& done);
  void health(HttpRequest& request, const HttpDone& done);
  void status(HttpRequest& request, const HttpDone& done);
  void metrics(HttpRequest& request, const HttpDone& done);

  bool admits(const HttpRequest& request) const;
  HttpAnswer other_page(const HttpRequest& request, std::string_view method) const;
  std::vector<ReadingProgress> progress() const { return options_.progress ? options_.progress() : std::vector<ReadingProgress>(); }
  std::optional<SampleCounts> sampled() const { return options_.sampled ? std::optional(options_.sampled()) : std::nullopt; }
  Status check_materialize(const MaterializeRequest& asked, bool& nothing_to_do) const;
  void begin_materialize(const MaterializeRequest& asked, const HttpDone& done);

  Engine& engine_;
  const ServerOptions& options_;
  const Clock& clock_;
  ServingMetrics& metrics_;
  Log& log_;
  Outstanding outstanding_;
  OneAtATime materializing_, applying_;
};

/// In a time that does not tell where they differ.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace isobar::features
