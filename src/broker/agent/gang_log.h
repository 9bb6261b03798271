#pragma once

/// The one log of a job: the output of all its ranks, line by line, each line saying whose it is.
///
/// Lines of several ranks must not be torn, and no byte may be lost or doubled though the agent dies at any instant. So
/// each batch of lines is journalled before it is appended: first its text, then a small head that says where in the
/// log the text belongs and how far each rank's output is consumed by it. An agent that starts again compares the head
/// with the log's length, appends what is missing, and asks each rank to go on after what was consumed. (The journal
/// outlives the agent, not the machine: it is not flushed to the disk.)

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "log_file.h"

namespace isobar::broker {

/// What `format_lines` made of some output.
struct FormattedLines {
  std::string text;
  std::size_t consumed = 0;  ///< bytes of the output; the rest is a line not yet complete
};

/// Puts `prefix` before each complete line of `output`. A line ends with "\n", "\r\n", or a lone "\r" (progress bars),
/// which is kept. Lines of more than kLineMax bytes are cut. at_end  the last line is complete whatever it ends with,
/// and gets a newline if it has none. Pure: the same bytes from the same place give the same text.
inline constexpr std::size_t kLineMax = 1 << 20;
FormattedLines format_lines(std::string_view prefix, std::string_view output, bool at_end);

class GangLog {
 public:
  /// log      run.log in the job's log folder
  /// journal  beside the job's other files; of no use once the job has ended
  /// sources  how many outputs are merged, over all phases
  static Result<GangLog> open(const fs::path& log, const fs::path& journal, std::size_t sources, LogLimits limits = {});

  /// Where the source's output goes on: the position of the first byte that was not handed in yet.
  std::uint64_t offset(std::size_t source) const;
  void set_prefix(std::size_t source, std::string prefix);

  /// Takes output of a source, starting at `offset` (further on than expected when bytes were rotated away).
  Status append(std::size_t source, std::uint64_t offset, std::string_view bytes);
  /// The source has said everything. May be repeated.
  Status finish(std::size_t source);
  /// A line of isobar's own, e.g. why the job could not start.
  Status note(std::string_view sentence);

 private:
  struct Source {
    std::string prefix;
    std::uint64_t consumed = 0;  // position after the last byte that is in the log
    std::string pending;         // what follows it: the beginning of a line
  };

  GangLog(LogWriter writer, Fd journal, std::size_t sources)
      : writer_(std::move(writer)), journal_(std::move(journal)), sources_(sources) {}
  Status recover();
  Status flush(std::size_t source, bool at_end);
  Status write_batch(std::string_view text);
  std::size_t head_bytes() const;

  LogWriter writer_;
  Fd journal_;
  std::vector<Source> sources_;
};

}  // namespace isobar::broker
