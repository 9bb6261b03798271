#include "feast_error.h"

#include "features/json_value.h"

namespace isobar::features {

HttpAnswer feast_error(int status, std::string_view exception, std::string_view message) {
  std::string inner = R"({"module": "feast.errors", "class": )";
  append_json_string(inner, exception);
  inner += R"(, "message": )";
  append_json_string(inner, message);
  inner += '}';
  HttpAnswer answer{.status = status};
  append_json_string(answer.body, inner);
  return answer;
}

HttpAnswer feast_error(const Error& error, std::string_view missing) {
  const auto as = [&](int status, std::string_view exception) { return feast_error(status, exception, error.message()); };
  switch (error.code()) {
    case Code::kInvalidArgument: return as(422, "FeastError");
    case Code::kNotFound: return as(missing == "PushSourceNotFoundException" ? 422 : 404, missing);
    case Code::kAlreadyExists:
    case Code::kConflict: return as(409, "FeastError");
    case Code::kPermissionDenied: return as(403, "FeastPermissionError");
    case Code::kExhausted: {
      HttpAnswer answer = as(429, "FeastError");
      answer.retry_after = 1;
      return answer;
    }
    case Code::kUnavailable:
    case Code::kDeadlineExceeded: return as(503, "FeastError");
    case Code::kDataLoss: return as(500, "FeastError");
  }
  return as(500, "FeastError");
}

}  // namespace isobar::features
