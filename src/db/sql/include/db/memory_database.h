#pragma once

/// A serializable database in memory, by optimistic validation: for tests of what stands on it.

#include <map>
#include <mutex>

#include "db/key_database.h"

namespace isobar::db {

class MemoryDatabase : public KeyDatabase {
 public:
  std::unique_ptr<KeyTransaction> begin(Access access, std::uint32_t tries) override;
  std::size_t size() const;

 private:
  friend class MemoryTransaction;
  mutable std::mutex mutex_;
  std::map<std::string, ReadValue> keys_;  // guarded by mutex_; deleted ones are kept
  std::uint64_t time_ = 0;                 // guarded by mutex_
};

}  // namespace isobar::db
