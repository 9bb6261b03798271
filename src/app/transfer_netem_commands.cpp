// transfer netem: networks of emulated links on this machine, to try transfers on before clouds are paid.

#include <fmt/format.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "base/file.h"
#include "base/text_table.h"
#include "command.h"
#include "transfer/testbed.h"

namespace isobar::app {

namespace {

using transfer::Scenario;
using transfer::ScenarioEvent;
using transfer::Testbed;

std::string rate_text(const std::optional<double>& gbps) {
  if (!gbps) return "unlimited";
  return *gbps >= 1 ? fmt::format("{:g} Gbit/s", *gbps) : fmt::format("{:g} Mbit/s", *gbps * 1000);
}

std::string event_text(const Scenario& scenario, const ScenarioEvent& event) {
  switch (event.kind) {
    case ScenarioEvent::Kind::kCut: return fmt::format("the link {} is cut", scenario.link_name(event.link));
    case ScenarioEvent::Kind::kHeal: return fmt::format("the link {} is healed", scenario.link_name(event.link));
    case ScenarioEvent::Kind::kLoss: return fmt::format("the link {} loses {:g} % now", scenario.link_name(event.link), event.loss * 100);
    case ScenarioEvent::Kind::kKill: return fmt::format("what runs in {} is killed", scenario.regions[event.region].name);
  }
  return "";
}

std::string event_line(const Scenario& scenario, const ScenarioEvent& event) {
  return fmt::format("at {}: {}", format_duration(event.at), event_text(scenario, event));
}

std::string scenario_text(const Scenario& scenario) {
  TextTable table({"FROM", "TO", "RATE", "DELAY", "LOSS", "QUEUE"});
  const auto add = [&](transfer::SiteIndex from, transfer::SiteIndex to, const transfer::LinkShape& shape) {
    table.add({scenario.regions[from].name, scenario.regions[to].name, rate_text(shape.gbps), format_duration(shape.delay),
               fmt::format("{:g} %", shape.loss * 100), shape.gbps ? format_bytes(shape.queue) : "-"});
  };
  for (const auto& [from, to, there, back] : scenario.links) add(from, to, there), add(to, from, back);
  std::string text = (scenario.about.empty() ? "" : scenario.about + "\n\n") + table.render();
  for (const auto& event : scenario.events) text += event_line(scenario, event) + "\n";
  return text;
}

int list(Context& context) {
  TextTable table({"SCENARIO", "REGIONS", "LINKS", "WHAT IT IS"});
  for (const auto& name : transfer::builtin_scenario_names()) {
    const auto scenario = transfer::open_scenario(name);
    if (!scenario.ok()) return context.console().fail(scenario.error());
    table.add({name, std::to_string(scenario->regions.size()), std::to_string(scenario->links.size()), scenario->about});
  }
  context.console().print(table.render());
  return kOk;
}

int show(Context& context, const std::string& name, const std::string& output) {
  const auto scenario = transfer::open_scenario(name);
  if (!scenario.ok()) return context.console().fail(scenario.error());
  if (output == "grid") {
    context.console().print(transfer::write_grid(transfer::scenario_grid(*scenario)));
  } else if (output == "yaml") {
    const auto builtin = transfer::builtin_scenario_text(name);
    const auto text = builtin.ok() ? std::string(*builtin) : read_file(name);
    if (!text.ok()) return context.console().fail(text.error());
    context.console().print(*text);
  } else {
    context.console().print(scenario_text(*scenario));
  }
  return kOk;
}

std::string sites_text(const Testbed& testbed) {
  TextTable regions({"REGION", "NAMESPACE", "FROM HERE"});
  for (const auto& site : testbed.sites()) regions.add({site.region, site.namespace_name, site.management_address});
  TextTable links({"FROM", "TO", "CONNECT TO"});
  for (const auto& site : testbed.sites())
    for (const auto& [peer, address] : site.addresses) links.add({peer, site.region, address});
  return regions.render() + "\n" + links.render();
}

std::string traffic_text(const Testbed& testbed) {
  TextTable table({"FROM", "TO", "ON THE WIRE", "PAYLOAD", "LOST", "QUEUE FULL", "CUT"});
  for (const auto& edge : testbed.traffic())
    table.add({edge.from, edge.to, format_bytes({edge.wire_bytes}), format_bytes({edge.payload_bytes}), std::to_string(edge.lost_segments),
               std::to_string(edge.queue_segments), std::to_string(edge.severed_segments)});
  return table.render();
}

/// Takes the signals that end a command, and those that tell of children, for as long as it lives: they are then waited for
/// where it suits, and what was set up is taken down in order. To be made before other threads are.
class SignalsHeld {
 public:
  SignalsHeld() {
    sigemptyset(&held_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&held_, number);
    pthread_sigmask(SIG_BLOCK, &held_, &before_);
  }
  ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsHeld(const SignalsHeld&) = delete;

  siginfo_t wait() const {
    siginfo_t signal{};
    while (::sigwaitinfo(&held_, &signal) < 0) continue;
    return signal;
  }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t held_{}, before_{};
};

struct RunOptions {
  std::string scenario, region;
  std::vector<std::string> words;
  std::uint64_t seed = 1;
  bool traffic = false;
};

/// A file without a name that describes the testbed; others find it below /proc while this program runs, so that none is left.
Result<Fd> description_of(const Testbed& testbed) {
  Fd file(::memfd_create("netem", MFD_CLOEXEC));
  if (!file) return errno_error("memfd_create");
  TRY(write_all(file.get(), transfer::testbed_json(testbed)));
  return file;
}

Result<pid_t> spawn(const std::vector<std::string>& command, const std::vector<std::string>& environment, const sigset_t& mask) {
  const auto pointers = [](const std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (const auto& text : texts) all.push_back(const_cast<char*>(text.c_str()));
    all.push_back(nullptr);
    return all;
  };
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setsigmask(&attributes, &mask);
  pid_t pid = -1;
  const int failed = ::posix_spawnp(&pid, command[0].c_str(), nullptr, &attributes, pointers(command).data(), pointers(environment).data());
  posix_spawnattr_destroy(&attributes);
  if (failed == ENOENT) return not_found(fmt::format("there is no program '{}'", command[0]));
  if (failed != 0) return errno_error(fmt::format("start {}", command[0]), failed);
  return pid;
}

/// Its exit code, as a shell tells it. Signals go on to the command, but for those that the terminal sends to both.
int wait_for(pid_t pid, const SignalsHeld& signals) {
  for (;;) {
    int status = 0;
    if (::waitpid(pid, &status, WNOHANG) == pid) return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    const siginfo_t signal = signals.wait();
    if (signal.si_signo != SIGCHLD && signal.si_code != SI_KERNEL) ::kill(pid, signal.si_signo);
  }
}

void begin_events(const Context& context, Testbed& testbed) {
  testbed.begin_events([&console = context.console(), &scenario = testbed.scenario()](const ScenarioEvent& event) {
    console.say(event_line(scenario, event));
  });
}

Result<int> run_command(const Context& context, const RunOptions& options) {
  const SignalsHeld signals;
  TRY_ASSIGN(const auto scenario, transfer::open_scenario(options.scenario));
  TRY_ASSIGN(const auto testbed, Testbed::create(scenario, options.seed));
  TRY_ASSIGN(const Fd description, description_of(*testbed));
  std::vector<std::string> environment = {fmt::format("ISOBAR_NETEM=/proc/{}/fd/{}", ::getpid(), description.get())};
  for (const auto& [name, value] : context.environment())
    if (name != "ISOBAR_NETEM") environment.push_back(name + "=" + value);
  pid_t pid = -1;
  const auto start = [&]() -> Status {
    TRY_ASSIGN(pid, spawn(options.words, environment, signals.before()));
    return {};
  };
  if (options.region.empty()) {
    TRY(start());
  } else {
    TRY_ASSIGN(const auto* site, testbed->site(options.region));
    TRY(transfer::in_network(*site, start));
  }
  begin_events(context, *testbed);
  const int code = wait_for(pid, signals);
  if (options.traffic) context.console().say(traffic_text(*testbed));
  return code;
}

Status keep_up(const Context& context, const RunOptions& options) {
  const SignalsHeld signals;
  TRY_ASSIGN(const auto scenario, transfer::open_scenario(options.scenario));
  TRY_ASSIGN(const auto testbed, Testbed::create(scenario, options.seed));
  context.console().print(sites_text(*testbed));
  context.console().say("The network is up until Ctrl-C. A shell in a region: ip netns exec NAMESPACE bash");
  begin_events(context, *testbed);
  while (signals.wait().si_signo == SIGCHLD) continue;
  if (options.traffic) context.console().say(traffic_text(*testbed));
  return {};
}

void add_run_options(CLI::App* command, const std::shared_ptr<RunOptions>& options) {
  command->add_option("SCENARIO", options->scenario, "A built-in scenario, or a file of docs/formats/scenario.md.")->required();
  command->add_option("--seed", options->seed, "Draws the losses (1).");
  command->add_flag("--traffic", options->traffic, "Tell at the end what each link carried and lost.");
}

}  // namespace

void add_transfer_netem_commands(Commands& commands, CLI::App* transfer_group) {
  CLI::App* group = commands.group(transfer_group, "netem", "Networks of emulated links on this machine, to try transfers on.");
  commands.add(group, "list", "The scenarios that are built in.", list);

  struct ShowOptions {
    std::string scenario, output;
  };
  auto shown = std::make_shared<ShowOptions>();
  CLI::App* show_command = commands.add(group, "show", "What a scenario is: its links, and what happens to them.",
                                        [shown](Context& context) { return show(context, shown->scenario, shown->output); });
  show_command->add_option("SCENARIO", shown->scenario, "A built-in scenario, or a file.")->required();
  show_command->add_option("-o,--output", shown->output, "table, yaml (its file), or grid (for transfer plan --grid).")
      ->check(CLI::IsMember({"table", "yaml", "grid"}));

  auto run_options = std::make_shared<RunOptions>();
  CLI::App* run =
      commands.add(group, "run", "Set a scenario up, run a command, and take it down again. Needs root.", [run_options](Context& context) {
        const auto code = run_command(context, *run_options);
        return code.ok() ? *code : context.console().fail(code.error());
      });
  add_run_options(run, run_options);
  run->add_option("--in", run_options->region, "The region whose network the command sees; else this machine's, which reaches all.");
  run->add_option("COMMAND", run_options->words, "What to run, after --. $ISOBAR_NETEM is a JSON file of regions and addresses.")
      ->required();

  auto up_options = std::make_shared<RunOptions>();
  CLI::App* up = commands.add(group, "up", "Set a scenario up, and keep it until Ctrl-C. Needs root.", [up_options](Context& context) {
    const auto status = keep_up(context, *up_options);
    return status.ok() ? kOk : context.console().fail(status.error());
  });
  add_run_options(up, up_options);
}

}  // namespace isobar::app
