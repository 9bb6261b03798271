// features demo: the store at work on a recorded trace, in virtual time, with a page that shows what regret gains.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "command.h"
#include "end_signals.h"
#include "features/demo.h"
#include "features/server.h"

namespace isobar::app {

namespace {

namespace f = isobar::features;

struct DemoCommandOptions {
  std::string trace;
  double budget = 0.25, speed = 4;
  int port = 6566, redis_port = 6567;
  bool once = false;
};

/// A folder for as long as the demo runs.
class ScratchFolder {
 public:
  static Result<std::unique_ptr<ScratchFolder>> create() {
    std::string name = (fs::temp_directory_path() / "isobar-demo-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) return errno_error("make a folder for the demo, " + name);
    return std::unique_ptr<ScratchFolder>(new ScratchFolder(name));
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  explicit ScratchFolder(fs::path path) : path_(std::move(path)) {}
  fs::path path_;
};

f::ServerOptions server_options(const DemoCommandOptions& o, const f::Demo& demo) {
  f::ServerOptions options;
  options.http_port = static_cast<std::uint16_t>(o.port);
  options.redis_port = static_cast<std::uint16_t>(o.redis_port);
  options.pages = [&demo](std::string_view path) -> std::optional<f::Page> {
    auto page = demo.page(path);
    if (!page) return std::nullopt;
    return f::Page{std::move(page->content_type), std::move(page->body)};
  };
  return options;
}

/// Hour after hour, until the trace is at its end or a signal comes. Whether one came.
Result<bool> play(Context& context, const DemoCommandOptions& o, f::Demo& demo, const EndSignals& signals) {
  const Duration pace = from_seconds(1 / o.speed);
  while (true) {
    TRY_ASSIGN(const bool more, demo.step());
    if (!more) return false;
    if (demo.hour() % 24 == 0) context.console().print(demo.summary());
    if (signals.wait_for(pace)) return true;
  }
}

Status run_demo(Context& context, const DemoCommandOptions& o) {
  const EndSignals signals;
  f::Trace trace;
  if (o.trace.empty()) {
    trace = f::sample_trace();
  } else {
    TRY_ASSIGN(trace, f::read_trace(o.trace));
  }
  TRY_ASSIGN(const auto folder, ScratchFolder::create());
  TRY_ASSIGN(Log log, Log::to_file(folder->path() / "demo.log"));
  f::DemoClock clock;
  TRY_ASSIGN(const auto engine, f::Engine::open(folder->path() / "store", {}, clock));
  TRY_ASSIGN(const auto demo, f::Demo::create(trace, {.refreshes_per_hour = o.budget}, *engine, clock));
  TRY(demo->begin());
  TRY_ASSIGN(auto server, f::Server::start(*engine, server_options(o, *demo), clock, log));
  const std::string at = fmt::format("http://127.0.0.1:{}/", server->http_port());
  context.console().print(fmt::format(
      "{} series, {} hours, {:g} hours a second, in virtual time; {:g} refreshes an hour for each policy.\n"
      "  page             {}{}\n"
      "  Redis protocol   redis-cli -p {} HGETALL by_regret:{}\n",
      trace.keys.size(), demo->hours(), o.speed, o.budget, at,
      *server->redis_port() == 6567 ? "" : fmt::format("?redis={}", *server->redis_port()), *server->redis_port(), trace.keys.front()));
  TRY_ASSIGN(const bool told_to_end, play(context, o, *demo, signals));
  context.console().print(demo->summary());
  if (told_to_end || o.once) return {};
  context.console().print("The trace is at its end; the store answers on. Ctrl-C ends it.\n");
  signals.wait();
  return {};
}

int demo(Context& context, const DemoCommandOptions& o) {
  const Status ran = run_demo(context, o);
  return ran.ok() ? kOk : context.console().fail(ran.error());
}

}  // namespace

void add_features_demo_command(Commands& commands, CLI::App* features_group) {
  auto o = std::make_shared<DemoCommandOptions>();
  auto* command = commands.add(
      features_group, "demo",
      "See it: real series played through the store, forecasts kept fresh by regret and in turn within the same budget, on a page.",
      [o](Context& context) { return demo(context, *o); });
  command->add_option("TRACE", o->trace, "A trace as `features simulate` takes it. Without it: ten series that the program has.");
  command->add_option("--budget", o->budget, "Refreshes an hour of the trace, of each policy, for all keys.")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command->add_option("--speed", o->speed, "Hours of the trace that pass in a second.")
      ->check(CLI::Range(0.01, 1000.0))
      ->capture_default_str();
  command->add_option("--port", o->port, "Of the page and of HTTP; 0: one that is free.")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command->add_option("--redis-port", o->redis_port, "Of the Redis protocol; 0: one that is free.")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  command->add_flag("--once", o->once, "End with the trace.");
}

}  // namespace isobar::app
