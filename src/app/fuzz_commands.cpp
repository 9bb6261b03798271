// fuzz run: a campaign on this machine.

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "base/text.h"
#include "command.h"
#include "end_signals.h"
#include "fuzz/dictionary.h"
#include "fuzz/screen.h"
#include "fuzz_session.h"

namespace isobar::app {

namespace {

struct RunOptions {
  std::vector<std::string> command, corpora, dictionaries;
  std::string out = "fuzz-out", timeout = "1s", memory = "2GB", limit, goals, fail_on;
  std::uint64_t seed = 0, size_max = 1 << 20;
  int workers = 1;
  bool no_pin = false, target_output = false;
};

constexpr int kFound = 1;  ///< --fail-on

/// As it goes on: a screen that is drawn again, or a line now and then.
class Display {
 public:
  Display(const Console& console, const FuzzSession& session, std::string target)
      : console_(console), session_(session), target_(std::move(target)) {}

  void show(const fuzz::Progress& progress) {
    if (!console_.is_terminal()) {
      if (++shown_ % 20 == 1) console_.say(fuzz::status_line(progress));
      return;
    }
    winsize size{};
    const int width = ::ioctl(1, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
    // Home, each line cleared to its end, and what is below it: nothing flickers.
    std::string text = shown_++ == 0 ? "\033[2J\033[H" : "\033[H";
    for (const std::string_view line : split(fuzz::status_screen(progress, session_.shape(), session_.sites(), target_, width), '\n'))
      text += std::string(line) + "\033[K\n";
    console_.print(text + "\033[J");
  }

 private:
  const Console& console_;
  const FuzzSession& session_;
  std::string target_;
  std::uint64_t shown_ = 0;
};

/// Workers as one: sums, and the furthest of each goal.
fuzz::Progress together(const std::vector<fuzz::Progress>& workers) {
  fuzz::Progress all = workers.front();
  for (std::size_t i = 1; i < workers.size(); ++i) {
    const fuzz::Progress& each = workers[i];
    all.runs += each.runs, all.crashes += each.crashes, all.hangs += each.hangs, all.starts += each.starts;
    all.runs_this_time += each.runs_this_time;
    all.runs_per_second += each.runs_per_second;
    all.entries = std::max(all.entries, each.entries);
    all.last_find = std::max(all.last_find, each.last_find);
    for (std::size_t goal = 0; goal < all.goals.size(); ++goal) {
      fuzz::GoalProgress& mine = all.goals[goal];
      const fuzz::GoalProgress& other = each.goals[goal];
      mine.finds += other.finds;
      mine.reached = std::max(mine.reached, other.reached);
      mine.last_find = std::max(mine.last_find, other.last_find);
      if (other.extreme > mine.extreme) mine.extreme = other.extreme, mine.extreme_key = other.extreme_key;
    }
  }
  return all;
}

Result<FuzzSessionOptions> session_options(const RunOptions& o) {
  FuzzSessionOptions options;
  options.target.command = o.command;
  options.target.quiet = !o.target_output;
  TRY_ASSIGN(options.target.timeout, parse_duration(o.timeout).context("--timeout"));
  TRY_ASSIGN(const auto memory, parse_bytes(o.memory, kMiB).context("--memory"));
  options.target.memory_bytes = memory.value;
  options.folder = o.out;
  options.workers = o.workers;
  options.pinned = !o.no_pin;
  options.campaign.size_max = o.size_max;
  options.campaign.seed = o.seed != 0 ? o.seed : static_cast<std::uint64_t>(SystemClock().now().unix_nanos());
  for (const std::string& corpus : o.corpora) {
    TRY_ASSIGN(auto inputs, fuzz::read_inputs(corpus, o.size_max));
    std::ranges::move(inputs, std::back_inserter(options.campaign.seeds));
  }
  for (const std::string& dictionary : o.dictionaries) {
    TRY_ASSIGN(const auto text, read_file(dictionary));
    TRY_ASSIGN(auto tokens, fuzz::Dictionary::parse(text).context(dictionary));
    std::ranges::move(tokens, std::back_inserter(options.campaign.tokens));
  }
  for (const std::string_view goal : split(o.goals, ','))
    if (!trim(goal).empty()) options.campaign.goals.emplace_back(trim(goal));
  TRY_ASSIGN(options.campaign.target, fuzz_fingerprint(o.command[0]));
  return options;
}

bool fails(const RunOptions& o, const fuzz::Progress& progress) {
  for (const std::string_view what : split(o.fail_on, ',')) {
    if (trim(what) == "crash" && progress.crashes > 0) return true;
    if (trim(what) == "hang" && progress.hangs > 0) return true;
  }
  return false;
}

Result<int> run_campaign(Context& context, const RunOptions& o) {
  Duration limit = kForever;
  if (!o.limit.empty()) {
    TRY_ASSIGN(limit, parse_duration(o.limit).context("--for"));
  }
  const EndSignals signals;
  const Console& console = context.console();
  fuzz::CampaignEvents events;
  if (!console.is_terminal())
    events.ended = [&console](fuzz::Ending ending, const fs::path& path, const fuzz::Outcome&) {
      console.say(fmt::format("{}: {}", fuzz::name_of(ending), path.string()));
    };
  TRY_ASSIGN(auto options, session_options(o));
  TRY_ASSIGN(const auto session, FuzzSession::begin(std::move(options), std::move(events)));
  Display display(console, *session, o.command[0]);
  const SystemClock clock;
  const Instant began = clock.now();
  while (true) {
    const FuzzView view = session->view();
    display.show(together(view.workers));
    if (!view.failure.empty()) break;
    const Duration left = limit == kForever ? Duration(500ms) : limit - (clock.now() - began);
    if (left <= Duration(0) || signals.wait_for(std::min<Duration>(500ms, left))) break;
  }
  TRY(session->end());
  const fuzz::Progress progress = together(session->view().workers);
  console.say(fuzz::status_line(progress));
  console.say(fmt::format("inputs are in {0}/inputs, what ends the target in {0}/crashes; the same command goes on", o.out));
  return fails(o, progress) ? kFound : kOk;
}

int run(Context& context, const RunOptions& o) {
  auto ran = run_campaign(context, o);
  return ran.ok() ? *ran : context.console().fail(ran.error());
}

void add_run_command(Commands& commands, CLI::App* group) {
  auto o = std::make_shared<RunOptions>();
  auto* command = commands.add(group, "run", "Fuzz a target that isobar-cc built, towards coverage and each domain that it was built with.",
                               [o](Context& context) { return run(context, *o); });
  command->add_option("TARGET", o->command, "The program, and its arguments behind --; @@ among them is a file with the input.")
      ->required();
  command->add_option("--corpus,-i", o->corpora, "Inputs to begin with: files, and folders of ours, AFL++'s and libFuzzer's.");
  command->add_option("--out,-o", o->out, "The campaign's folder; one that is there is gone on with.")->capture_default_str();
  command->add_option("--goals", o->goals, "Work towards these of the target's domains alone, and coverage: mem,slow.");
  command->add_option("--for", o->limit, "End after so long: 60s, 8h.");
  command->add_option("--fail-on", o->fail_on, "Exit code 1 if there is one: crash,hang.");
  command->add_option("--jobs,-j", o->workers, "Workers, each with its own copy of the target.")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--timeout,-t", o->timeout, "Of one run.")->capture_default_str();
  command->add_option("--memory,-m", o->memory, "Of one run, resident; 0: any.")->capture_default_str();
  command->add_option("--dictionary,-x", o->dictionaries, "Tokens, in AFL's and libFuzzer's form.");
  command->add_option("--max-size", o->size_max, "Bytes of an input.")->check(CLI::Range(1, 64 << 20))->capture_default_str();
  command->add_option("--seed", o->seed, "Of chance; 0: the clock's.");
  command->add_flag("--no-pin", o->no_pin, "Let workers run on any processor.");
  command->add_flag("--target-output", o->target_output, "Show what the target prints.");
}

}  // namespace

void add_fuzz_commands(Commands& commands) {
  auto* group = commands.group(nullptr, "fuzz", "Fuzzing towards a domain's own goals: slow inputs, memory, compares, your own.");
  add_run_command(commands, group);
}

}  // namespace isobar::app
