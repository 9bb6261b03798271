#pragma once

/// Failure as a value. `Result<T>` holds a `T` or an `Error`; it has the shape of `std::expected`, is `[[nodiscard]]`,
/// and gathers context on the way out, so that a message reads as a sentence from intent to cause. Where a field has errors of its own
/// (SQL), `Result<T, E>` holds those: any type with a `message`.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"

namespace isobar {

/// What the *caller* does about it.
enum class Code {
  kInvalidArgument,   ///< corrects the call
  kNotFound,          ///< decides; often not an error
  kAlreadyExists,     ///< decides; often not an error
  kConflict,          ///< restarts the transaction
  kPermissionDenied,  ///< stops, tells the user
  kUnavailable,       ///< retries with backoff
  kDeadlineExceeded,  ///< gives up, or asks for longer
  kExhausted,         ///< sheds load, then retries
  kDataLoss,          ///< stops, tells the operator
};

/// "invalid_argument" and so on: stable, for machines.
std::string_view name_of(Code code);

class [[nodiscard]] Error {
 public:
  Error(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  /// How long whoever refused asked to be left alone; zero: it did not say.
  std::chrono::nanoseconds retry_after() const { return retry_after_; }
  Error with_retry_after(std::chrono::nanoseconds wait) && {
    retry_after_ = wait;
    return std::move(*this);
  }

  /// The same error told from one step further out: "load manifest: " + what was said before.
  Error context(std::string_view intent) const& {
    return Error(code_, std::string(intent) + ": " + message_).with_retry_after(retry_after_);
  }

 private:
  Code code_;
  std::string message_;
  std::chrono::nanoseconds retry_after_{0};
};

inline Error invalid(std::string message) { return {Code::kInvalidArgument, std::move(message)}; }
inline Error not_found(std::string message) { return {Code::kNotFound, std::move(message)}; }
inline Error unavailable(std::string message) { return {Code::kUnavailable, std::move(message)}; }

/// The Error for a failed system call: `doing` says what was tried, errno's text says why.
Error errno_error(std::string_view doing);
Error errno_error(std::string_view doing, int error_number);

template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return require(), std::get<0>(state_); }
  const T& value() const& { return require(), std::get<0>(state_); }
  T&& value() && { return require(), std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  T value_or(T other) const& { return ok() ? std::get<0>(state_) : std::move(other); }

  const E& error() const {
    CHECK(!ok());
    return std::get<1>(state_);
  }
  Result context(std::string_view intent) && { return ok() ? std::move(*this) : Result(error().context(intent)); }

  template <class F>
  auto and_then(F&& next) && -> std::invoke_result_t<F, T&&> {
    if (!ok()) return error();
    return std::forward<F>(next)(std::get<0>(std::move(state_)));
  }

 private:
  void require() const {
    if (!ok()) check_failed("Result holds a value", "error", std::get<1>(state_).message(), __FILE__, __LINE__);
  }
  std::variant<T, E> state_;
};

template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  using value_type = void;
  Result() = default;
  Result(E error) : error_(std::move(error)) {}

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  const E& error() const {
    CHECK(!ok());
    return *error_;
  }
  Result context(std::string_view intent) && { return ok() ? Result() : Result(error_->context(intent)); }

 private:
  std::optional<E> error_;
};

using Status = Result<void>;

}  // namespace isobar

#define ISOBAR_CONCAT_INNER(a, b) a##b
#define ISOBAR_CONCAT(a, b) ISOBAR_CONCAT_INNER(a, b)

/// TRY(expr): leaves the function with the error of a `Result`, else goes on.
#define TRY(...)                                                      \
  do {                                                                \
    auto isobar_status = (__VA_ARGS__);                               \
    if (!isobar_status.ok()) return std::move(isobar_status).error(); \
  } while (false)

/// TRY_ASSIGN(auto x, expr): x becomes the value, or the function is left with the error.
#define TRY_ASSIGN(target, ...) ISOBAR_TRY_ASSIGN(ISOBAR_CONCAT(isobar_result_, __COUNTER__), target, __VA_ARGS__)
#define ISOBAR_TRY_ASSIGN(name, target, ...)      \
  auto name = (__VA_ARGS__);                      \
  if (!name.ok()) return std::move(name).error(); \
  target = std::move(name).value()
