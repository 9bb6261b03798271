#pragma once

/// What comes back from a cloud: a value, or a refusal that keeps the code the cloud gave it, because the code is what tells failover
/// how much of the market is ruled out. Both fit TRY and TRY_ASSIGN; a `Refused` becomes an `Error` wherever a `Result` is returned.

#include <string>
#include <utility>
#include <variant>

#include "base/result.h"

namespace isobar::cloud {

struct Refused : Error {
  Refused(Error error, std::string code) : Error(std::move(error)), provider_code(std::move(code)) {}
  /// Found by ourselves, without a word from the cloud: the code is then the name of ours.
  Refused(const Error& error) : Error(error), provider_code(name_of(error.code())) {}
  Refused context(std::string_view intent) const& {
    Refused told(Error::context(intent), provider_code);
    told.may_have_acted = may_have_acted;
    return told;
  }

  std::string provider_code;    ///< "InsufficientInstanceCapacity"
  bool may_have_acted = false;  ///< nothing was heard of what became of a call that can be made but once
};

struct Nothing {};

template <class T>
class [[nodiscard]] Answer {
 public:
  Answer(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Answer(Refused refused) : state_(std::in_place_index<1>, std::move(refused)) {}
  Answer(const Error& error) : state_(std::in_place_index<1>, Refused(error)) {}

  bool ok() const { return state_.index() == 0; }
  T& value() & { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Refused& error() const { return std::get<1>(state_); }
  bool refused_with(std::string_view provider_code) const { return !ok() && error().provider_code == provider_code; }

 private:
  std::variant<T, Refused> state_;
};

}  // namespace isobar::cloud
