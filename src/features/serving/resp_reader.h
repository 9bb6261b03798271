#pragma once

// Commands of the Redis protocol out of bytes cut anywhere. Pure.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isobar::features {

/// A command is an array of bulk strings; or, from people, a line of words ("PING").
class RespReader {
 public:
  static constexpr std::size_t kInlineMost = 64 << 10;
  explicit RespReader(std::size_t command_most) : most_(command_most) {}

  /// bytes   all since the end of the last command
  /// Returns how long the command is that they begin with; none: it is not whole. What was read before of the same command is not read
  /// again.
  /// Errors   kInvalidArgument: no such protocol, or a command that is longer than allowed; nothing more can be understood
  Result<std::optional<std::size_t>> next(std::string_view bytes);
  /// Of the command that was just found; views into the bytes. Empty: an empty line.
  std::span<const std::string_view> words() const { return words_; }
  bool partial() const { return at_ > 0; }

 private:
  enum class Found { kYes, kNotYet };
  Result<Found> line(std::string_view bytes, std::size_t most, std::string_view& text);
  Result<std::optional<std::size_t>> inline_command(std::string_view bytes);
  Result<Found> header(std::string_view bytes);
  Result<Found> argument(std::string_view bytes);
  std::size_t finish();

  std::size_t most_;
  std::size_t at_ = 0;                // what was read of the command
  std::optional<std::size_t> count_;  // of its arguments, once that is known
  std::vector<std::pair<std::size_t, std::size_t>> found_;
  std::vector<std::string_view> words_;
};

}  // namespace isobar::features
