#include "net/http.h"

#include <strings.h>

#include "base/await.h"

namespace isobar::net {

namespace {
bool same_name(std::string_view a, std::string_view b) { return a.size() == b.size() && ::strncasecmp(a.data(), b.data(), a.size()) == 0; }
}  // namespace

std::string_view Headers::get(std::string_view name) const {
  for (const auto& [key, value] : entries_)
    if (same_name(key, name)) return value;
  return {};
}

bool Headers::has(std::string_view name) const {
  for (const auto& [key, value] : entries_)
    if (same_name(key, name)) return true;
  return false;
}

Result<HttpResponse> HttpTransport::fetch(HttpRequest request) {
  return await_outcome<HttpResponse>([&](HttpDone done) { start(std::move(request), std::move(done)); });
}

}  // namespace isobar::net
