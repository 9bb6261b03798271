#pragma once

/// Where in the source a target's blocks and keys are: what it writes at its start (docs/formats/fuzz-sites.md).

#include <string>
#include <vector>

#include "base/result.h"
#include "fuzz/target_shape.h"

namespace isobar::fuzz {

struct Site {
  std::string function;  ///< demangled; empty: unknown
  std::string file;
  std::uint32_t line = 0, form = 0;

  /// "png_read_row at pngread.c:310"; "?" if nothing is known.
  std::string text() const;
};

class SiteTable {
 public:
  SiteTable() = default;
  /// Errors   kDataLoss: cut short, or of another target
  static Result<SiteTable> parse(std::string_view text, const TargetShape& shape);

  const Site* block(std::uint32_t block) const;
  /// The place of a domain's key, if its keys are places.
  const Site* slot(std::uint32_t slot) const;
  /// What a goal's key is called: a place, or its number.
  std::string name(const TargetShape& shape, Goal goal, std::uint32_t key) const;

 private:
  std::vector<Site> blocks_, slots_;
};

}  // namespace isobar::fuzz
