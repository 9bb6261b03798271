// Clients of a real cluster that lie, until they are told to stop: db_lying_client ATTACK FOLDER… Each folder is a client's, with its
// secret. Then it says, as JSON, what they did and what came of it. For tests of the others, and for measuring what they lose by it.

#include <fmt/format.h>
#include <sys/prctl.h>
#include <CLI/CLI.hpp>

#include <csignal>
#include <cstdio>

#include "lying_load.h"

using namespace isobar;

namespace {

struct Options {
  std::string attack;
  std::vector<std::string> folders;
  db::LoadOptions load;
};

Result<std::vector<std::unique_ptr<db::LyingLoad>>> start(const Options& options, db::LoadAttack attack) {
  std::vector<std::unique_ptr<db::LyingLoad>> loads;
  db::LoadOptions load = options.load;
  for (const fs::path folder : options.folders) {
    TRY_ASSIGN(auto cluster, db::read_cluster(folder / ".." / "cluster.yaml"));
    TRY_ASSIGN(auto secret, db::read_secret(folder / "secret.yaml", cluster));
    TRY_ASSIGN(auto started, db::LyingLoad::start(load, attack, std::move(cluster), std::move(secret)));
    loads.push_back(std::move(started));
    ++load.seed;
  }
  return loads;
}

void print(const std::vector<std::unique_ptr<db::LyingLoad>>& loads) {
  db::LyingReport all;
  for (const auto& load : loads) {
    const db::LyingReport one = load->report();
    all.begun += one.begun, all.committed += one.committed, all.aborted += one.aborted, all.left += one.left;
    all.refused += one.refused, all.reads += one.reads;
    all.lies.withheld += one.lies.withheld, all.lies.added += one.lies.added, all.lies.split += one.lies.split;
  }
  fmt::print(
      "{{\"begun\": {}, \"committed\": {}, \"aborted\": {}, \"left\": {}, \"refused\": {}, \"reads\": {}, \"withheld\": {}, \"added\": {}, "
      "\"split\": {}}}\n",
      all.begun, all.committed, all.aborted, all.left, all.refused, all.reads, all.lies.withheld, all.lies.added, all.lies.split);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Clients of a database that lie, until they are told to stop.");
  Options options;
  app.add_option("ATTACK", options.attack)->required()->check([](const std::string& name) {
    return db::attack_named(name) ? std::string() : name + " is no attack; see lies.cpp";
  });
  app.add_option("FOLDER", options.folders)->required();
  app.add_option("--at-once", options.load.at_once);
  app.add_option("--keys", options.load.keys);
  app.add_option("--pairs", options.load.pairs);
  app.add_option("--zipf", options.load.zipf);
  app.add_option("--seed", options.load.seed);
  CLI11_PARSE(app, argc, argv);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGTERM);
  sigaddset(&stop, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);  // before there are threads, so that they have it so, too
  const auto loads = start(options, *db::attack_named(options.attack));
  if (!loads.ok()) {
    fmt::print(stderr, "{}\n", loads.error().message());
    return 1;
  }
  fmt::print("{} clients lie: {}\n", loads->size(), options.attack);
  std::fflush(stdout);
  int signal = 0;
  ::sigwait(&stop, &signal);
  print(*loads);
  return 0;
}
