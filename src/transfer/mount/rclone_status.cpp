#include "rclone_status.h"

#include <boost/json.hpp>

#include "crypto/encoding.h"

namespace isobar::transfer {

namespace json = boost::json;

namespace {

constexpr auto kAnswerMost = std::chrono::seconds(10);

Result<json::object> ask(const RcloneControl& control, const std::string& what, net::HttpTransport& transport) {
  net::HttpRequest request;
  request.method = "POST";
  TRY_ASSIGN(request.url, net::parse_url(control.url + what));
  request.headers.add("Authorization", "Basic " + crypto::to_base64(control.user + ":" + control.password));
  request.stall_max = kAnswerMost;
  TRY_ASSIGN(const auto answer, transport.fetch(std::move(request)));
  if (!answer.ok()) return unavailable("rclone refuses to tell");
  try {
    return json::parse(answer.body).as_object();
  } catch (const std::exception&) {
    return unavailable("rclone's answer cannot be read");
  }
}

std::uint64_t number(const json::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  return value && value->is_int64() && value->get_int64() > 0 ? static_cast<std::uint64_t>(value->get_int64()) : 0;
}

Result<UploadsLeft> ask_rclone(const MountFolder& folder, net::HttpTransport& transport) {
  TRY_ASSIGN(const auto control, folder.control());
  TRY_ASSIGN(const auto cache, ask(control, "vfs/stats", transport));
  TRY_ASSIGN(const auto totals, ask(control, "core/stats", transport));
  UploadsLeft left{.bytes_sent = number(totals, "bytes") + number(totals, "transfers")};
  if (const auto* disk = cache.if_contains("diskCache"); disk && disk->is_object())
    left.files = number(disk->get_object(), "uploadsInProgress") + number(disk->get_object(), "uploadsQueued");
  return left;
}

}  // namespace

std::uint64_t files_left_in_cache(const MountFolder& folder) {
  std::uint64_t left = 0;
  std::error_code failure;
  for (fs::recursive_directory_iterator at(folder.cache() / "vfsMeta", failure), end; !failure && at != end; at.increment(failure)) {
    if (!at->is_regular_file(failure)) continue;
    const auto text = read_file(at->path());
    left += text.ok() && text->find("\"Dirty\": true") != std::string::npos;
  }
  return left;
}

UploadsLeft uploads_left(const MountFolder& folder, net::HttpTransport& transport) {
  if (const auto asked = ask_rclone(folder, transport); asked.ok()) return *asked;
  return {.files = files_left_in_cache(folder), .kept = folder.is_kept()};
}

}  // namespace isobar::transfer
