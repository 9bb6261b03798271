#pragma once

/// The regions in which something of ours may be: a file with one name a line, written before the first machine is made there, so
/// that nothing is ever forgotten because a crash came between. Asking all thirty regions instead would take seconds.
/// Values; safe from any thread, and between processes.

#include <set>
#include <string>

#include "base/file.h"

namespace isobar::cloud::ec2 {

class RegionsUsed {
 public:
  explicit RegionsUsed(fs::path file) : file_(std::move(file)) {}
  /// On disk when it returns.
  Status add(const std::string& region) const;
  Result<std::set<std::string>> read() const;

 private:
  fs::path file_;
};

}  // namespace isobar::cloud::ec2
