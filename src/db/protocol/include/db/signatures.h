#pragma once

/// Who can sign, and how signatures are checked. Certificates of one epoch are all of one scheme; the simulator has one that costs hashes
/// alone.

#include <string_view>

#include "db/membership.h"

namespace isobar::db {

enum class SchemeId : std::uint8_t { kEd25519, kSimulated, kLast = kSimulated };

/// Safe from any thread.
class SignatureScheme {
 public:
  virtual ~SignatureScheme() = default;
  virtual SchemeId id() const = 0;
  virtual bool verifies(const PublicKey& key, std::string_view message, const Signature& signature) const = 0;
};

class Signer {
 public:
  virtual ~Signer() = default;
  virtual Signature sign(std::string_view message) const = 0;
};

}  // namespace isobar::db
