#pragma once

/// What SQL stands on: transactions over ordered keys. Here it is the Byzantine database through one client's session; tests also run on
/// one in memory.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "db/client.h"

namespace isobar::db {

struct KeyPage {
  std::vector<std::pair<std::string, std::string>> rows;
  std::optional<std::string> next;  ///< where the rest begins (backward: ends); none: this was all
};

/// Serializable. Owned by one thread; given up when it goes without a commit.
class KeyTransaction {
 public:
  virtual ~KeyTransaction() = default;
  /// In the order of `keys`, which are all different. Errors of all   kConflict: aborted, begin again; kPermissionDenied;
  /// kDeadlineExceeded, kUnavailable: too few replicas answer
  virtual Result<std::vector<ReadValue>> read(std::vector<std::string> keys, ReadFor what_for) = 0;
  /// As much as comes at once.
  virtual Result<KeyPage> scan(const ScanOrder& order) = 0;
  /// That a key is still what it was, unseen: where it is not, `commit` fails. Before anything is read.
  virtual void assume(const std::string& key, const ReadValue& read) = 0;
  /// The end. Errors   kDeadlineExceeded: what became of it is not known
  virtual Status commit(std::vector<Write> writes) = 0;
};

class KeyDatabase {
 public:
  virtual ~KeyDatabase() = default;
  /// tries  how often the same was tried before, in vain. Safe from any thread
  virtual std::unique_ptr<KeyTransaction> begin(Access access, std::uint32_t tries) = 0;
};

}  // namespace isobar::db
