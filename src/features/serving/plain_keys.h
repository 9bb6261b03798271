#pragma once

// Keys that are no view's: strings and hashes that Redis clients set and get, Feast's own online store among them.

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/time.h"
#include "features/store.h"

namespace isobar::features {

struct PlainValue {
  using Hash = std::map<std::string, std::string, std::less<>>;
  std::variant<std::string, Hash> content;
  std::optional<Instant> expires;  ///< from then on it is not there
  friend bool operator==(const PlainValue&, const PlainValue&) = default;

  const Hash* hash() const { return std::get_if<Hash>(&content); }
  Hash* hash() { return std::get_if<Hash>(&content); }
  const std::string* text() const { return std::get_if<std::string>(&content); }
};

/// What was written is durable from some point on: tickets are given in the order in which that comes. 0: there is nothing to wait for.
using Ticket = std::uint64_t;

/// All calls are safe from any thread.
class PlainKeys {
 public:
  static constexpr std::size_t kValueMost = 16 << 20;  ///< bytes of a value, as it is stored
  virtual ~PlainKeys() = default;

  /// Shows the value, nullptr where there is none, while nobody changes it. Returns the ticket of its last change: before that is reached
  /// nobody should be told of it.
  virtual Ticket read(std::string_view key, const std::function<void(const PlainValue*)>& look) const = 0;
  /// Lets the value be changed, made or taken away (none). Returns 0 where `edit` left it as it was.
  /// Errors   kInvalidArgument: it became too long; kExhausted: too much waits; kUnavailable: the store cannot be written any more. Then
  /// the
  ///          value is as before
  virtual Result<Ticket> write(std::string_view key, const std::function<void(std::optional<PlainValue>&)>& edit) = 0;

  struct Page {
    std::vector<std::string> keys;
    std::uint64_t cursor = 0;  ///< where to go on; 0: at the end
    Ticket ticket = 0;
  };
  /// Some `count` keys from a cursor on. From 0 to the end, a key that was there all the time is told at least once.
  virtual Page scan(std::uint64_t cursor, std::size_t count) const = 0;
  virtual std::size_t size() const = 0;
  /// Lets go of what expired, in a part of the keys; each call takes the next part. Cost   O(keys / 64)
  virtual void forget_expired() = 0;

  virtual bool durable(Ticket ticket) const = 0;
  /// Calls back, from a thread of its own, when the ticket is reached, or will never be. Errors   as Store::submit's future
  virtual void when_durable(Ticket ticket, std::function<void(Status)> done) = 0;
};

/// In memory, and written through to a view that the engine keeps in its store for them ("#plain"), a state for each key.
/// store, clock   outlive it
/// Errors   kNotFound: the store has no such view; kUnavailable, kDataLoss: they cannot be read
Result<std::unique_ptr<PlainKeys>> open_plain_keys(Store& store, const Clock& clock);

/// A value as it is stored. Errors   kDataLoss
std::string encode_plain(const PlainValue& value);
Result<PlainValue> decode_plain(std::string_view bytes);

}  // namespace isobar::features
