// features serve: a feature store that answers over HTTP and the Redis protocol, until it is told to end.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "base/text.h"
#include "command.h"
#include "end_signals.h"
#include "features/served_log.h"
#include "features/server.h"
#include "features/source_runner.h"

namespace isobar::app {

namespace {

namespace f = isobar::features;

struct ServeOptions {
  std::string definition, data, address = "127.0.0.1", token_file, certificate, key, flush_every, served_bytes;
  int port = 6566, redis_port = 6567, grpc_port = -1, threads = 0;
  std::vector<std::string> programs;
  double log_served = 0;
  bool no_redis = false;
};

Result<f::ServerOptions> server_options(const ServeOptions& o) {
  f::ServerOptions options;
  options.address = o.address;
  options.http_port = static_cast<std::uint16_t>(o.port);
  if (!o.no_redis) options.redis_port = static_cast<std::uint16_t>(o.redis_port);
  if (o.grpc_port >= 0) options.grpc_port = static_cast<std::uint16_t>(o.grpc_port);
  options.threads = static_cast<std::size_t>(o.threads);
  if (!o.token_file.empty()) {
    TRY_ASSIGN(const std::string token, read_file(o.token_file).context("--token-file"));
    options.token = std::string(trim(token));
    if (options.token.empty()) return invalid(fmt::format("--token-file: {} holds no token", o.token_file));
  }
  if (!o.certificate.empty()) {
    TRY_ASSIGN(options.certificate_pem, read_file(o.certificate).context("--certificate"));
  }
  if (!o.key.empty()) {
    TRY_ASSIGN(options.key_pem, read_file(o.key).context("--key"));
  }
  return options;
}

Result<f::EngineConfig> engine_config(const ServeOptions& o) {
  f::EngineConfig config;
  if (!o.flush_every.empty()) TRY(set_knob(config.store.group_delay, "--flush-every", o.flush_every));
  return config;
}

Status apply_file(Context& context, f::Engine& engine, const std::string& file) {
  TRY_ASSIGN(const std::string text, read_file(file));
  TRY_ASSIGN(const auto definition, f::parse_definition(text, file));
  TRY_ASSIGN(const auto plan, engine.apply(definition, file));
  context.console().print(f::render_plan(plan));
  return {};
}

/// A sample of the answers, where one is wanted.
Result<std::unique_ptr<f::ServedLog>> served_log(const ServeOptions& o, const fs::path& data, Log& log) {
  f::ServedLogConfig config{.rate = o.log_served};
  if (!o.served_bytes.empty()) TRY(set_knob(config.bytes_most, "--log-served-bytes", o.served_bytes));
  if (config.rate == 0) return std::unique_ptr<f::ServedLog>();
  return f::ServedLog::open(data / "served", config, log).context("--log-served");
}

constexpr Duration kFilesMost = 10min;  // that /materialize waits for files to be read

/// Whoever reads the sources that are not pushed, and the server beside it.
void couple(f::ServerOptions& options, f::SourceRunner& runner) {
  options.materialize = [&runner](const f::MaterializeRequest&) { return runner.wait_for_files(kFilesMost); };
  options.applied = [&runner] { runner.follow_definition(); };
  options.progress = [&runner] {
    std::vector<f::ReadingProgress> all;
    for (auto& one : runner.progress()) all.push_back({one.source, one.kind, one.at_end, one.refused, one.problem});
    return all;
  };
}

std::string sample_value(f::Type type) {
  if (type.is_number()) return "1001";
  if (type.is(f::Kind::kBool)) return "true";
  return type.is(f::Kind::kTimestamp) ? "2026-01-01T00:00:00Z" : "a";
}

/// What to ask first, of the first view that there is.
std::string hints(const f::Project& project, const f::ServerOptions& options, const f::Server& server, const std::string& at) {
  for (const auto& view : project.views()) {
    if (!view.view().online || view.stored().empty()) continue;
    std::string entities, key;
    for (const auto& column : view.keys()) {
      const std::string value = sample_value(column.type);
      const bool bare = column.type.is_number() || column.type.is(f::Kind::kBool);
      entities += fmt::format("{}\"{}\":[{}]", entities.empty() ? "" : ",", column.name, bare ? value : "\"" + value + "\"");
      key += ":" + value;
    }
    const std::string token = options.token.empty() ? "" : "-H 'Authorization: Bearer TOKEN' ";
    std::string text = fmt::format("  curl {}{}/get-online-features -d '{{\"features\":[\"{}:{}\"],\"entities\":{{{}}}}}'\n", token, at,
                                   view.name(), view.stored().front().name, entities);
    if (server.redis_port())
      text += fmt::format("  redis-cli -p {}{}{} HGETALL {}{}\n", *server.redis_port(), options.certificate_pem.empty() ? "" : " --tls",
                          options.token.empty() ? "" : " -a TOKEN", view.name(), key);
    return text;
  }
  return "";
}

std::string where_it_is(const f::Engine& engine, const f::ServerOptions& options, const f::Server& server, const std::string& data) {
  const bool tls = !options.certificate_pem.empty(), v6 = options.address.find(':') != std::string::npos;
  const std::string host = v6 ? "[" + options.address + "]" : options.address;
  const std::string at = fmt::format("{}://{}:{}", tls ? "https" : "http", host, server.http_port());
  const auto project = engine.project();
  std::string text =
      project ? fmt::format("{} is served from {}\n", project->definition().project, data)
              : fmt::format("nothing is served from {} yet; give it a definition by: isobar features apply FILE --url {}\n", data, at);
  text += fmt::format("  HTTP (Feast's) at {}\n", at);
  if (server.redis_port()) text += fmt::format("  Redis protocol at {}:{}{}\n", host, *server.redis_port(), tls ? " under TLS" : "");
  if (server.grpc_port()) text += fmt::format("  gRPC (Feast's) at {}:{}\n", host, *server.grpc_port());
  return project ? text + hints(*project, options, server, at) : text;
}

Status serve_until_told(Context& context, const ServeOptions& o) {
  const EndSignals signals;
  TRY_ASSIGN(auto options, server_options(o));
  TRY_ASSIGN(auto config, engine_config(o));
  const fs::path data = o.data.empty() ? context.home() / "features" : fs::path(o.data);
  TRY(make_folders(data));
  TRY_ASSIGN(Log log, Log::to_file(data / "serve.log"));
  log.redact(options.token);
  TRY_ASSIGN(const auto sample, served_log(o, data, log));
  config.sample = sample.get();
  config.programs.folders.assign(o.programs.begin(), o.programs.end());
  config.programs.said = [&log](std::string_view program, std::string_view line) {
    log.info("features_program_said", {{"program", program}, {"line", line}});
  };
  config.log_file = data / "engine.log";
  TRY_ASSIGN(const auto engine, f::Engine::open(data / "store", config, context.clock()));
  if (!o.definition.empty()) TRY(apply_file(context, *engine, o.definition));
  f::SourceRunner runner(*engine);
  runner.follow_definition();
  couple(options, runner);
  if (sample)
    options.sampled = [&sample] {
      auto counts = sample->counts();
      return f::SampleCounts{counts.written, counts.dropped, counts.bytes, std::move(counts.problem)};
    };
  TRY_ASSIGN(auto server, f::Server::start(*engine, options, context.clock(), log));
  context.console().print(where_it_is(*engine, options, *server, data.string()));
  log.info("features_served", {{"http_port", server->http_port()}});
  signals.wait();
  server.reset();
  log.info("features_ended");
  return {};
}

int serve(Context& context, const ServeOptions& o) {
  const Status served = serve_until_told(context, o);
  return served.ok() ? kOk : context.console().fail(served.error());
}

}  // namespace

void add_features_serve_command(Commands& commands, CLI::App* features_group) {
  auto o = std::make_shared<ServeOptions>();
  auto* command = commands.add(features_group, "serve", "Serve features: Feast's HTTP API, and the Redis protocol. Ends at Ctrl-C.",
                               [o](Context& context) { return serve(context, *o); });
  command->add_option("DEFINITION", o->definition, "A definition, a YAML file, to be applied first. Without it: the one applied last.");
  command->add_option("--data", o->data, "The folder that all is kept in. ~/.isobar/features");
  command->add_option("--address", o->address, "What to listen on. Beyond this machine only with a token and TLS.")->capture_default_str();
  command->add_option("--port", o->port, "Of HTTP; 0: one that is free.")->check(CLI::Range(0, 65535))->capture_default_str();
  command->add_option("--redis-port", o->redis_port, "Of the Redis protocol; 0: one that is free.")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command->add_option("--grpc-port", o->grpc_port, "Speak Feast's gRPC, too, on this port; 0: one that is free. Without TLS.")
      ->check(CLI::Range(0, 65535));
  command->add_flag("--no-redis", o->no_redis, "Do not speak the Redis protocol.");
  command->add_option("--threads", o->threads, "That answer. 0: one for each processor.")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  command->add_option(
      "--flush-every", o->flush_every,
      "How long what comes in may wait to share a flush to disk with what comes after it; 1ms. Less is fresher, more takes in "
      "more.");
  command
      ->add_option("--log-served", o->log_served,
                   "Keep this share of the answers, 0.01 for a hundredth, for isobar features skew. 0: none.")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command->add_option("--log-served-bytes", o->served_bytes, "How much the kept answers may be; 1GiB. The oldest go first.");
  command
      ->add_option(
          "--allow-programs", o->programs,
          "A folder: definitions may name programs and libraries in it as featurizers, and those are run. Several times, for several. "
          "Without it nothing is run.")
      ->allow_extra_args(false);
  command->add_option("--token-file", o->token_file, "A file whose text clients must show.");
  auto* certificate = command->add_option("--certificate", o->certificate, "TLS: a PEM file, with those that vouch for it.");
  auto* key = command->add_option("--key", o->key, "TLS: the certificate's key, a PEM file.");
  certificate->needs(key);
  key->needs(certificate);
}

}  // namespace isobar::app
