// isobar-node: the one file that runs on every node. Each verb is one role of it.

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <string_view>

#include "broker/agent.h"
#include "broker/rank_supervisor.h"
#include "cloud/local_init.h"
#include "transfer/gateway.h"

#if defined(__SANITIZE_ADDRESS__)
// The leak checker stops the world with ptrace, and spins for ever in a process namespace.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

namespace {

constexpr int kReadyFd = 3;

int usage() {
  fmt::print(stderr,
             "usage: isobar-node agent CONFIG [READY_FD]   the node's agent\n"
             "       isobar-node init FOLDER               boots a local instance; descriptor 3 is told when it answers\n"
             "       isobar-node run-rank FOLDER           stands over one rank of a job; descriptor 3 is closed when it runs\n"
             "       isobar-node gateway                   moves bulk data; told what to do over its standard input and output\n"
             "       isobar-node --version\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "--version") {
    fmt::print("isobar-node {}\n", isobar::broker::kAgentVersion);
    return 0;
  }
  if (verb == "agent" && (argc == 3 || argc == 4)) {
    int ready = -1;
    if (argc == 4) {
      const std::string_view number = argv[3];
      if (std::from_chars(number.data(), number.data() + number.size(), ready).ec != std::errc()) return usage();
    }
    return isobar::broker::run_agent(argv[2], ready);
  }
  if (verb == "init" && argc == 3) return isobar::cloud::start_local_instance(argv[2], kReadyFd);
  if (verb == "run-rank" && argc == 3) return isobar::broker::supervise_rank(argv[2], kReadyFd);
  if (verb == "gateway" && argc == 2) return isobar::transfer::run_gateway(0, 1);
  return usage();
}
