// isobar-node: the one file that runs on every node. Each verb is one role of it.

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <string_view>

#include "base/file.h"
#include "broker/agent.h"
#include "broker/gang.h"
#include "broker/rank_supervisor.h"
#include "broker/secure_relay.h"
#include "cloud/host_service.h"
#include "cloud/instance_init.h"
#include "cloud/pod_keeper.h"
#include "cloud/slurm_carry.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "transfer/fetch_run.h"
#include "transfer/gateway.h"
#include "transfer/mount_run.h"

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
             "       isobar-node host                      does one thing with the nodes of this machine, as told on standard input\n"
             "       isobar-node carry FOLDER              runs one node of a cluster on Slurm in the foreground; srun starts it\n"
             "       isobar-node pod                       the first process of a Kubernetes pod: ends when the node in it has ended\n"
             "       isobar-node bridge ADDRESS            connects its standard streams with an agent; its key comes first, in a line\n"
             "       isobar-node verify SHA256             succeeds if that is the hash of this file\n"
             "       isobar-node fetch                     copies from stores what the variable ISOBAR_FETCH says\n"
             "       isobar-node mount                     mounts a bucket for all jobs, as told on standard input\n"
             "       isobar-node flush SECONDS             waits until what was written to mounts is uploaded; 0: only looks\n"
             "       isobar-node settle                    the same at the end of a job\n"
             "       isobar-node gang COMMAND...           on every node of a job: runs a command on rank 0, which reaches the others\n"
             "       isobar-node rsh HOST COMMAND...       within that command: runs one on another node of the job\n"
             "       isobar-node gateway                   moves bulk data; told what to do over its standard input and output\n"
             "       isobar-node --version\n");
  return 2;
}

/// The first line of standard input, taken so that what follows is left to be read.
std::string take_line() {
  std::string line;
  constexpr std::size_t kLineMax = 4096;
  for (char byte = 0; line.size() < kLineMax && ::read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n';) line += byte;
  return line;
}

int run_bridge(const std::string& address) {
  const auto key = take_line();
  // Whoever waits at the other end hears that from here on every byte is the agent's.
  auto ended = isobar::write_all(STDOUT_FILENO, fmt::format("\n{}\n", isobar::cloud::kBridgeMark));
  if (ended.ok()) ended = isobar::broker::bridge(STDIN_FILENO, STDOUT_FILENO, address, key);
  if (!ended.ok()) fmt::print(stderr, "isobar-node: {}\n", ended.error().message());
  return ended.ok() ? 0 : 1;
}

int verify_self(std::string_view wanted) {
  const auto bytes = isobar::read_file("/proc/self/exe", 512 << 20);
  const bool same = bytes.ok() && isobar::crypto::to_hex(isobar::crypto::sha256(*bytes)) == wanted;
  if (!same) fmt::print(stderr, "isobar-node: this file is not the one that was sent\n");
  return same ? 0 : 1;
}

bool read_number(std::string_view text, int& number) {
  return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
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
    if (argc == 4 && !read_number(argv[3], ready)) return usage();
    return isobar::broker::run_agent(argv[2], ready);
  }
  if (verb == "init" && argc == 3) return isobar::cloud::start_instance(argv[2], kReadyFd);
  if (verb == "run-rank" && argc == 3) return isobar::broker::supervise_rank(argv[2], kReadyFd);
  if (verb == "host" && argc == 2) return isobar::cloud::run_host();
  if (verb == "carry" && argc == 3) return isobar::cloud::carry_slurm_node(argv[2]);
  if (verb == "pod" && argc == 2) return isobar::cloud::keep_pod();
  if (verb == "bridge" && argc == 3) return run_bridge(argv[2]);
  if (verb == "verify" && argc == 3) return verify_self(argv[2]);
  if (verb == "fetch" && argc == 2) return isobar::transfer::fetch_what_is_ordered();
  if (verb == "mount" && argc == 2) return isobar::transfer::mount_what_is_ordered();
  if (int seconds = 0; verb == "flush" && argc == 3 && read_number(argv[2], seconds) && seconds >= 0)
    return isobar::transfer::flush_mounts(seconds);
  if (verb == "settle" && argc == 2) return isobar::transfer::settle_mounts();
  if (verb == "gang" && argc > 2) return isobar::broker::run_gang({argv + 2, argv + argc});
  if (verb == "rsh" && argc > 3) return isobar::broker::run_remotely(argv[2], {argv + 3, argv + argc});
  if (verb == "gateway" && argc == 2) return isobar::transfer::run_gateway(0, 1);
  return usage();
}
