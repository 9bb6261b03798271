#pragma once

/// Identities that do not mix: `using JobId = Id<struct JobTag>;` is a number that no other id converts to.

#include <fmt/format.h>

#include <compare>
#include <cstdint>
#include <functional>

namespace isobar {

template <class Tag>
class Id {
 public:
  constexpr Id() = default;
  explicit constexpr Id(std::uint64_t value) : value_(value) {}
  constexpr std::uint64_t value() const { return value_; }
  friend constexpr auto operator<=>(Id, Id) = default;

 private:
  std::uint64_t value_ = 0;
};

}  // namespace isobar

template <class Tag>
struct std::hash<isobar::Id<Tag>> {
  std::size_t operator()(isobar::Id<Tag> id) const noexcept { return std::hash<std::uint64_t>{}(id.value()); }
};

template <class Tag>
struct fmt::formatter<isobar::Id<Tag>> : fmt::formatter<std::uint64_t> {
  template <class Context>
  auto format(isobar::Id<Tag> id, Context& context) const {
    return fmt::formatter<std::uint64_t>::format(id.value(), context);
  }
};
