#include "net/http.h"

#include <strings.h>

#include <condition_variable>
#include <mutex>
#include <optional>

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
  std::mutex mutex;
  std::condition_variable changed;
  std::optional<Result<HttpResponse>> outcome;
  start(std::move(request), [&](Result<HttpResponse> result) {
    // Notified under the lock: once the waiter sees the outcome, what is notified here is gone.
    const std::scoped_lock lock(mutex);
    outcome.emplace(std::move(result));
    changed.notify_one();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return outcome.has_value(); });
  return std::move(*outcome);
}

}  // namespace isobar::net
