#pragma once

// The members of a request's JSON body, with errors that name them.

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace isobar::features {

/// An object. What the caller does not ask for is ignored, as Feast's server does.
class RequestBody {
 public:
  /// Errors   kInvalidArgument: not JSON (the message says where), or no object
  static Result<RequestBody> parse(std::string_view text);
  static Result<RequestBody> of(boost::json::value value);

  /// nullptr: it is not there, or null.
  const boost::json::value* find(std::string_view member) const;
  /// Errors, of all that follow   kInvalidArgument: of another type, or not there and needed; the message names the member
  Result<std::string> text(std::string_view member) const;
  Result<std::optional<std::string>> optional_text(std::string_view member) const;
  Result<bool> flag(std::string_view member, bool otherwise) const;
  Result<std::optional<double>> optional_number(std::string_view member) const;
  Result<std::vector<std::string>> texts(std::string_view member) const;  ///< not there: none
  /// nullptr: not there.
  Result<const boost::json::object*> object(std::string_view member) const;

 private:
  explicit RequestBody(boost::json::value value) : value_(std::move(value)) {}
  boost::json::value value_;
};

}  // namespace isobar::features
