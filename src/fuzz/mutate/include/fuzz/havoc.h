#pragma once

/// Random mutations. Which of them, and how many at once, adapts to what has been finding: every operator that took part in a find is
/// credited, and those that find more per use are drawn more often (after MOpt, Lyu et al., USENIX Security 2019, with a bandit in place of
/// its particle swarm).

#include <array>
#include <string_view>

#include "base/random.h"
#include "fuzz/dictionary.h"
#include "fuzz/executor.h"

namespace isobar::fuzz {

/// What was done to an input: to be credited when it turns out well. One bit for each operator, and how many steps (as a power of two).
struct Recipe {
  std::uint32_t operators = 0;
  std::uint8_t steps_log2 = 0;
};

class Havoc {
 public:
  explicit Havoc(std::size_t size_max);

  /// Changes `data` in place, at least a byte of it unless it stays empty.
  /// other   another input of the corpus, to splice parts of; may be empty
  /// Cost    O(steps × bytes moved)
  Recipe mutate(Bytes& data, ByteView other, const Dictionary& dictionary, Random& random);
  /// The mutant became part of the corpus.
  void credit(const Recipe& recipe);

  struct Share {
    std::string_view name;
    double share;
  };
  /// How often each operator is drawn now.
  std::vector<Share> shares() const;

 private:
  struct Arm {
    double uses = 0, finds = 0, weight = 1;
  };
  std::size_t draw(std::span<const Arm> arms, double total, Random& random) const;
  void adapt();

  std::size_t size_max_;
  std::vector<Arm> operators_;
  std::array<Arm, 7> steps_;
  double operators_total_ = 0, steps_total_ = 0;
  std::uint64_t since_adapted_ = 0;
};

}  // namespace isobar::fuzz
