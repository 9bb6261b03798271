#include "cloud/own_key.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/file.h>
#include <sys/wait.h>

#include <vector>

#include "base/random.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

extern char** environ;

namespace isobar::cloud {

namespace {

/// Runs a program that asks nothing and whose output nobody reads.
Status run_quietly(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  for (const int fd : {0, 1, 2}) posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, arguments[0], &files, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (failed == ENOENT) return not_found(fmt::format("{} is not installed; install the package openssh-client", command[0]));
  if (failed != 0) return errno_error("run " + command[0], failed);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {}
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return unavailable(fmt::format("{} failed", join(command, " ")));
  return {};
}

/// The public half goes to its place first: where the private one is, both are.
Status make_key(const fs::path& file, const std::string& keygen) {
  const fs::path made = file.string() + ".new-" + secure_random_hex(4), made_public = made.string() + ".pub";
  TRY(run_quietly({keygen, "-q", "-t", "ed25519", "-N", "", "-C", "isobar", "-f", made}));
  std::error_code failure;
  fs::rename(made_public, file.string() + ".pub", failure);
  if (!failure) fs::rename(made, file, failure);
  if (failure) return errno_error("put the key into " + file.string(), failure.value());
  return {};
}

}  // namespace

Result<std::string> key_pair_name(std::string_view public_line) {
  const auto words = split(trim(public_line), ' ');
  if (words.size() < 2 || !words[0].starts_with("ssh-")) return invalid("it is no public key of OpenSSH");
  TRY_ASSIGN(const auto key, crypto::from_base64(words[1]).context("a public key of OpenSSH"));
  return "isobar-" + crypto::to_hex(crypto::sha256(key)).substr(0, 8);
}

Result<OwnKey> own_key(const fs::path& home, const std::string& keygen) {
  const fs::path folder = home / "ssh", file = folder / "id_ed25519";
  TRY(make_folders(folder));
  std::error_code ignored;
  fs::permissions(folder, fs::perms::owner_all, ignored);
  const Fd lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0) return errno_error("lock " + folder.string());
  if (!fs::exists(file, ignored)) TRY(make_key(file, keygen).context("make a key for isobar's machines"));
  OwnKey key{.private_file = file};
  TRY_ASSIGN(const auto text, read_file(file.string() + ".pub", 16 << 10).context("isobar's own key"));
  key.public_line = trim(text);
  TRY_ASSIGN(key.name, key_pair_name(key.public_line).context(file.string() + ".pub"));
  return key;
}

}  // namespace isobar::cloud
