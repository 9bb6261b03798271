// fuzz run: a campaign on this machine.

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "base/text.h"
#include "command.h"
#include "end_signals.h"
#include "fuzz/dictionary.h"
#include "fuzz/page.h"
#include "fuzz/screen.h"
#include "fuzz_session.h"
#include "fuzz_target.h"

namespace isobar::app {

namespace {

struct RunOptions {
  FuzzTargetOptions target;
  std::vector<std::string> corpora, dictionaries;
  std::string out = "fuzz-out", limit, goals, fail_on;
  std::uint64_t seed = 0, size_max = 1 << 20;
  int workers = 1, page = -1;
  bool no_pin = false;
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
fuzz::Progress together(const std::vector<fuzz::Progress>& workers, const fuzz::TargetShape& shape) {
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
      const auto domain = std::ranges::find(shape.domains, mine.name, &fuzz::DomainShape::name);
      const bool least = domain != shape.domains.end() && domain->reducer == fuzz::Reducer::kMin;
      if (least ? other.extreme >= mine.extreme : other.extreme <= mine.extreme) continue;
      mine.extreme = other.extreme, mine.extreme_key = other.extreme_key, mine.top = other.top;
    }
  }
  return all;
}

Result<FuzzSessionOptions> session_options(const RunOptions& o) {
  FuzzSessionOptions options;
  TRY_ASSIGN(options.target, executor_options(o.target));
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
  TRY_ASSIGN(options.campaign.target, fuzz_fingerprint(o.target.command[0]));
  return options;
}

bool fails(const RunOptions& o, const fuzz::Progress& progress) {
  for (const std::string_view what : split(o.fail_on, ',')) {
    if (trim(what) == "crash" && progress.crashes > 0) return true;
    if (trim(what) == "hang" && progress.hangs > 0) return true;
  }
  return false;
}

fuzz::PageFacts page_facts(const RunOptions& o, bool live) {
  std::string command;
  for (const std::string& word : o.target.command) command += (command.empty() ? "" : " ") + word;
  return {.target = o.target.command[0], .command = command, .folder = o.out, .live = live};
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
  TRY_ASSIGN(const auto session, FuzzSession::begin(std::move(options), events));
  std::unique_ptr<fuzz::PageServer> page;
  if (o.page >= 0) {
    TRY_ASSIGN(page, fuzz::PageServer::start(static_cast<std::uint16_t>(o.page)));
    console.say(fmt::format("page: http://127.0.0.1:{}/", page->port()));
  }
  // A screen that is drawn over has the address on it.
  Display display(console, *session,
                  page ? fmt::format("{}   http://127.0.0.1:{}/", o.target.command[0], page->port()) : o.target.command[0]);
  TRY_ASSIGN(auto history, fuzz::History::open(o.out));
  const SystemClock clock;
  const Instant began = clock.now();
  while (true) {
    const FuzzView view = session->view();
    const fuzz::Progress progress = together(view.workers, session->shape());
    display.show(progress);
    TRY(history.add(progress));
    if (page) page->show(fuzz::page_json(page_facts(o, true), progress, session->shape(), session->sites(), history));
    if (!view.failure.empty()) break;
    const Duration left = limit == kForever ? Duration(500ms) : limit - (clock.now() - began);
    if (left <= Duration(0) || signals.wait_for(std::min<Duration>(500ms, left))) break;
  }
  TRY(session->end());
  const fuzz::Progress progress = together(session->view().workers, session->shape());
  TRY(history.add(progress));
  TRY(write_file(fs::path(o.out) / "report.html",
                 fuzz::page_html(fuzz::page_json(page_facts(o, false), progress, session->shape(), session->sites(), history)),
                 Durability::kCache));
  console.say(fuzz::status_line(progress));
  console.say(fmt::format(
      "inputs are in {0}/inputs, what ends the target in {0}/crashes, the report is {0}/report.html; the same command goes on", o.out));
  return fails(o, progress) ? kFound : kOk;
}

void add_run_command(Commands& commands, CLI::App* group) {
  auto o = std::make_shared<RunOptions>();
  auto* command = commands.add(group, "run", "Fuzz a target that isobar-cc built, towards coverage and each domain that it was built with.",
                               [o](Context& context) { return context.console().end_with(run_campaign(context, *o)); });
  add_fuzz_target(command, o->target);
  command->add_option("--corpus,-i", o->corpora, "Inputs to begin with: files, and folders of ours, AFL++'s and libFuzzer's.");
  command->add_option("--out,-o", o->out, "The campaign's folder; one that is there is gone on with.")->capture_default_str();
  command->add_option("--goals", o->goals, "Work towards these of the target's domains alone, and coverage: mem,slow.");
  command->add_option("--for", o->limit, "End after so long: 60s, 8h.");
  command->add_option("--fail-on", o->fail_on, "Exit code 1 if there is one: crash,hang.");
  command->add_option("--jobs,-j", o->workers, "Workers, each with its own copy of the target.")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--dictionary,-x", o->dictionaries, "Tokens, in AFL's and libFuzzer's form.");
  command->add_option("--max-size", o->size_max, "Bytes of an input.")->check(CLI::Range(1, 64 << 20))->capture_default_str();
  command->add_option("--seed", o->seed, "Of chance; 0: the clock's.");
  command->add_option("--page", o->page, "Serve a live page on this port of this machine; 0: one that is free.")
      ->check(CLI::Range(0, 65535));
  command->add_flag("--no-pin", o->no_pin, "Let workers run on any processor.");
}

}  // namespace

void add_fuzz_commands(Commands& commands) {
  auto* group = commands.group(nullptr, "fuzz", "Fuzzing towards a domain's own goals: slow inputs, memory, compares, your own.");
  add_run_command(commands, group);
  add_fuzz_triage_commands(commands, group);
  add_fuzz_corpus_commands(commands, group);
}

}  // namespace isobar::app
