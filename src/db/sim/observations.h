#pragma once

// What correct clients saw, and whether it can be explained: independent of timestamps, certificates and what replicas hold. Every value is
// written once, so a reader tells whom it read from; and who read a value and wrote the key overwrote it. From these come edges between
// transactions (wr, ww, rw), and one client's transactions follow one another. A cycle cannot be run one after another (Adya '99; the
// inference is that of Elle, VLDB '20).

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "db/ids.h"

namespace isobar::db {

struct Observed {
  std::string name;  ///< for people
  std::map<std::string, std::optional<std::string>> reads, writes;
  /// The one that its client committed before it began this one.
  std::optional<std::size_t> after;
};

class Observations {
 public:
  /// Its place.
  std::size_t committed(Observed observed);
  void aborted(const Observed& observed);
  /// What cannot be explained; empty: everything can.
  std::vector<std::string> unexplained() const;

 private:
  using Written = std::pair<std::string, std::string>;  // key, value
  using Edges = std::vector<std::set<std::size_t>>;
  std::map<Written, std::size_t> writers() const;
  Edges edges() const;

  std::vector<Observed> all_;
  std::map<Written, std::string> never_;  // by whom
};

}  // namespace isobar::db
