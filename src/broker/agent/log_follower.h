#pragma once

/// Reads a job's merged log as one client wants it: from the beginning or the last lines, all of it or one rank's lines.

#include <optional>
#include <string>

#include "broker/agent_messages.h"
#include "log_file.h"

namespace isobar::broker {

/// Whether a line of a merged log is that rank's: "(worker1, rank=1, pid=…) …".
bool is_of_rank(std::string_view line_head, int rank);

class LogFollower {
 public:
  /// num_nodes  of the job; the log of a single node says no rank, and all of it is rank 0's
  LogFollower(const fs::path& log, const TailLogs& what, int num_nodes);

  struct Text {
    std::string text;
    bool at_end = false;  ///< nothing more for now
  };
  /// complete  the log will not grow any more, so that a last line without an ending counts
  Result<Text> next(bool complete);

 private:
  std::string filtered(std::string_view bytes, bool flush);

  LogReader reader_;
  std::optional<std::uint64_t> tail_lines_;
  std::optional<int> rank_;
  std::optional<std::uint64_t> offset_;  // none: not begun
  std::string pending_;                  // a line whose end has not been read
};

}  // namespace isobar::broker
