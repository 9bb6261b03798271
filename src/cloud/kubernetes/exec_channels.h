#pragma once

/// What is said over the WebSocket of an exec: `v4.channel.k8s.io` and `v5.channel.k8s.io`. Each message begins with a byte that names
/// its channel. Pure.
///
/// v4 has no way to end a program's input but to close the connection, and then its output is lost; so input of known length is cut off
/// by its length in the pod. v5 can close a channel by itself.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isobar::cloud {

enum class ExecChannel : std::uint8_t { kInput = 0, kOutput = 1, kErrors = 2, kStatus = 3, kResize = 4, kClose = 255 };

inline const std::vector<std::string> kExecProtocols{"v5.channel.k8s.io", "v4.channel.k8s.io"};

struct ExecMessage {
  ExecChannel channel = ExecChannel::kOutput;
  std::string_view payload;  ///< inside the message
};
/// Errors   kDataLoss: an empty message, or a channel that the far end does not write to
Result<ExecMessage> parse_exec_message(std::string_view message);
std::string exec_message(ExecChannel channel, std::string_view payload);

/// The exit code in what comes over the status channel.
/// Errors   kUnavailable: the command was not run, or nobody knows how it ended, with what Kubernetes says
Result<int> parse_exec_status(std::string_view status);

/// The command line with which input of that many bytes ends by itself.
std::string with_input_of(std::size_t bytes, const std::string& command);

}  // namespace isobar::cloud
