#include "log_follower.h"

#include <fmt/format.h>

namespace isobar::broker {

namespace {

constexpr std::size_t kPieceBytes = 64 << 10;

}  // namespace

bool is_of_rank(std::string_view head, int rank) {
  if (!head.starts_with('(')) return false;
  const auto prefix = head.substr(0, head.find(')'));
  return prefix.find(fmt::format(", rank={},", rank)) != std::string_view::npos;
}

LogFollower::LogFollower(const fs::path& log, const TailLogs& what, int num_nodes) : reader_(log), tail_lines_(what.tail_lines) {
  if (num_nodes > 1) rank_ = what.rank;
}

Result<LogFollower::Text> LogFollower::next(bool complete) {
  if (!offset_) {
    offset_ = 0;
    const auto counts = [this](std::string_view head) { return !rank_ || is_of_rank(head, *rank_); };
    if (tail_lines_) {
      TRY_ASSIGN(offset_, reader_.tail_start(*tail_lines_, counts));
    }
  }
  TRY_ASSIGN(auto piece, reader_.read(*offset_, kPieceBytes));
  offset_ = piece.offset + piece.bytes.size();
  const bool at_end = piece.bytes.empty();
  if (!rank_) return Text{std::move(piece.bytes), at_end};
  return Text{filtered(std::move(piece.bytes), at_end && complete), at_end};
}

std::string LogFollower::filtered(std::string_view bytes, bool flush) {
  pending_ += bytes;
  std::string out;
  std::size_t begin = 0;
  for (auto end = pending_.find_first_of("\n\r"); end != std::string::npos; end = pending_.find_first_of("\n\r", begin)) {
    const auto line = std::string_view(pending_).substr(begin, end + 1 - begin);
    if (is_of_rank(line, *rank_)) out += line;
    begin = end + 1;
  }
  pending_.erase(0, begin);
  if (flush && is_of_rank(pending_, *rank_)) out += std::exchange(pending_, {});
  return out;
}

}  // namespace isobar::broker
