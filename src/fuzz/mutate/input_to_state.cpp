#include "fuzz/input_to_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <tuple>

namespace isobar::fuzz {
namespace {

std::uint64_t read(const std::uint8_t* at, unsigned bytes, bool big_endian) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < bytes; ++i) value |= std::uint64_t{at[big_endian ? bytes - 1 - i : i]} << (8 * i);
  return value;
}
Bytes written(std::uint64_t value, unsigned bytes, bool big_endian) {
  Bytes out(bytes);
  for (unsigned i = 0; i < bytes; ++i) out[big_endian ? bytes - 1 - i : i] = static_cast<std::uint8_t>(value >> (8 * i));
  return out;
}
std::uint64_t mask_of(unsigned bytes) { return bytes >= 8 ? UINT64_MAX : (std::uint64_t{1} << (8 * bytes)) - 1; }

/// Whether `bytes` of a value of `width` bytes are all of it: the rest are zeros, or copies of the sign.
bool fits(std::uint64_t value, unsigned bytes, unsigned width) {
  if (bytes >= width) return bytes == width;
  const std::uint64_t rest = (value & mask_of(width)) >> (8 * bytes);
  const bool negative = ((value >> (8 * bytes - 1)) & 1) != 0;
  return rest == 0 || (negative && rest == mask_of(width - bytes));
}

/// One side of a compare, in both runs, and what it should be.
struct Side {
  std::uint64_t here, colored, wanted;
  unsigned width;  ///< bytes
  std::uint32_t form;
};

class Search {
 public:
  Search(ByteView input, ByteView colored, std::size_t most) : input_(input), colored_(colored), most_(most) {}

  void integers(const Side& side) {
    for (const unsigned bytes : {8U, 4U, 2U, 1U}) {
      if (bytes > side.width || input_.size() < bytes) continue;
      for (const bool big_endian : {false, true}) {
        if (bytes == 1 && big_endian) continue;
        for (std::size_t at = 0; at + bytes <= input_.size() && work_ < kWorkMax; ++at, ++work_) match(side, at, bytes, big_endian);
      }
    }
    digits(side);
  }

  /// A piece of the input that a buffer was compared with.
  void buffer(ByteView here, ByteView colored, ByteView wanted) {
    if (here.empty() || wanted.empty()) return;
    for (std::size_t at = 0; at + here.size() <= input_.size() && work_ < kWorkMax; ++at, ++work_) {
      if (std::memcmp(input_.data() + at, here.data(), here.size()) != 0) continue;
      if (!colored_.empty() && (colored.size() != here.size() || std::memcmp(colored_.data() + at, colored.data(), here.size()) != 0))
        continue;
      const auto place = static_cast<std::uint32_t>(at), size = static_cast<std::uint32_t>(here.size());
      // Over what follows, and in the place of what was compared: a text may be longer than what it is held against.
      const auto over = static_cast<std::uint32_t>(std::min(wanted.size(), input_.size() - at));
      add(size, {place, over, Bytes(wanted.begin(), wanted.end())});
      if (wanted.size() != here.size()) add(size, {place, size, Bytes(wanted.begin(), wanted.end())});
    }
  }

  std::vector<Replacement> result() {
    std::ranges::stable_sort(found_, std::greater<>(), &Found::matched);
    std::vector<Replacement> all;
    for (Found& found : found_) {
      if (all.size() >= most_) break;
      all.push_back(std::move(found.replacement));
    }
    return all;
  }

 private:
  static constexpr std::size_t kWorkMax = 20'000'000;
  struct Found {
    std::size_t matched;
    Replacement replacement;
  };

  void match(const Side& side, std::size_t at, unsigned bytes, bool big_endian) {
    const std::uint64_t mask = mask_of(bytes), here = read(input_.data() + at, bytes, big_endian);
    if (here == (side.here & mask) && fits(side.here, bytes, side.width)) {
      if (colored_.empty() ||
          (read(colored_.data() + at, bytes, big_endian) == (side.colored & mask) && fits(side.colored, bytes, side.width)))
        return put_wanted(side, at, bytes, big_endian, 0, 0);
      return;
    }
    if (colored_.empty()) return;
    // Not the value itself, but one that differs from it by the same amount, or the same bits, in both runs: an offset, a key.
    const std::uint64_t there = read(colored_.data() + at, bytes, big_endian), whole = mask_of(side.width);
    if (here == there || side.here == side.colored) return;
    const std::uint64_t offset = (side.here - here) & whole;
    if (((side.colored - there) & whole) == offset) return put_wanted(side, at, bytes, big_endian, offset, 0);
    const std::uint64_t key = (side.here ^ here) & whole;
    if (((side.colored ^ there) & whole) == key) put_wanted(side, at, bytes, big_endian, 0, key);
  }

  void put_wanted(const Side& side, std::size_t at, unsigned bytes, bool big_endian, std::uint64_t offset, std::uint64_t key) {
    const std::uint64_t target = (side.wanted - offset) ^ key;
    const auto put = [&](std::uint64_t value) { add(bytes, {static_cast<std::uint32_t>(at), bytes, written(value, bytes, big_endian)}); };
    if (fits(target & mask_of(side.width), bytes, side.width) || bytes == side.width) put(target);
    if ((side.form & ISOBAR_FUZZ_CMP_LESS) != 0) put(target - 1), put(target + 1);
  }

  /// A number that stands in the input as digits.
  void digits(const Side& side) {
    if (side.here > 999'999'999'999U && static_cast<std::int64_t>(side.here) > 0) return;
    const std::string text = fmt::format("{}", side.here), wanted = fmt::format("{}", side.wanted);
    const std::string_view input(reinterpret_cast<const char*>(input_.data()), input_.size());
    std::size_t at = input.find(text);
    for (int tries = 0; at != std::string_view::npos && tries < 8; at = input.find(text, at + 1), ++tries)
      add(text.size(), {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(text.size()), Bytes(wanted.begin(), wanted.end())});
  }

  void add(std::size_t matched, Replacement replacement) {
    const auto& [at, size, bytes] = replacement;
    if (found_.size() >= 8 * most_) return;
    if (bytes.size() == size && std::memcmp(bytes.data(), input_.data() + at, size) == 0) return;
    if (known_.emplace(at, size, bytes).second) found_.push_back({matched, std::move(replacement)});
  }

  ByteView input_, colored_;
  std::size_t most_, work_ = 0;
  std::vector<Found> found_;
  std::set<std::tuple<std::uint32_t, std::uint32_t, Bytes>> known_;
};

ByteView side(const isobar_fuzz_buffers& buffers, bool a) {
  return a ? ByteView(buffers.a, buffers.a_size) : ByteView(buffers.b, buffers.b_size);
}

}  // namespace

std::vector<Replacement> input_to_state(ByteView input, const Operands& log, ByteView colored, const Operands& other, std::size_t most) {
  // On one path both runs have the same compares in the same order; where they have not, nothing can be said of the rest. (A colored run
  // logs a compare only while its sides differ, which is why places are looked for from where the last was found.)
  Search search(input, colored, most);
  std::set<std::tuple<std::uint32_t, std::uint64_t, std::uint64_t>> done;
  std::size_t next = 0;
  for (const isobar_fuzz_operands& each : log.integers) {
    std::uint64_t a = each.a, b = each.b;
    if (!colored.empty()) {
      std::size_t at = next;
      while (at < other.integers.size() && other.integers[at].slot != each.slot) ++at;
      if (at == other.integers.size()) continue;
      a = other.integers[at].a, b = other.integers[at].b;
      next = at + 1;
    }
    if (!done.emplace(each.slot, each.a, each.b).second) continue;
    const unsigned width = std::clamp((each.form & 0xff) / 8, 1U, 8U);  // a target may say anything
    search.integers({each.a, a, each.b, width, each.form});
    if ((each.form & ISOBAR_FUZZ_CMP_CONSTANT) == 0) search.integers({each.b, b, each.a, width, each.form});
  }
  next = 0;
  for (const isobar_fuzz_buffers& each : log.buffers) {
    const isobar_fuzz_buffers* twin = &each;
    if (!colored.empty()) {
      std::size_t at = next;
      while (at < other.buffers.size() && other.buffers[at].slot != each.slot) ++at;
      if (at == other.buffers.size()) continue;
      twin = &other.buffers[at];
      next = at + 1;
    }
    for (const bool a : {true, false}) search.buffer(side(each, a), side(*twin, a), side(each, !a));
  }
  return search.result();
}

Bytes replaced(ByteView input, const Replacement& replacement) {
  Bytes out(input.begin(), input.end());
  const auto at = out.begin() + replacement.at;
  const std::size_t same = std::min<std::size_t>(replacement.old_size, replacement.bytes.size());
  std::copy_n(replacement.bytes.begin(), same, at);
  if (replacement.old_size > same) out.erase(at + static_cast<std::ptrdiff_t>(same), at + replacement.old_size);
  if (replacement.bytes.size() > same)
    out.insert(at + static_cast<std::ptrdiff_t>(same), replacement.bytes.begin() + static_cast<std::ptrdiff_t>(same),
               replacement.bytes.end());
  return out;
}

Bytes replaced_together(ByteView input, const std::vector<Replacement>& replacements, double share, Random& random) {
  Bytes out(input.begin(), input.end());
  std::vector<bool> taken(input.size());
  // From another place each time: of several for one place the first is put in.
  const std::size_t first = replacements.empty() ? 0 : static_cast<std::size_t>(random.below(replacements.size()));
  for (std::size_t i = 0; i < replacements.size(); ++i) {
    const Replacement& each = replacements[(first + i) % replacements.size()];
    if (each.old_size != each.bytes.size() || !random.chance(share)) continue;
    const auto begin = taken.begin() + each.at, end = begin + each.old_size;
    if (std::find(begin, end, true) != end) continue;
    std::fill(begin, end, true);
    std::ranges::copy(each.bytes, out.begin() + each.at);
  }
  return out;
}

void learn_tokens(const Operands& log, Dictionary& dictionary) {
  for (const isobar_fuzz_operands& each : log.integers) {
    const unsigned width = std::min((each.form & 0xff) / 8, 8U);
    if ((each.form & ISOBAR_FUZZ_CMP_CONSTANT) == 0 || width < 2 || each.b < 256 || each.b == mask_of(width)) continue;
    for (const bool big_endian : {false, true}) {
      const unsigned bytes = fits(each.b, 2, width) ? 2 : fits(each.b, 4, width) ? 4 : width;
      dictionary.add(written(each.b, bytes, big_endian));
    }
  }
  for (const isobar_fuzz_buffers& each : log.buffers)
    for (const bool a : {true, false})
      if (side(each, a).size() >= 2) dictionary.add(side(each, a));
}

}  // namespace isobar::fuzz
