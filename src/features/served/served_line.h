#pragma once

/// The lines of a served log: docs/formats/feature-served.md.

#include <array>
#include <boost/json.hpp>
#include <string>

#include "features/engine.h"
#include "features/row_codec.h"
#include "features/skew.h"

namespace isobar::features {

inline constexpr std::int64_t kServedVersion = 1;
inline constexpr std::string_view kServedEnding = ".jsonl";

/// The first line of a file: in what definition its requests are.
void append_served_head(std::string& out, std::string_view canonical_definition);
/// A request, by a number within the file.
void append_served_request(std::string& out, std::uint64_t number, const RequestPlan& plan);
/// A row of a request. False: it has an input that JSON cannot say, and nothing was appended.
bool append_served_row(std::string& out, std::uint64_t number, const ServedAnswer& answer);

/// The definition that a head has. Errors   kDataLoss: it is none, or of a later version
Result<std::string> read_served_head(const boost::json::object& line);
struct ServedRequestLine {
  std::uint64_t number = 0;
  std::string service;
  std::vector<std::string> features, inputs;
};
/// Errors   kDataLoss
Result<ServedRequestLine> read_served_request(const boost::json::object& line);
/// A row of a request as `plan` has it. Errors   kDataLoss: a value that is none of the plan's
Result<ServedRow> read_served_row(const boost::json::object& line, const RequestPlan& plan);

}  // namespace isobar::features
