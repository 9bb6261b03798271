#pragma once

/// What the ranks of a gang, and rsh on rank 0, say to one another. A message is its kind in one byte, the number of the command that it is
/// about in four, least first, and a payload.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::broker {

enum class GangKind : char {
  kHello = 'H',    ///< a member to rank 0: rank, host name and CPUs, a line each
  kWelcome = 'W',  ///< and back
  kAsk = 'A',      ///< rsh to rank 0: the host, a NUL, the command
  kRun = 'R',      ///< rank 0 to a member: the command
  kOutput = 'O',   ///< of the command, on its way back
  kErrors = 'E',   ///< the same, of standard error
  kExit = 'X',     ///< the exit code in decimal
  kKill = 'K',     ///< nobody waits for the command any more
  kEnd = 'Z',      ///< rank 0 to a member: all is done
};

struct GangMessage {
  GangKind kind = GangKind::kEnd;
  std::uint32_t command = 0;
  std::string payload;
  friend bool operator==(const GangMessage&, const GangMessage&) = default;
};

std::string encode(const GangMessage& message);
/// Errors   kInvalidArgument: no such message
Result<GangMessage> decode_gang_message(std::string_view bytes);

/// A member as it introduces itself.
struct GangMember {
  int rank = 0;
  std::string host;
  int cpus = 1;
  friend bool operator==(const GangMember&, const GangMember&) = default;
};
std::string encode(const GangMember& member);
/// Errors   kInvalidArgument
Result<GangMember> decode_member(std::string_view text);

}  // namespace isobar::broker
