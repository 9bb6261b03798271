#pragma once

/// The places (regions, projects, accounts) in which something of ours may be: a file with one name a line, written before the first
/// machine is made there, so that nothing is ever forgotten because a crash came between. Asking everywhere instead would take
/// seconds, and who never used a cloud is not asked to sign in to it.
/// Values; safe from any thread, and between processes.

#include <set>
#include <string>

#include "base/file.h"

namespace isobar::cloud {

class PlacesUsed {
 public:
  explicit PlacesUsed(fs::path file) : file_(std::move(file)) {}
  /// On disk when it returns.
  Status add(const std::string& place) const;
  Result<std::set<std::string>> read() const;

 private:
  fs::path file_;
};

}  // namespace isobar::cloud
