#pragma once

/// Where clients meet the feature store: Feast's HTTP API on one port, the Redis protocol on another, Feast's gRPC on a third.
///
/// Some threads, each with an event loop and the connections that fell to it. A request is read, answered from the engine's memory on the
/// same thread, and written; only what must be durable first (a push, a key that is set) is answered later. docs/features.md lists routes,
/// statuses and commands.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/knob.h"
#include "base/log.h"
#include "features/engine.h"

namespace isobar::features {

struct ServingConfig {
  /// The most that a request, or a command with its arguments, may be long. More is refused with 413, or ends the connection.
  Knob<ByteCount> request_bytes{.value = {64 * kMiB}, .least = {64 * kKiB}, .most = {kGiB}, .sim = {{64 * kKiB}, {kMiB}}};
  /// Rows of entities in one request.
  Knob<std::int64_t> rows_most{.value = 100'000, .least = 1, .most = 10'000'000, .sim = {1, 1000}};
  /// Connections of all clients. A further one is closed at once.
  Knob<std::int64_t> connections_most{.value = 10'000, .least = 1, .most = 1'000'000, .sim = {1, 100}};
  /// How long a request may take to come in once it began, and how long an answer may take to be read by the client.
  Knob<Duration> request_most{.value = 60s, .least = 1s, .most = 1h, .sim = {1s, 10s}};
  /// How long an HTTP connection may be silent. Those of Redis clients may for ever, since their pools expect it.
  Knob<Duration> idle_most{.value = 5min, .least = 1s, .most = 24h, .sim = {1s, 10s}};
  /// How long, when the server is stopped, requests under way have to end.
  Knob<Duration> drain_most{.value = 5s, .least = 0ms, .most = 10min, .sim = {0ms, 1s}};
};

/// What is asked of whoever reads files for the engine.
struct MaterializeRequest {
  std::vector<std::string> views;  ///< none: all
  std::optional<Instant> start;    ///< none: from where reading stands
  std::optional<Instant> end;
};
/// Reads the files of the views' sources on, up to what is there now; may block.
using Materialize = std::function<Status(const MaterializeRequest& request)>;

/// How far a source that is read from elsewhere has been read.
struct ReadingProgress {
  std::string source, kind;
  bool at_end = false;        ///< of files: all that is there was read
  std::uint64_t refused = 0;  ///< records that are no rows of the source
  std::string problem;        ///< what is in the way; "": nothing
};

/// What is kept of the answers, of whom a sample is.
struct SampleCounts {
  std::uint64_t written = 0, dropped = 0;  ///< rows
  std::uint64_t bytes = 0;
  std::string problem;  ///< why they cannot be kept; "": they can
};

/// What stands at a path beside the routes.
struct Page {
  std::string content_type, body;
};

struct ServerOptions {
  std::string address = "127.0.0.1";        ///< numeric; beyond loopback only with `token`, `certificate_pem` and `key_pem`
  std::uint16_t http_port = 6566;           ///< 0: one that is free
  std::optional<std::uint16_t> redis_port;  ///< none: the Redis protocol is not spoken; 0: one that is free
  std::optional<std::uint16_t> grpc_port;   ///< none: gRPC is not spoken; 0: one that is free. Without TLS, so on this machine alone
  std::size_t threads = 0;                  ///< 0: one for each core
  std::string token;                        ///< what clients must show; "": nothing
  std::string certificate_pem, key_pem;     ///< both: all that is said is under TLS
  Materialize materialize;                  ///< none: nobody reads sources that are not pushed
  /// Called when a definition was applied over HTTP, before that is answered.
  std::function<void()> applied;
  /// Of the sources that are read. none: there are none. From a loop's thread, so it is quick; and so is the next
  std::function<std::vector<ReadingProgress>()> progress;
  /// Of a sample that is kept of the answers. none: there is none
  std::function<SampleCounts()> sampled;
  /// What a path that no route has shows to GET; nothing: 404.
  std::function<std::optional<Page>(std::string_view path)> pages;
  ServingConfig config;
};

class Server {
 public:
  /// Serves until it is destroyed, or `stop` was called.
  /// engine, clock, log   outlive the server
  /// Errors   kInvalidArgument: no such address; beyond loopback without token and TLS; a certificate that cannot be used.
  ///          kAlreadyExists: a port is taken. kUnavailable, kDataLoss: plain keys cannot be read from the engine's store
  static Result<std::unique_ptr<Server>> start(Engine& engine, ServerOptions options, const Clock& clock, Log& log);
  /// Takes no more connections and requests; those under way are answered first, within `drain_most`.
  ~Server();

  std::uint16_t http_port() const;
  std::optional<std::uint16_t> redis_port() const;
  std::optional<std::uint16_t> grpc_port() const;

 private:
  struct Inside;
  explicit Server(std::unique_ptr<Inside> inside);
  std::unique_ptr<Inside> inside_;
};

}  // namespace isobar::features
