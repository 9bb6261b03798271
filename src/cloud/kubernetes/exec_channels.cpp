#include "exec_channels.h"

#include <fmt/format.h>

#include <charconv>

#include "base/text.h"
#include "kube_json.h"

namespace isobar::cloud {

Result<ExecMessage> parse_exec_message(std::string_view message) {
  if (message.empty()) return Error(Code::kDataLoss, "a message of an exec without a channel");
  const auto channel = static_cast<unsigned char>(message[0]);
  const bool known = (channel >= 1 && channel <= 3) || channel == 255;
  if (!known) return Error(Code::kDataLoss, fmt::format("a message of an exec on channel {}", channel));
  return ExecMessage{static_cast<ExecChannel>(channel), message.substr(1)};
}

std::string exec_message(ExecChannel channel, std::string_view payload) {
  std::string message(1, static_cast<char>(channel));
  return message.append(payload);
}

Result<int> parse_exec_status(std::string_view text) {
  const auto status = parse_kube_json(text);
  if (!status.ok()) return unavailable("what Kubernetes says of the command's end is not JSON");
  if (text_in(*status, {"status"}) == "Success") return 0;
  if (text_in(*status, {"reason"}) == "NonZeroExitCode")
    for (const auto& cause : list_in(*status, {"details", "causes"})) {
      const auto code = text_in(cause, {"message"});
      int number = 0;
      const auto [end, failure] = std::from_chars(code.data(), code.data() + code.size(), number);
      if (text_in(cause, {"reason"}) == "ExitCode" && failure == std::errc() && end == code.data() + code.size()) return number;
    }
  return unavailable(fmt::format("the command could not be run in the pod: {}", text_in(*status, {"message"}).substr(0, 400)));
}

std::string with_input_of(std::size_t bytes, const std::string& command) {
  return fmt::format("head -c {} | /bin/sh -c {}", bytes, shell_quote(command));
}

}  // namespace isobar::cloud
