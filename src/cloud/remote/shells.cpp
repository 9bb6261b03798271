// Commands on this machine, and on others through the user's own OpenSSH.

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/child.h"
#include "base/text.h"
#include "cloud/remote_shell.h"
#include "ssh_failure.h"

namespace isobar::cloud {

Result<CommandOutput> LocalShell::run(const std::string& command, std::string_view input, Duration deadline) {
  TRY_ASSIGN(auto said, run_child({"/bin/sh", "-c", command}, input, deadline));
  return CommandOutput{said.exit_code, std::move(said.out), std::move(said.err)};
}

Result<Fd> LocalShell::open(const std::string& command) { return open_child({"/bin/sh", "-c", command}); }

namespace {

/// The kernel takes 107 bytes for a socket's path, of which ssh itself needs 41 for the hash and 17 for a temporary name.
constexpr std::size_t kSocketFolderMax = 48;

/// A folder of this user's alone: sockets in it let whoever opens them onto the machines.
Status make_private(const fs::path& folder) {
  TRY(make_folders(folder.parent_path()));
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return errno_error("make " + folder.string());
  struct stat there {};
  if (::lstat(folder.c_str(), &there) != 0) return errno_error("look at " + folder.string());
  if (!S_ISDIR(there.st_mode) || there.st_uid != ::geteuid() || (there.st_mode & 077) != 0)
    return Error(Code::kPermissionDenied, folder.string() + " must be a folder of yours alone (mode 0700), for it holds open connections");
  return {};
}

class SshShell final : public RemoteShell {
 public:
  SshShell(SshTarget target, SshSettings settings) : target_(std::move(target)), settings_(std::move(settings)), name_(describe(target_)) {
    folder_ = settings_.socket_folder;
    if (folder_.string().size() > kSocketFolderMax)
      folder_ = fmt::format("/tmp/isobar-{}-{:08x}", ::geteuid(), static_cast<unsigned>(std::hash<std::string>{}(folder_.string())));
  }

  const std::string& name() const override { return name_; }

  Result<CommandOutput> run(const std::string& command, std::string_view input, Duration deadline) override {
    TRY(make_private(folder_));
    auto said = run_child(words_for(command), input, deadline);
    if (!said.ok() && said.error().code() == Code::kNotFound)
      return said.error().context("OpenSSH's client is needed (Debian: openssh-client)");
    if (!said.ok()) return said.error().context(name_);
    if (auto failure = ssh_failure(target_, said->exit_code, said->err)) return *failure;
    return CommandOutput{said->exit_code, std::move(said->out), std::move(said->err)};
  }

  Result<Fd> open(const std::string& command) override {
    TRY(make_private(folder_));
    return open_child(words_for(command));
  }

 private:
  std::vector<std::string> words_for(const std::string& command) const {
    std::vector<std::string> words = {settings_.program, "-T"};
    const auto option = [&](const std::string& text) {
      words.emplace_back("-o");
      words.push_back(text);
    };
    if (!settings_.config_file.empty()) words.insert(words.end(), {"-F", settings_.config_file.string()});
    option("BatchMode=yes");
    option(fmt::format("ConnectTimeout={}", std::max<std::int64_t>(1, static_cast<std::int64_t>(to_seconds(settings_.connect_deadline)))));
    // A machine that is cut off is noticed within 8 s, also by commands that only wait.
    option("ServerAliveInterval=4");
    option("ServerAliveCountMax=2");
    option("ControlMaster=auto");
    option(fmt::format("ControlPath={}/%C", folder_.string()));
    option(fmt::format("ControlPersist={}", static_cast<std::int64_t>(to_seconds(settings_.keep_open))));
    if (!settings_.known_hosts_file.empty()) option(fmt::format("UserKnownHostsFile=\"{}\"", settings_.known_hosts_file.string()));
    if (!settings_.host_key_alias.empty()) option("HostKeyAlias=" + settings_.host_key_alias);
    if (settings_.accept_new_host_keys) option("StrictHostKeyChecking=accept-new");
    if (!target_.user.empty()) words.insert(words.end(), {"-l", target_.user});
    if (!target_.identity_file.empty()) words.insert(words.end(), {"-i", target_.identity_file});
    if (target_.port != 0) words.insert(words.end(), {"-p", fmt::to_string(target_.port)});
    // Whatever shell the login has, this one is everywhere.
    words.insert(words.end(), {"--", target_.host, "exec /bin/sh -c " + shell_quote(command)});
    return words;
  }

  SshTarget target_;
  SshSettings settings_;
  std::string name_;
  fs::path folder_;
};

}  // namespace

std::unique_ptr<RemoteShell> make_ssh_shell(SshTarget target, SshSettings settings) {
  return std::make_unique<SshShell>(std::move(target), std::move(settings));
}

}  // namespace isobar::cloud
