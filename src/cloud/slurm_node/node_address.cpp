#include "node_address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>

#include "base/child.h"
#include "base/text.h"
#include "cloud/machine.h"

namespace isobar::cloud {

namespace {

constexpr auto kAskDeadline = std::chrono::seconds(15);

std::string resolve(const std::string& name) {
  if (name.empty()) return {};
  addrinfo wanted{}, *found = nullptr;
  wanted.ai_family = AF_INET;
  wanted.ai_socktype = SOCK_STREAM;
  if (::getaddrinfo(name.c_str(), nullptr, &wanted, &found) != 0) return {};
  std::array<char, INET_ADDRSTRLEN> text{};
  ::inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in*>(found->ai_addr)->sin_addr, text.data(), text.size());
  ::freeaddrinfo(found);
  return text.data();
}

bool is_loopback(const std::string& address) { return address.starts_with("127."); }

/// NodeAddr of `scontrol show node`.
std::string written_address(const std::string& node) {
  const auto said = run_child({"scontrol", "show", "node", "-o", node}, {}, kAskDeadline);
  if (!said.ok() || said->exit_code != 0) return {};
  constexpr std::string_view kKey = "NodeAddr=";
  for (const auto word : split(said->out, ' '))
    if (word.starts_with(kKey)) return std::string(trim(word.substr(kKey.size())));
  return {};
}

}  // namespace

std::string slurm_node_address(const std::string& node) {
  const auto by_name = resolve(node);
  if (!by_name.empty() && !is_loopback(by_name)) return by_name;
  // The loopback as a number was written down on purpose: all nodes are one machine.
  const auto written = node.empty() ? std::string() : written_address(node);
  const auto by_operator = resolve(written);
  if (!by_operator.empty() && (!is_loopback(by_operator) || written == by_operator)) return by_operator;
  const auto by_interface = interface_address();
  return by_interface.empty() ? by_name : by_interface;
}

}  // namespace isobar::cloud
