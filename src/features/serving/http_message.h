#pragma once

// A request as its handlers see it, and their answer.

#include <functional>
#include <string>
#include <string_view>

#include "net/url.h"

namespace isobar::features {

struct HttpRequest {
  std::string method, path;
  net::QueryParameters query;
  std::string authorization, idempotency_key, content_type, accept;
  std::string body;
};

struct HttpAnswer {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";  ///< "": there is no body
  std::string allow;                              ///< of 405
  std::string authenticate;                       ///< of 401
  int retry_after = 0;                            ///< seconds; 0: not said
};

/// Called once, from any thread.
using HttpDone = std::function<void(HttpAnswer answer)>;
using HttpHandler = std::function<void(HttpRequest request, HttpDone done)>;

/// The answer as bytes. close   says that the connection ends with it. head   without the body itself, which it describes
void append_answer(std::string& out, const HttpAnswer& answer, bool close, bool head);

}  // namespace isobar::features
