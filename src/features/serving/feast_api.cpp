#include "feast_api.h"

#include <fmt/format.h>

#include <algorithm>

#include "crypto/digest.h"
#include "feast_error.h"
#include "features/timestamp.h"
#include "freshness.h"
#include "ingestion.h"
#include "online_features.h"
#include "request_body.h"

namespace isobar::features {

std::span<const FeastApi::Route> FeastApi::routes() {
  static constexpr std::array kRoutes = {
      Route{"POST", "/get-online-features", &FeastApi::get_online_features},
      Route{"POST", "/push", &FeastApi::push},
      Route{"POST", "/write-to-online-store", &FeastApi::write_to_online_store},
      Route{"POST", "/apply", &FeastApi::apply},
      Route{"GET", "/definition", &FeastApi::definition},
      Route{"POST", "/materialize", &FeastApi::materialize},
      Route{"POST", "/materialize-incremental", &FeastApi::materialize_incremental},
      Route{"POST", "/feedback", &FeastApi::feedback},
      Route{"POST", "/restart-drift", &FeastApi::restart_drift},
      Route{"GET", "/explain", &FeastApi::explain},
      Route{"GET", "/health", &FeastApi::health, true},
      Route{"GET", "/status", &FeastApi::status},
      Route{"GET", "/metrics", &FeastApi::metrics},
  };
  static_assert(kRoutes.size() <= std::tuple_size_v<decltype(ServingMetrics::routes)>);
  return kRoutes;
}

FeastApi::FeastApi(Engine& engine, const ServerOptions& options, const Clock& clock, ServingMetrics& metrics, Log& log)
    : engine_(engine), options_(options), clock_(clock), metrics_(metrics), log_(log) {}

bool OneAtATime::start(std::function<Tell()> work) {
  const MutexLock lock(mutex_);
  if (std::exchange(under_way_, true)) return false;
  thread_ = std::jthread([this, work = std::move(work)] {
    const Tell tell = work();
    {
      const MutexLock again(mutex_);
      under_way_ = false;
    }
    tell();
  });
  return true;
}

bool FeastApi::admits(const HttpRequest& request) const {
  constexpr std::string_view kBearer = "Bearer ";
  if (options_.token.empty()) return true;
  return request.authorization.starts_with(kBearer) &&
         same_secret(std::string_view(request.authorization).substr(kBearer.size()), options_.token);
}

void FeastApi::handle(HttpRequest request, HttpDone done) {
  const auto began = std::chrono::steady_clock::now();
  const auto all = routes();
  const std::string_view method = request.method == "HEAD" ? "GET" : std::string_view(request.method);
  const auto route = std::ranges::find(all, request.path, &Route::path);
  const std::size_t at = static_cast<std::size_t>(route - all.begin());
  const HttpDone counted = [this, began, at, known = route != all.end(), done = std::move(done)](HttpAnswer answer) {
    if (known) metrics_.routes[at].add(std::chrono::steady_clock::now() - began);
    metrics_.statuses[std::min<std::size_t>(5, static_cast<std::size_t>(answer.status / 100))].fetch_add(1, std::memory_order_relaxed);
    done(std::move(answer));
    outstanding_.end();
  };
  outstanding_.begin();
  const bool open = route != all.end() && route->open;
  if (!open && !admits(request)) {
    HttpAnswer answer = feast_error(401, "FeastPermissionError", "send the server's token, as Authorization: Bearer TOKEN");
    answer.authenticate = "Bearer";
    return counted(std::move(answer));
  }
  if (route == all.end()) return counted(other_page(request, method));
  if (route->method != method) {
    HttpAnswer answer = feast_error(405, "FeastError", fmt::format("{} is asked for by {}", request.path, route->method));
    answer.allow = route->method;
    return counted(std::move(answer));
  }
  (this->*route->handler)(request, counted);
}

HttpAnswer FeastApi::other_page(const HttpRequest& request, std::string_view method) const {
  if (options_.pages && method == "GET")
    if (auto page = options_.pages(request.path)) return {.body = std::move(page->body), .content_type = std::move(page->content_type)};
  return feast_error(404, "FeastError", fmt::format("there is nothing at {}", request.path));
}

void FeastApi::get_online_features(HttpRequest& request, const HttpDone& done) {
  const OnlineFeaturesOptions options{static_cast<std::size_t>(options_.config.rows_most.value)};
  done(online_features(engine_, options, request.body, clock_.now()));
}

void FeastApi::push(HttpRequest& request, const HttpDone& done) { push_rows(engine_, request.body, request.idempotency_key, done); }

void FeastApi::write_to_online_store(HttpRequest& request, const HttpDone& done) {
  write_to_view(engine_, request.body, request.idempotency_key, done);
}

void FeastApi::feedback(HttpRequest& request, const HttpDone& done) { done(take_feedback(engine_, request.body)); }
void FeastApi::restart_drift(HttpRequest& request, const HttpDone& done) { done(features::restart_drift(engine_, request.body)); }
void FeastApi::explain(HttpRequest& request, const HttpDone& done) { done(explain_key(engine_, request.query)); }
void FeastApi::status(HttpRequest&, const HttpDone& done) { done({.body = status_json(engine_.status(), progress(), sampled())}); }

/// The body is the definition's YAML, and file=NAME what errors call it; the answer is the plan, as text where that is asked for. Features
/// that are new are made from the log before it is answered.
void FeastApi::apply(HttpRequest& request, const HttpDone& done) {
  std::string file = "definition";
  for (const auto& [name, value] : request.query)
    if (name == "file") file = value;
  auto parsed = parse_definition(request.body, file);
  if (!parsed.ok()) return done(feast_error(parsed.error()));
  const auto definition = std::make_shared<const Definition>(std::move(*parsed));
  const bool as_text = request.accept == "text/plain";
  const bool begun = applying_.start([this, definition, file, as_text, done] {
    const auto plan = engine_.apply(*definition, file);
    if (plan.ok() && options_.applied) options_.applied();
    HttpAnswer answer;
    if (!plan.ok()) answer = feast_error(plan.error());
    else if (as_text) answer = {.body = render_plan(*plan), .content_type = "text/plain; charset=utf-8"};
    else answer.body = plan_json(*plan);
    return [done, answer = std::move(answer)] { done(answer); };
  });
  if (!begun) done(feast_error(409, "FeastError", "another definition is being applied; apply yours when that is done"));
}

/// In its canonical form.
void FeastApi::definition(HttpRequest&, const HttpDone& done) {
  const auto project = engine_.project();
  if (!project) return done(feast_error(404, "FeastError", "no definition was applied yet: isobar features apply FILE"));
  done({.body = canonical_text(project->definition()), .content_type = "application/yaml"});
}

void FeastApi::health(HttpRequest&, const HttpDone& done) { done({.status = engine_.project() ? 200 : 503}); }

void FeastApi::metrics(HttpRequest&, const HttpDone& done) {
  HttpAnswer answer{.content_type = "text/plain; version=0.0.4; charset=utf-8"};
  std::string& out = answer.body;
  append_engine_metrics(out, engine_.status(), progress(), sampled(), clock_.now());
  out += "# HELP isobar_features_http_request_seconds How long answers took.\n# TYPE isobar_features_http_request_seconds histogram\n";
  const auto all = routes();
  for (std::size_t i = 0; i < all.size(); ++i)
    metrics_.routes[i].append(out, "isobar_features_http_request_seconds", fmt::format("route=\"{}\"", all[i].path));
  out +=
      "# HELP isobar_features_http_answers_total Answers by the hundreds of their status.\n# TYPE isobar_features_http_answers_total "
      "counter\n";
  for (std::size_t hundreds = 2; hundreds < metrics_.statuses.size(); ++hundreds)
    fmt::format_to(std::back_inserter(out), "isobar_features_http_answers_total{{status=\"{}xx\"}} {}\n", hundreds,
                   metrics_.statuses[hundreds].load());
  const auto one = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
    fmt::format_to(std::back_inserter(out), "# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, type, help, value);
  };
  one("isobar_features_redis_commands_total", "counter", "Commands of Redis clients.", metrics_.redis_commands.load());
  one("isobar_features_redis_errors_total", "counter", "Those answered with an error.", metrics_.redis_errors.load());
  one("isobar_features_grpc_calls_total", "counter", "Calls of gRPC clients.", metrics_.grpc_calls.load());
  one("isobar_features_grpc_errors_total", "counter", "Those answered with an error.", metrics_.grpc_errors.load());
  one("isobar_features_connections", "gauge", "Connections of clients.", metrics_.connections.load());
  one("isobar_features_connections_refused_total", "counter", "Connections beyond what is allowed.", metrics_.connections_refused.load());
  done(std::move(answer));
}

namespace {

Result<std::optional<Instant>> read_time(const RequestBody& body, std::string_view member) {
  TRY_ASSIGN(const auto text, body.optional_text(member));
  if (!text) return std::optional<Instant>();
  TRY_ASSIGN(const Instant at, parse_timestamp(*text).context(member));
  return std::optional(at);
}

Result<MaterializeRequest> read_materialize(std::string_view text, bool incremental) {
  TRY_ASSIGN(const RequestBody body, RequestBody::parse(text));
  MaterializeRequest asked;
  TRY_ASSIGN(asked.views, body.texts("feature_views"));
  TRY_ASSIGN(asked.end, read_time(body, "end_ts"));
  if (incremental) {
    if (!asked.end) return invalid("\"end_ts\": it is needed, as \"2024-02-29T12:00:00Z\"");
    return asked;
  }
  TRY_ASSIGN(asked.start, read_time(body, "start_ts"));
  TRY_ASSIGN(const bool all, body.flag("disable_event_timestamp", false));
  if (!all && (!asked.start || !asked.end)) return invalid("start_ts and end_ts are required when disable_event_timestamp is False");
  if (asked.start && asked.end && *asked.end < *asked.start) return invalid("\"end_ts\" is before \"start_ts\"");
  return asked;
}

}  // namespace

/// What is pushed is here already, and streams are read as they come; files are read on up to their ends.
Status FeastApi::check_materialize(const MaterializeRequest& asked, bool& nothing_to_do) const {
  const auto project = engine_.project();
  if (!project) return unavailable("no definition was applied yet");
  std::vector<bool> wanted(project->views().size(), asked.views.empty());
  for (const auto& name : asked.views) {
    const auto at = project->find_view(name);
    if (!at) return not_found(fmt::format("Feature view {} does not exist in project {}", name, project->definition().project));
    wanted[*at] = true;
  }
  nothing_to_do = true;
  for (const auto& use : project->sources()) {
    const bool used = std::ranges::any_of(use.views, [&](std::size_t view) { return wanted[view]; });
    if (!used || use.source->kind == SourceKind::kPush) continue;
    if (!options_.materialize)
      return unavailable(
          fmt::format("source '{}' is of kind {}, and this server reads none of that kind", use.source->name, name_of(use.source->kind)));
    nothing_to_do = nothing_to_do && use.source->kind != SourceKind::kFile;
  }
  return {};
}

void FeastApi::begin_materialize(const MaterializeRequest& asked, const HttpDone& done) {
  bool nothing_to_do = false;
  if (const Status sound = check_materialize(asked, nothing_to_do); !sound.ok())
    return done(feast_error(sound.error(), "FeatureViewNotFoundException"));
  if (nothing_to_do) return done({.body = "null"});
  const bool begun = materializing_.start([this, asked, done] {
    const Status read = options_.materialize(asked);
    if (!read.ok()) log_.warn("features_materialize_failed", {{"why", read.error().message()}});
    return [done, answer = read.ok() ? HttpAnswer{.body = "null"} : feast_error(read.error())] { done(answer); };
  });
  if (!begun) done(feast_error(409, "FeastError", "the sources are being read already; ask again when that is done"));
}

void FeastApi::materialize(HttpRequest& request, const HttpDone& done) {
  const auto asked = read_materialize(request.body, false);
  if (!asked.ok()) return done(feast_error(asked.error()));
  begin_materialize(*asked, done);
}

void FeastApi::materialize_incremental(HttpRequest& request, const HttpDone& done) {
  const auto asked = read_materialize(request.body, true);
  if (!asked.ok()) return done(feast_error(asked.error()));
  begin_materialize(*asked, done);
}

bool same_secret(std::string_view a, std::string_view b) {
  // Of one length, whatever theirs are.
  const std::string left = crypto::sha256(a), right = crypto::sha256(b);
  unsigned differing = 0;
  for (std::size_t i = 0; i < left.size(); ++i) differing |= static_cast<unsigned char>(left[i]) ^ static_cast<unsigned char>(right[i]);
  return differing == 0;
}

}  // namespace isobar::features
