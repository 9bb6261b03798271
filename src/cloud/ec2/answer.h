#pragma once

/// What comes back from AWS: a value, or a refusal that keeps the code AWS gave it, because the code is what tells failover how
/// much of the market is ruled out. Both fit TRY and TRY_ASSIGN; a `Refused` becomes an `Error` wherever a `Result` is returned.

#include <string>
#include <utility>
#include <variant>

#include "base/result.h"

namespace isobar::cloud::ec2 {

struct Refused : Error {
  Refused(Error error, std::string code) : Error(std::move(error)), aws_code(std::move(code)) {}
  /// Found by ourselves, without a word from AWS: the code is then the name of ours.
  Refused(const Error& error) : Error(error), aws_code(name_of(error.code())) {}
  Refused context(std::string_view intent) const& { return {Error::context(intent), aws_code}; }

  std::string aws_code;  ///< "InsufficientInstanceCapacity"
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
  bool refused_with(std::string_view aws_code) const { return !ok() && error().aws_code == aws_code; }

 private:
  std::variant<T, Refused> state_;
};

}  // namespace isobar::cloud::ec2
