#pragma once

/// Statements signed one by one, by whoever has a member's key.

#include "db/statements.h"

namespace isobar::db {

/// A statement as its signer would make it, in a batch of its own: for tests, and for liars that own the key.
template <class S>
Attested<S> attest(const S& statement, const ReplicaId& signer, Epoch epoch, const Signer& key) {
  return {signer, statement, sign_alone(statement, signer, epoch, key)};
}

}  // namespace isobar::db
