#include "afl_greeting.h"

#include <fmt/format.h>

namespace isobar::fuzz {
namespace {

constexpr std::uint32_t kMapBytesMax = 8u << 20;
constexpr std::uint32_t kDictionaryBytesMax = 16u << 20;

// Of the new one.
constexpr std::uint32_t kName = 0x41464c00;  // "AFL" and a version
constexpr std::uint32_t kHasMapBytes = 1, kHasSharedInputs = 2, kHasDictionary = 0x800;
// Of the old one.
constexpr std::uint32_t kOldOptions = 0x80000001, kOldMapBytes = 0x40000000, kOldDictionary = 0x10000000, kOldSharedInputs = 0x01000000;

std::string_view meaning_of(std::uint32_t code) {
  switch (code) {
    case 1: return "its map is larger than what it was given";
    case 2: return "it cannot have its map where it wants it";
    case 4: return "it cannot open the shared memory";
    case 8: return "it cannot attach the shared memory";
    case 16: return "it cannot map memory";
    case 32:
    case 64: return "it was built for another way of comparing (cmplog); build it again";
    default: return "it does not say why";
  }
}

Error refused(std::uint32_t code) {
  return invalid(fmt::format("the target's fork server refuses: {} (error {})", meaning_of(code), code));
}

}  // namespace

Result<AflGreeting::Step> AflGreeting::hear(std::uint32_t word) {
  switch (at_) {
    case At::kFirst: return first(word);
    case At::kOptions: options_ = word; break;
    case At::kMapBytes:
      if (word == 0 || word > kMapBytesMax)
        return unavailable(fmt::format("the target wants a map of {} bytes; up to {} are given", word, kMapBytesMax));
      agreed_.map_bytes = word;
      break;
    case At::kDictionary:
      if (word > kDictionaryBytesMax) return unavailable(fmt::format("the target has a dictionary of {} bytes, which cannot be", word));
      go_on_behind(At::kDictionary);
      return Step(Skip{word});
    case At::kLast:
      if (word != first_) return unavailable("the target's fork server does not end its greeting as it began it");
      break;
    case At::kDone: return unavailable("the target's fork server goes on talking after its greeting");
  }
  go_on_behind(at_);
  return next();
}

AflGreeting::Step AflGreeting::next() {
  if (at_ != At::kDone) return Hear{};
  return agreed_;
}

void AflGreeting::go_on_behind(At at) {
  if (at < At::kOptions) at_ = At::kOptions;
  else if (at < At::kMapBytes && (options_ & kHasMapBytes) != 0) at_ = At::kMapBytes;
  else if (at < At::kDictionary && (options_ & kHasDictionary) != 0) at_ = At::kDictionary;
  else if (at < At::kLast) at_ = At::kLast;
  else at_ = At::kDone;
  if (at_ == At::kLast) agreed_.shared_inputs = (options_ & kHasSharedInputs) != 0;
}

Result<AflGreeting::Step> AflGreeting::first(std::uint32_t word) {
  first_ = word;
  if ((word & 0xffff0000) == 0xeffe0000) return refused(word & 0xffff);
  if ((word & 0xf800008f) == 0xf800008f) return refused(word >> 8 & 0xffff);
  if ((word & 0xffffff00) == kName) {
    at_ = At::kOptions;
    return Step(Answer{~word});
  }
  at_ = At::kDone;
  if ((word & kOldOptions) == kOldOptions) return old(word);
  return Step(agreed_);
}

AflGreeting::Step AflGreeting::old(std::uint32_t word) {
  // Some releases set all four bits for no reason.
  if ((word & 0x0f000000) == 0x0f000000) word &= ~0x0f000000u;
  if ((word & kOldMapBytes) != 0) agreed_.map_bytes = ((word & 0x00fffffe) >> 1) + 1;
  agreed_.shared_inputs = (word & kOldSharedInputs) != 0;
  // A dictionary that is not accepted is not sent.
  if ((word & (kOldSharedInputs | kOldDictionary)) != 0) return Answer{kOldOptions | (word & kOldSharedInputs)};
  return agreed_;
}

}  // namespace isobar::fuzz
