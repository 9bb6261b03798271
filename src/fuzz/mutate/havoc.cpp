#include "fuzz/havoc.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cstring>

namespace isobar::fuzz {
namespace {

struct Draw {
  Bytes& data;
  ByteView other;
  const Dictionary& dictionary;
  Random& random;
  std::size_t size_max;

  std::size_t below(std::size_t bound) const { return static_cast<std::size_t>(random.below(bound)); }
  std::size_t place() const { return below(data.size()); }
  /// Lengths are short mostly, and sometimes all that there is.
  std::size_t length(std::size_t most) const {
    if (most <= 1) return most;
    const std::size_t limit = std::min(most, random.below(4) != 0 ? std::size_t{16} : random.below(8) != 0 ? std::size_t{256} : most);
    return 1 + below(limit);
  }
};

template <class T>
T get(const std::uint8_t* at, bool big_endian) {
  T value;
  std::memcpy(&value, at, sizeof value);
  if constexpr (sizeof(T) == 2) return big_endian ? static_cast<T>(__builtin_bswap16(value)) : value;
  if constexpr (sizeof(T) == 4) return big_endian ? __builtin_bswap32(value) : value;
  if constexpr (sizeof(T) == 8) return big_endian ? __builtin_bswap64(value) : value;
  return value;
}
template <class T>
void put(std::uint8_t* at, T value, bool big_endian) {
  value = get<T>(reinterpret_cast<const std::uint8_t*>(&value), big_endian);
  std::memcpy(at, &value, sizeof value);
}

// An operator answers whether it could do anything.

bool flip_bit(Draw& d) {
  if (d.data.empty()) return false;
  d.data[d.place()] ^= static_cast<std::uint8_t>(1U << d.random.below(8));
  return true;
}
bool set_byte(Draw& d) {
  if (d.data.empty()) return false;
  d.data[d.place()] ^= static_cast<std::uint8_t>(1 + d.random.below(255));
  return true;
}
bool nudge_byte(Draw& d) {
  if (d.data.empty()) return false;
  const auto by = static_cast<std::uint8_t>(1 + d.random.below(35));
  std::uint8_t& byte = d.data[d.place()];
  byte = static_cast<std::uint8_t>(d.random.below(2) == 0 ? byte + by : byte - by);
  return true;
}
template <class T>
bool nudge(Draw& d) {
  if (d.data.size() < sizeof(T)) return false;
  std::uint8_t* at = d.data.data() + d.below(d.data.size() - sizeof(T) + 1);
  const bool big = d.random.below(2) == 0;
  const auto by = static_cast<T>(1 + d.random.below(35));
  const T value = get<T>(at, big);
  put<T>(at, static_cast<T>(d.random.below(2) == 0 ? value + by : value - by), big);
  return true;
}
/// Numbers at which something changes: powers of two and their neighbours, the greatest, the least.
template <class T>
bool set_boundary(Draw& d) {
  if (d.data.size() < sizeof(T)) return false;
  const auto bits = sizeof(T) * 8;
  T value = static_cast<T>(T{1} << d.random.below(bits));
  value = static_cast<T>(value + static_cast<T>(d.random.below(3)) - 1);
  if (d.random.below(4) == 0) value = static_cast<T>(~value);
  put<T>(d.data.data() + d.below(d.data.size() - sizeof(T) + 1), value, d.random.below(2) == 0);
  return true;
}
/// Lengths and counts: twice as much, or half.
template <class T>
bool scale(Draw& d) {
  if (d.data.size() < sizeof(T)) return false;
  std::uint8_t* at = d.data.data() + d.below(d.data.size() - sizeof(T) + 1);
  const bool big = d.random.below(2) == 0;
  const T value = get<T>(at, big);
  put<T>(at, static_cast<T>(d.random.below(4) == 0 ? value / 2 : value * 2 + (value == 0 ? 1 : 0)), big);
  return true;
}
bool delete_block(Draw& d) {
  if (d.data.size() < 2) return false;
  const std::size_t length = d.length(d.data.size() - 1), at = d.below(d.data.size() - length + 1);
  d.data.erase(d.data.begin() + static_cast<std::ptrdiff_t>(at), d.data.begin() + static_cast<std::ptrdiff_t>(at + length));
  return true;
}
bool insert(Draw& d, const std::uint8_t* from, std::size_t length) {
  if (length == 0 || d.data.size() + length > d.size_max) return false;
  d.data.insert(d.data.begin() + static_cast<std::ptrdiff_t>(d.below(d.data.size() + 1)), from, from + length);
  return true;
}
bool overwrite(Draw& d, const std::uint8_t* from, std::size_t length) {
  if (length == 0 || length > d.data.size()) return false;
  std::memmove(d.data.data() + d.below(d.data.size() - length + 1), from, length);
  return true;
}
bool insert_copy(Draw& d) {
  if (d.data.empty()) return false;
  const std::size_t length = d.length(d.data.size()), at = d.below(d.data.size() - length + 1);
  const Bytes copy(d.data.begin() + static_cast<std::ptrdiff_t>(at), d.data.begin() + static_cast<std::ptrdiff_t>(at + length));
  return insert(d, copy.data(), length);
}
bool insert_run(Draw& d) {
  const Bytes run(d.length(64),
                  static_cast<std::uint8_t>(d.random.below(3) == 0 || d.data.empty() ? d.random.below(256) : d.data[d.place()]));
  return insert(d, run.data(), run.size());
}
bool insert_bytes(Draw& d) {
  Bytes bytes(1 + d.below(8));
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(d.random.below(256));
  return insert(d, bytes.data(), bytes.size());
}
bool overwrite_copy(Draw& d) {
  if (d.data.size() < 2) return false;
  const std::size_t length = d.length(d.data.size() - 1);
  return overwrite(d, d.data.data() + d.below(d.data.size() - length + 1), length);
}
bool overwrite_run(Draw& d) {
  if (d.data.empty()) return false;
  const Bytes run(d.length(d.data.size()), static_cast<std::uint8_t>(d.random.below(2) == 0 ? d.random.below(256) : d.data[d.place()]));
  return overwrite(d, run.data(), run.size());
}
bool swap_blocks(Draw& d) {
  if (d.data.size() < 2) return false;
  const std::size_t length = d.length(d.data.size() / 2), one = d.below(d.data.size() - 2 * length + 1);
  const std::size_t two = one + length + d.below(d.data.size() - one - 2 * length + 1);
  std::swap_ranges(d.data.begin() + static_cast<std::ptrdiff_t>(one), d.data.begin() + static_cast<std::ptrdiff_t>(one + length),
                   d.data.begin() + static_cast<std::ptrdiff_t>(two));
  return true;
}
bool swap_bytes(Draw& d) {
  if (d.data.size() < 2) return false;
  std::swap(d.data[d.place()], d.data[d.place()]);
  return true;
}
/// A byte is taken out and put in elsewhere; what is between moves.
bool move_byte(Draw& d) {
  if (d.data.size() < 2) return false;
  const auto from = static_cast<std::ptrdiff_t>(d.place()), to = static_cast<std::ptrdiff_t>(d.place());
  const auto begin = d.data.begin();
  if (from < to) std::rotate(begin + from, begin + from + 1, begin + to + 1);
  if (to < from) std::rotate(begin + to, begin + from, begin + from + 1);
  return true;
}
bool shuffle(Draw& d) {
  if (d.data.size() < 3) return false;
  const std::size_t length = std::min<std::size_t>(d.data.size(), 2 + d.below(7)), at = d.below(d.data.size() - length + 1);
  for (std::size_t i = length - 1; i > 0; --i) std::swap(d.data[at + i], d.data[at + d.below(i + 1)]);
  return true;
}
bool insert_token(Draw& d) {
  if (d.dictionary.empty()) return false;
  const ByteView token = d.dictionary[d.below(d.dictionary.size())];
  return insert(d, token.data(), token.size());
}
bool overwrite_token(Draw& d) {
  if (d.dictionary.empty()) return false;
  const ByteView token = d.dictionary[d.below(d.dictionary.size())];
  return overwrite(d, token.data(), token.size());
}
bool splice_insert(Draw& d) {
  if (d.other.empty()) return false;
  const std::size_t length = d.length(d.other.size());
  return insert(d, d.other.data() + d.below(d.other.size() - length + 1), length);
}
bool splice_overwrite(Draw& d) {
  if (d.other.empty()) return false;
  const std::size_t length = d.length(std::min(d.other.size(), d.data.size()));
  return overwrite(d, d.other.data() + d.below(d.other.size() - length + 1), length);
}
/// The head of one and the tail of the other.
bool splice_cross(Draw& d) {
  if (d.other.size() < 2 || d.data.size() < 2) return false;
  const std::size_t head = 1 + d.below(d.data.size() - 1), tail = d.below(d.other.size());
  const std::size_t length = std::min(d.other.size() - tail, d.size_max - std::min(head, d.size_max));
  d.data.resize(head);
  d.data.insert(d.data.end(), d.other.begin() + static_cast<std::ptrdiff_t>(tail),
                d.other.begin() + static_cast<std::ptrdiff_t>(tail + length));
  return true;
}
/// A number in digits becomes another number, of any length.
bool change_number(Draw& d) {
  const auto digit = [](std::uint8_t byte) { return byte >= '0' && byte <= '9'; };
  if (d.data.empty()) return false;
  auto from = std::find_if(d.data.begin() + static_cast<std::ptrdiff_t>(d.place()), d.data.end(), digit);
  if (from == d.data.end()) return false;
  while (from != d.data.begin() && digit(*std::prev(from))) --from;
  const auto to = std::find_if_not(from, d.data.end(), digit);
  std::uint64_t value = 0;
  for (auto at = from; at != to; ++at) value = value * 10 + (*at - std::uint64_t{'0'});
  switch (d.random.below(5)) {
    case 0: ++value; break;
    case 1: --value; break;
    case 2: value *= 2; break;
    case 3: value = d.random.next() >> d.random.below(64); break;
    default: value = (std::uint64_t{1} << d.random.below(64)) - d.random.below(2); break;
  }
  char text[24];
  const char* end = std::to_chars(text, text + sizeof text, value).ptr;
  if (d.data.size() + static_cast<std::size_t>(end - text) > d.size_max) return false;
  const auto at = d.data.erase(from, to);
  d.data.insert(at, static_cast<const char*>(text), end);
  return true;
}

struct Operator {
  std::string_view name;
  bool (*apply)(Draw&);
};
constexpr Operator kOperators[] = {
    {"flip bit", flip_bit},
    {"set byte", set_byte},
    {"nudge byte", nudge_byte},
    {"nudge 16", nudge<std::uint16_t>},
    {"nudge 32", nudge<std::uint32_t>},
    {"nudge 64", nudge<std::uint64_t>},
    {"boundary 8", set_boundary<std::uint8_t>},
    {"boundary 16", set_boundary<std::uint16_t>},
    {"boundary 32", set_boundary<std::uint32_t>},
    {"boundary 64", set_boundary<std::uint64_t>},
    {"scale 8", scale<std::uint8_t>},
    {"scale 16", scale<std::uint16_t>},
    {"scale 32", scale<std::uint32_t>},
    {"delete block", delete_block},
    {"insert copy", insert_copy},
    {"insert run", insert_run},
    {"insert bytes", insert_bytes},
    {"overwrite copy", overwrite_copy},
    {"overwrite run", overwrite_run},
    {"swap blocks", swap_blocks},
    {"swap bytes", swap_bytes},
    {"move byte", move_byte},
    {"shuffle", shuffle},
    {"insert token", insert_token},
    {"overwrite token", overwrite_token},
    {"splice insert", splice_insert},
    {"splice overwrite", splice_overwrite},
    {"splice cross", splice_cross},
    {"change number", change_number},
};
constexpr std::size_t kOperatorCount = std::size(kOperators);
static_assert(kOperatorCount <= 32);

/// No arm is drawn less than a fifth as often as if all were equal: what finds nothing today may be all that finds tomorrow.
constexpr double kFloor = 0.2;
constexpr std::uint64_t kUsesBetweenAdaptions = 20'000;
/// What was found long ago counts for less.
constexpr double kMemory = 0.8;

double total(auto& arms) {
  double sum = 0;
  for (const auto& arm : arms) sum += arm.weight;
  return sum;
}

void weigh(auto& arms) {
  double mean = 0;
  for (auto& arm : arms) {
    arm.weight = (arm.finds + 0.5) / (arm.uses + 500);
    mean += arm.weight / static_cast<double>(std::size(arms));
    arm.uses *= kMemory;
    arm.finds *= kMemory;
  }
  for (auto& arm : arms) arm.weight = std::clamp(arm.weight / mean, kFloor, 8.0);
}

}  // namespace

Havoc::Havoc(std::size_t size_max) : size_max_(std::max<std::size_t>(1, size_max)), operators_(kOperatorCount) { adapt(); }

void Havoc::adapt() {
  weigh(operators_);
  weigh(steps_);
  operators_total_ = total(operators_);
  steps_total_ = total(steps_);
  since_adapted_ = 0;
}

std::size_t Havoc::draw(std::span<const Arm> arms, double total_weight, Random& random) const {
  double left = random.uniform() * total_weight;
  for (std::size_t i = 0; i + 1 < arms.size(); ++i)
    if ((left -= arms[i].weight) < 0) return i;
  return arms.size() - 1;
}

Recipe Havoc::mutate(Bytes& data, ByteView other, const Dictionary& dictionary, Random& random) {
  if (data.size() > size_max_) data.resize(size_max_);
  Draw draw_from{data, other, dictionary, random, size_max_};
  Recipe recipe;
  recipe.steps_log2 = static_cast<std::uint8_t>(draw(steps_, steps_total_, random));
  ++steps_[recipe.steps_log2].uses;
  std::size_t steps = std::size_t{1} << recipe.steps_log2;
  if (steps > 2) steps = steps / 2 + 1 + random.below(steps / 2);
  for (std::size_t tries = 0, done = 0; done < steps && tries < steps + 16; ++tries) {
    const std::size_t chosen = draw(operators_, operators_total_, random);
    if (!kOperators[chosen].apply(draw_from)) continue;
    ++done;
    ++operators_[chosen].uses;
    recipe.operators |= 1U << chosen;
  }
  if (++since_adapted_ >= kUsesBetweenAdaptions) adapt();
  return recipe;
}

void Havoc::credit(const Recipe& recipe) {
  ++steps_[recipe.steps_log2].finds;
  // Of many operators at once each has a part of the credit.
  const double part = 1.0 / std::max(1, std::popcount(recipe.operators));
  for (std::uint32_t rest = recipe.operators; rest != 0; rest &= rest - 1)
    operators_[static_cast<std::size_t>(std::countr_zero(rest))].finds += part;
}

std::vector<Havoc::Share> Havoc::shares() const {
  std::vector<Share> all;
  for (std::size_t i = 0; i < kOperatorCount; ++i) all.push_back({kOperators[i].name, operators_[i].weight / operators_total_});
  return all;
}

}  // namespace isobar::fuzz
