#include "ssh_failure.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"

namespace isobar::cloud {

namespace {

struct Row {
  std::string_view pattern;  // what ssh says holds this
  Code code;
  std::string_view sentence;  // {0}: the machine, {1}: its name for ssh's tools
};

constexpr std::array kRows = {
    Row{"REMOTE HOST IDENTIFICATION HAS CHANGED", Code::kPermissionDenied,
        "{0} shows another host key than it had; if it was installed anew, forget the old one: ssh-keygen -R {1}, then look once: ssh {1}"},
    Row{"Host key verification failed", Code::kPermissionDenied,
        "the host key of {0} is not known yet; look at it once: ssh {1} true (or take all new ones: isobar ssh up --accept-new-host-keys)"},
    Row{"Too many authentication failures", Code::kPermissionDenied,
        "{0} was offered too many keys; name the right one as identity_file, or in ~/.ssh/config"},
    Row{"Permission denied", Code::kPermissionDenied, "{0} does not let you in; does this work: ssh {1} true"},
    Row{"no such identity", Code::kPermissionDenied, "the identity_file of {0} is not there"},
    Row{"Could not resolve hostname", Code::kUnavailable,
        "there is no machine named {0}; is the name right, and does ~/.ssh/config know it?"},
    Row{"Connection refused", Code::kUnavailable, "{0} has no SSH server at that port, or it does not run"},
    Row{"Connection timed out", Code::kUnavailable, "{0} does not answer"},
    Row{"timed out", Code::kUnavailable, "{0} does not answer"},
    Row{"No route to host", Code::kUnavailable, "there is no way to {0}; is it up, and the network?"},
    Row{"Network is unreachable", Code::kUnavailable, "there is no way to {0}; is the network up?"},
    Row{"Bad configuration option", Code::kInvalidArgument, "the ssh_config that {0} is reached with is wrong"},
    Row{"Connection reset", Code::kUnavailable, "{0} broke the connection off"},
    Row{"Connection closed", Code::kUnavailable, "{0} closed the connection"},
    Row{"closed by remote host", Code::kUnavailable, "{0} closed the connection"},
    Row{"Broken pipe", Code::kUnavailable, "the connection to {0} broke"},
    Row{"kex_exchange_identification", Code::kUnavailable, "{0} does not speak SSH there, or takes no more connections now"},
    Row{"ssh: ", Code::kUnavailable, "{0} cannot be reached"},
    Row{"mux_client", Code::kUnavailable, "the connection to {0} broke"},
};

std::string last_line(std::string_view said) {
  const auto text = trim(said);
  const auto at = text.rfind('\n');
  return std::string(trim(at == std::string_view::npos ? text : text.substr(at + 1)));
}

}  // namespace

std::optional<Error> ssh_failure(const SshTarget& target, int exit_code, std::string_view said) {
  constexpr int kSshFailed = 255;
  if (exit_code != kSshFailed) return std::nullopt;
  for (const auto& row : kRows) {
    if (said.find(row.pattern) == std::string_view::npos) continue;
    const auto sentence = fmt::format(fmt::runtime(row.sentence), describe(target), target.host);
    return Error(row.code, fmt::format("{} [{}]", sentence, last_line(said)));
  }
  return std::nullopt;
}

}  // namespace isobar::cloud
