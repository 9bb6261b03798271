#include "cloud/host_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/text.h"

namespace isobar::cloud {

namespace {

constexpr int kCannotRun = 126, kNotThere = 127;

/// The last lines of what a command said, for an error.
std::string told(const CommandOutput& output) {
  const auto text = trim(output.err.empty() ? output.out : output.err);
  constexpr std::size_t kMost = 400;
  return std::string(text.size() > kMost ? text.substr(text.size() - kMost) : text);
}

/// What the script below says where it stops.
Error push_failure(const std::string& machine, const CommandOutput& output) {
  const auto said = told(output);
  if (said.find("No space left") != std::string::npos || said.find("Disk quota exceeded") != std::string::npos)
    return Error(Code::kExhausted, fmt::format("the disk of {} is full: isobar-node does not fit [{}]", machine, said));
  if (said.find("isobar-needs") != std::string::npos)
    return invalid(fmt::format("{} is another kind of machine than this isobar-node is built for [{}]", machine, said));
  if (said.find("Permission denied") != std::string::npos || said.find("Read-only") != std::string::npos)
    return Error(Code::kPermissionDenied,
                 fmt::format("isobar-node cannot be put into ~/.isobar/bin of {} and run there: the folder must be writable, and its file "
                             "system not mounted noexec [{}]",
                             machine, said));
  return unavailable(fmt::format("isobar-node could not be put on {} [{}]", machine, said));
}

#if defined(__aarch64__)
constexpr std::string_view kMachine = "Linux aarch64";
#else
constexpr std::string_view kMachine = "Linux x86_64";
#endif

/// Takes the program from standard input, under a name of its own until it is whole and has told its own hash.
std::string push_script(const NodeProgram& program, std::string_view unpack) {
  return fmt::format(
      "k=$(uname -sm); [ \"$k\" = \"{0}\" ] || {{ echo \"isobar-needs {0}, this is $k\" >&2; exit 3; }}; "
      "umask 077; mkdir -p \"$HOME/.isobar/bin\" && cd \"$HOME/.isobar/bin\" || exit 1; "
      "t={1}.$$; {2} > $t && chmod 700 $t && ./$t verify {3} && mv -f $t {1}; r=$?; rm -f $t; exit $r",
      kMachine, program.name(), unpack, program.sha256_hex());
}

Error error_of(const HostFailure& failure, const std::string& machine) {
  return Error(failure.code, fmt::format("{}: {}", machine, failure.message));
}

}  // namespace

Status HostClient::push() const {
  TRY_ASSIGN(const auto there, shell_.run(fmt::format("test -x \"$HOME/.isobar/bin/{}\"", program_.name()), {}, kCallDeadline));
  if (there.exit_code == 0) return {};
  TRY_ASSIGN(const auto packed, program_.compressed());
  TRY_ASSIGN(auto output, shell_.run(push_script(program_, "gzip -dc"), packed, kPushDeadline));
  if (output.exit_code != 0 && output.err.find("gzip: not found") != std::string::npos) {
    TRY_ASSIGN(const auto plain, read_file(program_.file(), 512 << 20));
    TRY_ASSIGN(output, shell_.run(push_script(program_, "cat"), plain, kPushDeadline));
  }
  if (output.exit_code != 0) return push_failure(shell_.name(), output);
  return {};
}

Status HostClient::remove() const {
  TRY_ASSIGN(const auto there, report(true));
  if (!there.instances.empty()) return {};
  TRY_ASSIGN(const auto output,
             shell_.run("cd \"$HOME/.isobar\" && rm -f bin/isobar-node-* nodes/lock && rmdir bin nodes && { rmdir . 2>/dev/null; cd /; "
                        "rmdir \"$HOME/.isobar\" 2>/dev/null || :; }",
                        {}, kCallDeadline));
  if (output.exit_code != 0) return unavailable(fmt::format("{}: ~/.isobar could not be emptied [{}]", shell_.name(), told(output)));
  return {};
}

Result<CommandOutput> HostClient::run_program(const std::string& arguments, std::string_view input, Duration deadline) const {
  const auto command = fmt::format("exec \"$HOME/.isobar/bin/{}\" {}", program_.name(), arguments);
  TRY_ASSIGN(auto output, shell_.run(command, input, deadline));
  if (output.exit_code != kNotThere && output.exit_code != kCannotRun) return output;
  TRY(push());
  return shell_.run(command, input, deadline);
}

Result<HostReply> HostClient::call(const HostRequest& request, Duration deadline) const {
  TRY_ASSIGN(const auto output, run_program("host", encode(request), deadline));
  auto reply = decode_host_reply(output.out);
  if (!reply.ok()) return unavailable(fmt::format("{}: isobar-node {} there [{}]", shell_.name(), reply.error().message(), told(output)));
  return reply;
}

Result<HostReport> HostClient::report(bool tidy, Duration deadline) const {
  TRY_ASSIGN(auto reply, call(AskHostReport{tidy}, deadline));
  if (auto* report = std::get_if<HostReport>(&reply)) return std::move(*report);
  if (const auto* failure = std::get_if<HostFailure>(&reply)) return error_of(*failure, shell_.name());
  return unavailable(shell_.name() + " answers something else than was asked");
}

Result<HostInstance> HostClient::boot(const BootNode& order, std::string* provider_code) const {
  TRY_ASSIGN(auto reply, call(order, order.deadline + kCallDeadline));
  if (auto* instance = std::get_if<HostInstance>(&reply)) return std::move(*instance);
  const auto* failure = std::get_if<HostFailure>(&reply);
  if (!failure) return unavailable(shell_.name() + " answers something else than was asked");
  if (provider_code) *provider_code = failure->provider_code;
  return error_of(*failure, shell_.name());
}

namespace {

Result<int> count_of(Result<HostReply> reply, const std::string& machine) {
  if (!reply.ok()) return reply.error();
  if (const auto* done = std::get_if<HostDone>(&*reply)) return done->count;
  if (const auto* failure = std::get_if<HostFailure>(&*reply)) return error_of(*failure, machine);
  return unavailable(machine + " answers something else than was asked");
}

}  // namespace

Result<int> HostClient::end(const EndNodes& order, Duration deadline) const { return count_of(call(order, deadline), shell_.name()); }
Result<int> HostClient::upgrade(const UpgradeNodes& order, Duration deadline) const {
  return count_of(call(order, deadline), shell_.name());
}

Result<Fd> HostClient::open_agent(const std::string& agent_address, const std::string& key, Duration deadline) const {
  TRY_ASSIGN(auto socket, shell_.open(fmt::format("exec \"$HOME/.isobar/bin/{}\" bridge {}", program_.name(), shell_quote(agent_address))));
  const auto end = std::chrono::steady_clock::now() + deadline;
  const auto first_line = key + "\n";
  if (::send(socket.get(), first_line.data(), first_line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(first_line.size()))
    return unavailable(shell_.name() + " cannot be reached");
  // Byte by byte, so that nothing of what comes after the mark is taken. A login's greetings come before it.
  const auto mark = fmt::format("\n{}\n", kBridgeMark);
  std::string heard;
  constexpr std::size_t kGreetingMax = 64 << 10;
  while (!heard.ends_with(mark)) {
    pollfd fd{socket.get(), POLLIN, 0};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(end - std::chrono::steady_clock::now()).count();
    const int ready = ::poll(&fd, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, 1 << 30)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) return Error(Code::kDeadlineExceeded, "the agent on " + shell_.name() + " did not answer in time");
    char byte = 0;
    const auto got = ::recv(socket.get(), &byte, 1, 0);
    if (got < 0 && errno == EAGAIN) continue;
    if (got <= 0 || heard.size() > kGreetingMax) return unavailable("the agent on " + shell_.name() + " cannot be reached");
    heard += byte;
  }
  return socket;
}

}  // namespace isobar::cloud
