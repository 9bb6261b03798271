#pragma once

/// What an event gives to a view, made into the same room again and again. Where the view is nothing but columns of its source, they are
/// taken as they are; otherwise the view makes it.

#include <vector>

#include "features/compiled_view.h"

namespace isobar::features {

/// One thread at a time.
class ContributionMaker {
 public:
  /// view   outlives it. source   the columns of its events
  ContributionMaker(const CompiledView& view, const Schema& source);

  /// Nothing: the event does not count. Else until the next one. Errors   as CompiledView::contribution
  Result<const Contribution*> make(const Row& event);

 private:
  bool take_columns(const Row& event);

  const CompiledView& view_;
  bool columns_alone_;
  std::vector<std::size_t> keys_, newest_;  ///< among the source's columns
  Contribution made_;
};

}  // namespace isobar::features
