#pragma once

/// From what users write to which key becomes which. The whole rule is this table (docs/TRANSFER.md has it with examples):
///   SRC                      with          DST                               the copy's name
///   one object  p/o                        q                                 q
///   one object  p/o                        q/ , a bucket, a folder there     q/o
///   all below   p or p/      --recursive   q or q/                           q/ + what follows "p/"
///   pattern     p/x*                       q or q/                           q/ + what follows "p/" (the part before the first wildcard,
///                                                                            up to its last slash)
/// "All below p" is what begins with "p/": never "p2/x", and not the object "p". Nothing else of a key is touched: "p//x" becomes "q//x".

#include <string>
#include <string_view>

#include "base/result.h"
#include "storage/location.h"

namespace isobar::transfer {

enum class Shape { kObject, kTree, kPattern };

/// Where to look and what of a key's beginning is dropped.
struct SourceRule {
  Shape shape = Shape::kObject;
  std::string prefix;   ///< list from here; the key itself for one object
  std::string pattern;  ///< of kPattern: the whole key
  bool below = false;   ///< of kPattern: also what lies below a match and a slash
  std::size_t strip = 0;
};

struct TargetRule {
  bool exact = false;  ///< `prefix` is the name itself
  std::string prefix;
};

SourceRule source_rule(std::string_view key, Shape shape);

/// is_folder   DST is known to be a folder or a bucket
TargetRule target_rule(std::string_view key, Shape source_shape, bool is_folder);

std::string target_key(const SourceRule& source, const TargetRule& target, std::string_view source_key);

}  // namespace isobar::transfer
