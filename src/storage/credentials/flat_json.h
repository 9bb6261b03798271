#pragma once

/// JSON documents of which a few fields are wanted, as "outer.inner" → text.

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::storage {

class FlatJson {
 public:
  /// Lists are left out; numbers and truth values become text.
  /// Errors   kInvalidArgument: no JSON object. The message never quotes the document: it may hold secrets
  static Result<FlatJson> parse(std::string_view text);
  /// Empty when there is none.
  std::string get(const std::string& path) const;
  /// Errors   kInvalidArgument naming the field that is missing
  Result<std::string> need(const std::string& path) const;

 private:
  std::map<std::string, std::string> fields_;
};

}  // namespace isobar::storage
