#include "gang_messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.h"

namespace isobar::broker {

namespace {

constexpr std::string_view kKinds = "HWAROEXKZ";
constexpr std::size_t kHead = 5;
constexpr int kRanksMost = 1 << 20;

}  // namespace

std::string encode(const GangMessage& message) {
  std::string bytes(1, static_cast<char>(message.kind));
  for (int byte = 0; byte < 4; ++byte) bytes += static_cast<char>(message.command >> (8 * byte) & 0xff);
  return bytes.append(message.payload);
}

Result<GangMessage> decode_gang_message(std::string_view bytes) {
  if (bytes.size() < kHead || kKinds.find(bytes[0]) == std::string_view::npos) return invalid("not a message of a gang");
  GangMessage message{static_cast<GangKind>(bytes[0]), 0, std::string(bytes.substr(kHead))};
  for (int byte = 0; byte < 4; ++byte)
    message.command |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[static_cast<std::size_t>(byte) + 1])) << (8 * byte);
  return message;
}

std::string encode(const GangMember& member) { return fmt::format("{}\n{}\n{}", member.rank, member.host, member.cpus); }

Result<GangMember> decode_member(std::string_view text) {
  const auto lines = split(text, '\n');
  GangMember member;
  const auto number = [](std::string_view digits, int& into) {
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), into);
    return failure == std::errc() && end == digits.data() + digits.size() && into >= 0 && into < kRanksMost;
  };
  if (lines.size() != 3 || lines[1].empty() || !number(lines[0], member.rank) || !number(lines[2], member.cpus))
    return invalid("not a member of a gang");
  member.host = std::string(lines[1]);
  return member;
}

}  // namespace isobar::broker
