#pragma once

/// Pieces of inputs that mean something to the target: given in a file, or found among the operands of its compares.

#include <string_view>
#include <unordered_set>

#include "base/result.h"
#include "fuzz/executor.h"

namespace isobar::fuzz {

class Dictionary {
 public:
  /// token   1 to 128 bytes; others, and what is there already, are left out
  void add(ByteView token);
  bool empty() const { return tokens_.empty(); }
  std::size_t size() const { return tokens_.size(); }
  ByteView operator[](std::size_t place) const { return tokens_[place]; }

  /// AFL's and libFuzzer's files: lines `name="text"` or `"text"`, with \\, \" and \xAB; an @level behind the name is read over; # begins a
  /// comment. Errors   kInvalidArgument: the line, and what is wrong with it
  static Result<std::vector<Bytes>> parse(std::string_view text);

 private:
  static constexpr std::size_t kTokensMax = 4096;
  std::vector<Bytes> tokens_;
  std::unordered_set<std::string> known_;
};

}  // namespace isobar::fuzz
