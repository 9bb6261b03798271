#pragma once

/// One encoding for everything that is hashed, signed, stored or sent: integers of fixed width, little-endian; lengths and counts in front
/// of what they count. Each value has exactly one encoding, and no two values share one, so that equal digests mean equal contents. (Where
/// lengths are left out, a write of "00" to "acct1" and of "0" to "acct10" have one digest, and replicas that were shown either of them
/// diverge under one certificate.)
///
/// A type is described once, for both ways: `describe(io, value)` hands its fields to `io` in order.

#include <array>
#include <boost/container/static_vector.hpp>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/id.h"
#include "base/result.h"

namespace isobar::db {

/// Either `U` or `const U`: what a `describe` takes.
template <class T, class U>
concept Like = std::same_as<std::remove_const_t<T>, U>;

class Encoder {
 public:
  template <class T>
  Encoder& operator()(const T& value) {
    put(value);
    return *this;
  }
  std::string take() { return std::move(out_); }

 private:
  template <class T>
  void put(const T& value) {
    if constexpr (std::is_enum_v<T>) {
      put(static_cast<std::uint8_t>(value));
    } else if constexpr (std::same_as<T, bool>) {
      put(static_cast<std::uint8_t>(value));
    } else if constexpr (std::unsigned_integral<T>) {
      char bytes[sizeof(T)];
      for (std::size_t i = 0; i < sizeof(T); ++i) bytes[i] = static_cast<char>(value >> (8 * i));
      out_.append(bytes, sizeof(T));
    } else {
      describe(*this, value);
    }
  }
  void put(const std::string& text) {
    put(static_cast<std::uint32_t>(text.size()));
    out_ += text;
  }
  template <std::size_t N>
  void put(const std::array<std::uint8_t, N>& bytes) {
    out_.append(reinterpret_cast<const char*>(bytes.data()), N);
  }
  template <class Tag>
  void put(const Id<Tag>& id) {
    put(id.value());
  }
  template <class T>
  void put(const std::optional<T>& value) {
    put(value.has_value());
    if (value) put(*value);
  }
  template <class T>
  void put(const std::vector<T>& list) {
    put(static_cast<std::uint32_t>(list.size()));
    for (const auto& item : list) put(item);
  }
  template <class T, std::size_t N>
  void put(const boost::container::static_vector<T, N>& list) {
    put(static_cast<std::uint32_t>(list.size()));
    for (const auto& item : list) put(item);
  }
  template <class... T>
  void put(const std::variant<T...>& value) {
    put(static_cast<std::uint8_t>(value.index()));
    std::visit([this](const auto& alternative) { this->put(alternative); }, value);
  }

  std::string out_;
};

/// Reads what an `Encoder` wrote, and nothing else: what it accepts encodes to the same bytes again. Memory is bounded by the input's
/// length times a small constant, as lists grow only by items that were there.
class Decoder {
 public:
  explicit Decoder(std::string_view bytes) : rest_(bytes) {}
  template <class T>
  Decoder& operator()(T& value) {
    if (good_) get(value);
    return *this;
  }
  /// Whether all was well so far and nothing is left.
  bool finished() const { return good_ && rest_.empty(); }

 private:
  template <class T>
  void get(T& value) {
    if constexpr (std::is_enum_v<T>) {
      std::uint8_t number = 0;
      get(number);
      value = static_cast<T>(number);
      if (number > static_cast<std::uint8_t>(T::kLast)) good_ = false;
    } else if constexpr (std::same_as<T, bool>) {
      std::uint8_t number = 0;
      get(number);
      value = number == 1;
      if (number > 1) good_ = false;
    } else if constexpr (std::unsigned_integral<T>) {
      value = 0;
      const std::string_view bytes = next(sizeof(T));
      for (std::size_t i = 0; i < bytes.size(); ++i)
        value |= static_cast<T>(static_cast<T>(static_cast<std::uint8_t>(bytes[i])) << (8 * i));
    } else {
      describe(*this, value);
    }
  }
  void get(std::string& text) {
    std::uint32_t size = 0;
    get(size);
    text = next(size);
  }
  template <std::size_t N>
  void get(std::array<std::uint8_t, N>& bytes) {
    const std::string_view found = next(N);
    if (good_) std::memcpy(bytes.data(), found.data(), N);
  }
  template <class Tag>
  void get(Id<Tag>& id) {
    std::uint64_t number = 0;
    get(number);
    id = Id<Tag>(number);
  }
  template <class T>
  void get(std::optional<T>& value) {
    bool there = false;
    get(there);
    value.reset();
    if (there && good_) get(value.emplace());
  }
  template <class T>
  void get(std::vector<T>& list) {
    std::uint32_t count = 0;
    get(count);
    list.clear();
    if (count > rest_.size()) good_ = false;  // every item takes a byte at least
    for (std::uint32_t i = 0; good_ && i < count; ++i) get(list.emplace_back());
  }
  template <class T, std::size_t N>
  void get(boost::container::static_vector<T, N>& list) {
    std::uint32_t count = 0;
    get(count);
    list.clear();
    if (count > N) good_ = false;
    for (std::uint32_t i = 0; good_ && i < count; ++i) get(list.emplace_back());
  }
  template <class... T>
  void get(std::variant<T...>& value) {
    std::uint8_t index = 0;
    get(index);
    if (index >= sizeof...(T)) good_ = false;
    if (good_) get_alternative(value, index, std::index_sequence_for<T...>());
  }
  template <class V, std::size_t... I>
  void get_alternative(V& value, std::size_t index, std::index_sequence<I...>) {
    ((index == I ? get(value.template emplace<I>()) : void()), ...);
  }
  std::string_view next(std::size_t size) {
    if (!good_ || size > rest_.size()) {
      good_ = false;
      return {};
    }
    const std::string_view found = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return found;
  }

  std::string_view rest_;
  bool good_ = true;
};

template <class T>
std::string encode(const T& value) {
  Encoder encoder;
  encoder(value);
  return encoder.take();
}

/// Errors   kInvalidArgument: not the encoding of a `T`
template <class T>
Result<T> decode(std::string_view bytes) {
  Decoder decoder(bytes);
  T value{};
  decoder(value);
  if (!decoder.finished()) return invalid("not a canonical encoding");
  return value;
}

}  // namespace isobar::db
