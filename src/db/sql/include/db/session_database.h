#pragma once

/// The database behind one client's session.

#include "base/time.h"
#include "db/key_database.h"
#include "db/session.h"

namespace isobar::db {

class SessionDatabase : public KeyDatabase {
 public:
  /// session outlives it. patience  for each call
  SessionDatabase(Session& session, Duration patience) : session_(session), patience_(patience) {}
  std::unique_ptr<KeyTransaction> begin(Access access, std::uint32_t tries) override;

 private:
  Session& session_;
  Duration patience_;
};

}  // namespace isobar::db
