#pragma once

/// What stands on one side of a compare is often a piece of the input, and what stands on the other is what should be there. So it is put
/// there. Which piece is told by two runs on one path: of the input, and of the same input with all bytes changed that the path does not
/// depend on. A place where both inputs have what their compares had is it, and chance matches are none. Source   REDQUEEN (Aschermann et
/// al., NDSS 2019), sections III and IV

#include <optional>

#include "base/random.h"
#include "fuzz/dictionary.h"
#include "fuzz/executor.h"

namespace isobar::fuzz {

/// Finds the bytes of an input on which its path does not depend, and changes them: by halves, so that a run of bytes that do not matter
/// costs one try.
class Colorizer {
 public:
  /// tries_max   runs that it may take
  Colorizer(ByteView input, std::size_t tries_max, Random& random);
  /// The next input to run; none: done.
  std::optional<ByteView> next();
  /// Whether it took the same path as the first input.
  void answer(bool same_path);
  const Bytes& colored() const { return colored_; }
  bool changed() const { return changed_; }

 private:
  struct Range {
    std::size_t begin, end;
  };
  Bytes original_, paint_, colored_, attempt_;
  std::vector<Range> left_;
  Range trying_{};
  std::size_t tries_;
  bool changed_ = false;
};

struct Replacement {
  std::uint32_t at = 0, old_size = 0;  ///< what is replaced
  Bytes bytes;
  friend bool operator==(const Replacement&, const Replacement&) = default;
};

/// Owned operands, for a log outlives the next run no longer.
struct Operands {
  std::vector<isobar_fuzz_operands> integers;
  std::vector<isobar_fuzz_buffers> buffers;
  static Operands of(const OperandLog& log) {
    return {{log.integers.begin(), log.integers.end()}, {log.buffers.begin(), log.buffers.end()}};
  }
};

/// What to put where.
/// input, log       an input, and the operands of its run
/// colored, other   the same for the coloured input; empty: every match is taken
/// most             replacements at most; those that match most bytes come first
/// Cost             O(operands × bytes), bounded at some 30 ms
std::vector<Replacement> input_to_state(ByteView input, const Operands& log, ByteView colored, const Operands& other, std::size_t most);
Bytes replaced(ByteView input, const Replacement& replacement);
/// The input with about `share` of all replacements that change no size, none over another. Checks that are made one after another and
/// answered once (a header's fields, an error that is gathered without a branch) are passed together or not at all.
Bytes replaced_together(ByteView input, const std::vector<Replacement>& replacements, double share, Random& random);

/// Constants that the input was compared with.
void learn_tokens(const Operands& log, Dictionary& dictionary);

}  // namespace isobar::fuzz
