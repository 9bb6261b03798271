#include "broker/gang.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <cstdlib>

#include "base/random.h"
#include "base/text.h"
#include "gang_head.h"
#include "gang_member.h"

namespace isobar::broker {

namespace {

constexpr const char* kSocketVariable = "ISOBAR_GANG_SOCKET";
constexpr Duration kAskMost = std::chrono::seconds(10);
constexpr int kLost = 255, kNotFound = 127;
constexpr useconds_t kLookMicros = 50'000;

std::optional<std::string> variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value ? std::optional<std::string>(value) : std::nullopt;
}

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "localhost";
}

int complain(const Error& error) {
  fmt::print(stderr, "isobar-node: {}\n", error.message());
  return kLost;
}

/// A folder that goes with all in it.
class OwnFolder {
 public:
  OwnFolder() : path_(fs::temp_directory_path() / ("isobar-gang-" + secure_random_hex(6))) {}
  ~OwnFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  OwnFolder(const OwnFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// What the command finds in the folder: who is there, and how they are reached.
Status write_launcher_files(const fs::path& folder, const GangHead& head, const std::vector<std::string>& names, int gpus) {
  std::string hosts;
  for (std::size_t rank = 0; rank < names.size(); ++rank)
    hosts += fmt::format("{} slots={}\n", names[rank], gpus > 0 ? gpus : head.members()[rank].cpus);
  TRY(write_file(folder / "hosts", hosts, Durability::kCache));
  std::error_code absent;
  const auto self = fs::read_symlink("/proc/self/exe", absent).string();
  TRY(write_file(folder / "rsh", fmt::format("#!/bin/sh\nexec {} rsh \"$@\"\n", shell_quote(self)), Durability::kCache, 0700));
  return {};
}

void describe_gang(const fs::path& folder, const GangHead& head, const GangPlace& place) {
  ::setenv(kSocketVariable, head.socket().c_str(), 1);
  ::setenv("ISOBAR_HOSTFILE", (folder / "hosts").c_str(), 1);
  ::setenv("ISOBAR_RSH", (folder / "rsh").c_str(), 1);
  // What the user set stands.
  for (const auto& [name, value] : mpi_variables(folder / "hosts", folder / "rsh", network_of(place.addresses[0]), ::geteuid() == 0))
    ::setenv(name.c_str(), value.c_str(), 0);
}

/// Runs it to its end; a member that is lost meanwhile ends it.
int run_command(const std::vector<std::string>& command, const GangHead& head) {
  std::vector<char*> words;
  for (const auto& word : command) words.push_back(const_cast<char*>(word.c_str()));  // NOLINT: exec changes nothing of them
  words.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) return complain(errno_error("start " + command[0]));
  if (pid == 0) {
    ::signal(SIGPIPE, SIG_DFL);
    ::execvp(words[0], words.data());
    fmt::print(stderr, "isobar-node: {}\n", errno_error("start " + command[0]).message());
    ::_exit(kNotFound);
  }
  bool told = false;
  for (int status = 0;; ::usleep(kLookMicros)) {
    if (::waitpid(pid, &status, WNOHANG) == pid) return told ? kLost : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (const auto lost = head.lost(); lost && !told) {
      told = true;
      fmt::print(stderr, "isobar-node: rank {} is gone; ending {}\n", *lost, command[0]);
      ::kill(pid, SIGTERM);
    }
  }
}

int lead(const GangPlace& place, const std::vector<std::string>& command) {
  const OwnFolder folder;
  if (const auto made = make_folders(folder.path()); !made.ok()) return complain(made.error());
  const auto head = GangHead::start(place, host_name(), folder.path());
  if (!head.ok()) return complain(head.error());
  const auto names = (*head)->await_members();
  if (const auto lost = (*head)->lost()) return complain(unavailable(fmt::format("rank {} is gone", *lost)));
  if (const auto written = write_launcher_files(folder.path(), **head, names, place.gpus); !written.ok()) return complain(written.error());
  describe_gang(folder.path(), **head, place);
  return run_command(command, **head);
}

}  // namespace

int run_gang(const std::vector<std::string>& command) {
  ::signal(SIGPIPE, SIG_IGN);
  const auto place = gang_place(variable);
  if (!place.ok()) return complain(place.error());
  if (place->rank == 0) return lead(*place, command);
  GangSeat seat(GangSeat::join(*place, host_name()));
  const auto served = seat.serve();
  return served.ok() ? 0 : complain(served.error());
}

int run_remotely(const std::string& host, const std::vector<std::string>& words) {
  const auto socket = variable(kSocketVariable);
  if (!socket) return complain(invalid("`isobar-node rsh` works within a command that `isobar-node gang` runs"));
  auto dialled = dial(*socket);
  if (!dialled.ok()) return complain(dialled.error());
  Channel channel(std::move(*dialled));
  const auto asked = channel.send(encode(GangMessage{GangKind::kAsk, 0, host + '\0' + join(words, " ")}), kAskMost);
  if (!asked.ok()) return complain(asked.error());
  for (;;) {
    const auto message = channel.receive(kForever).and_then([](std::string&& bytes) { return decode_gang_message(bytes); });
    if (!message.ok()) return complain(message.error());
    if (message->kind == GangKind::kOutput) (void)write_all(STDOUT_FILENO, message->payload).ok();
    if (message->kind == GangKind::kErrors) (void)write_all(STDERR_FILENO, message->payload).ok();
    if (message->kind == GangKind::kExit) return std::atoi(message->payload.c_str());
  }
}

}  // namespace isobar::broker
