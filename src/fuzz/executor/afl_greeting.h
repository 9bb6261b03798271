#pragma once

/// The first words that a fork server of AFL's and its controller say to each other, as three generations of it have them:
///   plain   any word: 64 KiB of map, the input in a file
///   old     to AFL++ 4.10c: options in the one word, 0x80000001 set
///   new     from AFL++ 4.20c: "AFL" and a version, which the controller answers with its complement; a word of options, what belongs to
///   them, the first
///           word again
/// Pure: words in, words out.

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/result.h"

namespace isobar::fuzz {

/// What was agreed.
struct AflAgreement {
  std::uint32_t map_bytes = 65536;
  bool shared_inputs = false;
};

class AflGreeting {
 public:
  /// What to do next.
  struct Answer {
    std::uint32_t word;  ///< say this
  };
  struct Hear {};  ///< hear the next word
  struct Skip {
    std::uint32_t bytes;  ///< of a dictionary, which is not used
  };
  using Step = std::variant<Hear, Answer, Skip, AflAgreement>;

  /// Takes a word of the fork server's. After an Answer or a Skip, `next` says what follows it.
  /// Errors   kInvalidArgument: the target refuses, and why; kUnavailable: no greeting that is known
  Result<Step> hear(std::uint32_t word);
  Step next();

 private:
  enum class At { kFirst, kOptions, kMapBytes, kDictionary, kLast, kDone };

  Result<Step> first(std::uint32_t word);
  Step old(std::uint32_t word);
  void go_on_behind(At at);

  At at_ = At::kFirst;
  std::uint32_t first_ = 0, options_ = 0;
  AflAgreement agreed_;
};

}  // namespace isobar::fuzz
