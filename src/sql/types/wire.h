#pragma once

/// Integers in the protocol's order of bytes, big-endian.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "sql/error.h"

namespace isobar::sql {

template <class Unsigned>
void put_big_endian(std::string& out, Unsigned value) {
  char bytes[sizeof(Unsigned)];
  for (std::size_t place = 0; place < sizeof bytes; ++place) bytes[place] = static_cast<char>(value >> (8 * (sizeof bytes - 1 - place)));
  out.append(bytes, sizeof bytes);
}
inline void put_u16(std::string& out, std::uint16_t value) { put_big_endian(out, value); }
inline void put_u32(std::string& out, std::uint32_t value) { put_big_endian(out, value); }
inline void put_u64(std::string& out, std::uint64_t value) { put_big_endian(out, value); }

/// Of the bytes from `place` on, which are there.
template <class Unsigned>
Unsigned get_big_endian(std::string_view bytes, std::size_t place) {
  Unsigned value = 0;
  for (std::size_t next = 0; next < sizeof(Unsigned); ++next)
    value = static_cast<Unsigned>(value << 8 | static_cast<unsigned char>(bytes[place + next]));
  return value;
}
inline std::uint16_t get_u16(std::string_view bytes, std::size_t place) { return get_big_endian<std::uint16_t>(bytes, place); }
inline std::uint32_t get_u32(std::string_view bytes, std::size_t place) { return get_big_endian<std::uint32_t>(bytes, place); }
inline std::uint64_t get_u64(std::string_view bytes, std::size_t place) { return get_big_endian<std::uint64_t>(bytes, place); }

inline SqlError short_message() { return {state::kProtocolViolation, "insufficient data left in message"}; }

}  // namespace isobar::sql
