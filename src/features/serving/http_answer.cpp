#include <fmt/format.h>

#include "http_message.h"

namespace isobar::features {

namespace {

std::string_view reason_of(int status) {
  switch (status) {
    case 200: return "OK";
    case 202: return "Accepted";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 422: return "Unprocessable Content";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    default: return "Unknown";
  }
}

}  // namespace

void append_answer(std::string& out, const HttpAnswer& answer, bool close, bool head) {
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\ncontent-length: {}\r\n", answer.status, reason_of(answer.status),
                 answer.body.size());
  const auto field = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) out.append(name).append(": ").append(value).append("\r\n");
  };
  field("content-type", answer.body.empty() ? "" : answer.content_type);
  field("allow", answer.allow);
  field("www-authenticate", answer.authenticate);
  field("retry-after", answer.retry_after > 0 ? fmt::to_string(answer.retry_after) : "");
  field("connection", close ? "close" : "");
  out += "\r\n";
  if (!head) out += answer.body;
}

}  // namespace isobar::features
