#include "broker/git_checkout.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <vector>

#include "base/child.h"
#include "base/random.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace isobar::broker {

namespace {

constexpr Duration kAskDeadline = std::chrono::minutes(1), kCloneDeadline = std::chrono::minutes(30);
constexpr auto kUnusedLife = std::chrono::hours(24 * 7), kBrokenLife = std::chrono::hours(24);
constexpr std::string_view kUnfinished = ".unfinished-";

bool is_commit(std::string_view text) {
  return text.size() == 40 && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c); });
}

/// "https://user:secret@host/path" without the user and the secret, which are nobody's business on a node or in a message.
std::string without_secret(const std::string& url) {
  const auto scheme = url.find("://");
  if (scheme == std::string::npos || !url.starts_with("http")) return url;
  const auto host = scheme + 3, at = url.find('@', host);
  if (at == std::string::npos || at > url.find('/', host)) return url;
  return url.substr(0, host) + url.substr(at + 1);
}

class Git {
 public:
  explicit Git(const std::string& url) : url_(url), shown_(without_secret(url)) {}

  /// What git printed. It never asks for a password: there may be nobody to ask.
  Result<std::string> run(std::vector<std::string> arguments, Duration deadline) const {
    std::vector<std::string> words = {"env", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C"};
    if (const char* key = std::getenv("GIT_SSH_KEY_PATH"); key && *key)
      words.push_back(fmt::format("GIT_SSH_COMMAND=ssh -i {} -o IdentitiesOnly=yes", shell_quote(key)));
    words.insert(words.end(), {"git", "-c", "advice.detachedHead=false"});
    // The token is read by the helper: a command line is seen by all users of this machine.
    if (const char* token = std::getenv("GIT_TOKEN"); token && *token)
      words.insert(words.end(), {"-c", "credential.helper=!f() { echo username=x-access-token; echo \"password=$GIT_TOKEN\"; }; f"});
    std::move(arguments.begin(), arguments.end(), std::back_inserter(words));
    TRY_ASSIGN(const auto output, run_child(words, {}, deadline).context("git " + shown_));
    if (output.exit_code == 127) return not_found("there is no git on this machine, which clones the workdir: install git");
    if (output.exit_code != 0) return unavailable(fmt::format("git cannot read {}: {}", shown_, last_words(output.err)));
    return output.out;
  }

  const std::string& url() const { return url_; }
  const std::string& shown() const { return shown_; }

 private:
  std::string last_words(const std::string& said) const {
    std::string words = std::string(trim(said));
    for (auto at = words.find(url_); at != std::string::npos && url_ != shown_; at = words.find(url_))
      words.replace(at, url_.size(), shown_);
    std::replace(words.begin(), words.end(), '\n', ' ');
    constexpr std::size_t kMost = 500;
    return words.size() > kMost ? words.substr(words.size() - kMost) : words;
  }

  std::string url_, shown_;
};

/// The commit that a name stands for now. Branches go before tags, as in git; of an annotated tag it is what it points to.
Result<std::string> resolve(const Git& git, const std::string& ref) {
  if (is_commit(ref)) return to_lower(ref);
  const std::string wanted = ref.empty() ? "HEAD" : ref;
  TRY_ASSIGN(const auto listed, git.run({"ls-remote", "--", git.url(), wanted, wanted + "^{}"}, kAskDeadline));
  const std::vector<std::string> names = {wanted == "HEAD" ? "HEAD" : "refs/heads/" + wanted, "refs/tags/" + wanted + "^{}",
                                          "refs/tags/" + wanted, wanted};
  for (const auto& name : names)
    for (const auto line : split(listed, '\n'))
      if (const auto tab = line.find('\t'); tab != std::string_view::npos && line.substr(tab + 1) == name && is_commit(line.substr(0, tab)))
        return std::string(line.substr(0, tab));
  return not_found(
      fmt::format("{} has no branch or tag '{}'; a commit is named by all its 40 digits", git.shown(), ref.empty() ? "HEAD" : ref));
}

Status fetch(const Git& git, const std::string& commit, const std::string& ref, const fs::path& into) {
  const auto here = [&](std::vector<std::string> arguments, Duration deadline) {
    arguments.insert(arguments.begin(), {"-C", into.string()});
    return git.run(std::move(arguments), deadline);
  };
  TRY_ASSIGN([[maybe_unused]] const auto made, git.run({"init", "-q", "--", into.string()}, kAskDeadline));
  // Alone if the server gives single commits to those who ask for them; else by its name; else among all there is.
  auto fetched = here({"fetch", "-q", "--depth", "1", "--", git.url(), commit}, kCloneDeadline);
  if (!fetched.ok() && !is_commit(ref))
    fetched = here({"fetch", "-q", "--depth", "1", "--", git.url(), ref.empty() ? "HEAD" : ref}, kCloneDeadline);
  auto out = fetched.ok() ? here({"checkout", "-q", "--detach", commit}, kCloneDeadline) : fetched;
  if (!out.ok()) {
    TRY_ASSIGN([[maybe_unused]] const auto all,
               here({"fetch", "-q", "--", git.url(), "+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"}, kCloneDeadline));
    out = here({"checkout", "-q", "--detach", commit}, kCloneDeadline);
  }
  if (!out.ok()) return not_found(fmt::format("{} has no commit {} on a branch or tag", git.shown(), commit));
  TRY_ASSIGN([[maybe_unused]] const auto named, here({"remote", "add", "origin", git.shown()}, kAskDeadline));
  if (!fs::exists(into / ".gitmodules")) return {};
  // Relative addresses of submodules are relative to the origin.
  TRY_ASSIGN([[maybe_unused]] const auto modules,
             here({"submodule", "update", "-q", "--init", "--recursive", "--depth", "1"}, kCloneDeadline));
  return {};
}

void remove_unused(const fs::path& folder, const fs::path& but) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const bool unfinished = entry.path().filename().string().starts_with(kUnfinished);
    const auto age = fs::file_time_type::clock::now() - entry.last_write_time(ignored);
    if (entry.path() != but && age > (unfinished ? kBrokenLife : kUnusedLife)) fs::remove_all(entry.path(), ignored);
  }
}

Status check_words(const std::string& url, const std::string& ref) {
  if (url.empty() || url.front() == '-') return invalid(fmt::format("workdir.url: '{}' is not the address of a repository", url));
  if (!ref.empty() && (ref.front() == '-' || ref.find_first_of(" \t\n~^:?*[\\") != std::string::npos))
    return invalid(fmt::format("workdir.ref: '{}' is not the name of a branch or tag", ref));
  return {};
}

}  // namespace

Result<GitCheckout> check_out(const std::string& url, const std::string& ref, const fs::path& cache) {
  TRY(check_words(url, ref));
  const Git git(url);
  TRY_ASSIGN(auto commit, resolve(git, ref));
  const fs::path of_url = cache / crypto::to_hex(crypto::sha256(url)).substr(0, 16), folder = of_url / commit;
  std::error_code failed;
  if (!fs::exists(folder)) {
    const fs::path unfinished = of_url / (std::string(kUnfinished) + secure_random_hex(6));
    TRY(make_folders(unfinished));
    auto fetched = fetch(git, commit, ref, unfinished);
    // Another command may have come first with the same.
    if (fetched.ok()) fs::rename(unfinished, folder, failed);
    if (!fetched.ok() || failed) fs::remove_all(unfinished, failed);
    TRY(std::move(fetched));
    if (!fs::exists(folder)) return unavailable(fmt::format("workdir: {} cannot be written", folder.string()));
  }
  fs::last_write_time(folder, fs::file_time_type::clock::now(), failed);
  remove_unused(of_url, folder);
  return GitCheckout{folder, std::move(commit)};
}

}  // namespace isobar::broker
