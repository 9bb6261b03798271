#include "storage/http_source.h"

#include <fmt/format.h>

#include "base/text.h"
#include "storage/property_headers.h"
#include "storage/refusal.h"
#include "storage/stamps.h"

namespace isobar::storage {

namespace {

constexpr int kRedirectsMost = 5;
constexpr std::string_view kEtag = "etag:", kChanged = "changed:";

// A weak ETag says that two contents mean the same, not that they are the same bytes.
std::string version_of(const net::Headers& headers) {
  const auto etag = headers.get("ETag");
  if (!etag.empty() && !etag.starts_with("W/")) return std::string(kEtag) + std::string(etag);
  const auto changed = headers.get("Last-Modified");
  return changed.empty() ? std::string() : std::string(kChanged) + std::string(changed);
}

std::string target_of(std::string_view key) {
  std::string target = "/";
  for (const char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= ' ' || byte >= 0x7f || std::string_view("\"<>\\^`{|}#").find(c) != std::string_view::npos)
      target += net::percent_encode(std::string_view(&c, 1));
    else target += c;
  }
  return target;
}

// "https://host/path", "//host/path", "/path" or "path", as seen from `from`.
Result<net::Url> resolve(const net::Url& from, std::string_view location) {
  if (location.starts_with("//")) return net::parse_url(from.scheme + ":" + std::string(location));
  if (location.find("://") != location.npos) return net::parse_url(location);
  net::Url url = from;
  const std::string path = url.target.substr(0, url.target.find('?'));
  url.target = location.starts_with('/') ? std::string(location) : path.substr(0, path.rfind('/') + 1) + std::string(location);
  return net::parse_url(url.text());
}

class HttpSource final : public Store {
 public:
  HttpSource(std::string base, net::Url url, net::HttpTransport& transport, const Clock& clock)
      : base_(std::move(base)), url_(std::move(url)), transport_(transport), clock_(clock) {}

  Location location() const override { return {Kind::kHttp, "", base_, ""}; }
  Limits limits() const override {
    Limits limits;
    limits.writable = limits.tags = limits.list_from_key = false;
    limits.key_bytes_most = 8000;
    return limits;
  }

  void head(std::string key, bool /*with_tags*/, Done<ObjectHead> done) override {
    ask("HEAD", key, {}, {}, [this, key, done](const Result<net::HttpResponse>& response) {
      if (!response.ok()) return done(response.error());
      const auto bytes = parse_count(response->headers.get("Content-Length"));
      if (response->ok() && bytes.ok()) return done(read_head(key, *response, *bytes));
      if (!response->ok() && response->status != 405 && response->status != 501) return done(error(key, *response));
      // Some answer HEAD badly, or not at all; the first byte's answer tells as much.
      const auto room = std::make_shared<char>();
      ask("GET", key, {{"Range", "bytes=0-0"}}, {room.get(), 1}, [this, key, room, done](const Result<net::HttpResponse>& first) {
        if (!first.ok()) return done(first.error());
        if (first->status == 416) return done(read_head(key, *first, 0));
        if (!first->ok()) return done(error(key, *first));
        const auto extent = extent_of(*first, 0, 1);
        if (!extent.ok()) return done(extent.error().context("get " + text(key)));
        done(read_head(key, *first, *extent));
      });
    });
  }

  void get(GetRequest request, Done<Got> done) override {
    if (request.into.empty())
      return head(request.key, false, [request, done](Result<ObjectHead> head) {
        if (!head.ok()) return done(head.error());
        done(Got{0, std::move(*head)});
      });
    net::Headers headers = {{"Range", fmt::format("bytes={}-{}", request.offset, request.offset + request.into.size() - 1)}};
    if (request.version.starts_with(kEtag)) headers.add("If-Match", request.version.substr(kEtag.size()));
    if (request.version.starts_with(kChanged)) headers.add("If-Unmodified-Since", request.version.substr(kChanged.size()));
    ask("GET", request.key, headers, request.into, [this, request, done](const Result<net::HttpResponse>& response) {
      if (!response.ok()) return done(response.error());
      if (response->status == 416) return beyond_the_end(request, *response, done);
      if (!response->ok()) return done(error(request.key, *response));
      const auto extent = extent_of(*response, request.offset, request.into.size());
      if (!extent.ok()) return done(extent.error().context("get " + text(request.key)));
      ObjectHead head = read_head(request.key, *response, *extent);
      // Many servers ignore the conditions.
      if (!request.version.empty() && head.info.version != request.version)
        return done(Error(Code::kConflict, text(request.key) + " has changed: it is another content by now"));
      done(Got{response->body_bytes, std::move(head)});
    });
  }

  void list(ListRequest request, Done<ListPage> done) override {
    done(invalid(fmt::format("{} cannot be listed: a web server tells single files; name one", text(request.prefix))));
  }
  void put(PutRequest request, Done<PutReceipt> done) override { done(read_only(request.key)); }
  void start_upload(std::string key, Properties, Done<Upload> done) override { done(read_only(key)); }
  void put_part(Upload upload, int, std::uint64_t, std::string_view, Checksums, Done<Part> done) override { done(read_only(upload.key)); }
  void list_parts(Upload upload, int, Done<PartPage> done) override { done(read_only(upload.key)); }
  void complete_upload(Upload upload, std::vector<Part>, std::uint64_t, Properties, Checksums, Done<PutReceipt> done) override {
    done(read_only(upload.key));
  }
  void abort_upload(Upload upload, Done<void> done) override { done(read_only(upload.key)); }
  void list_uploads(std::string prefix, std::string, Done<UploadPage> done) override { done(read_only(prefix)); }
  bool can_copy_from(const Store&) const override { return false; }
  void copy(const Store&, std::string, std::string, std::string key, std::optional<Properties>, Done<PutReceipt> done) override {
    done(read_only(key));
  }
  void copy_part(const Store&, std::string, std::string, std::uint64_t, std::uint64_t, Upload upload, int, Done<Part> done) override {
    done(read_only(upload.key));
  }
  void remove(std::vector<std::string> keys, Done<std::vector<RemoveFailure>> done) override {
    done(read_only(keys.empty() ? "" : keys.front()));
  }
  void set_tags(std::string key, std::map<std::string, std::string>, Done<void> done) override { done(read_only(key)); }
  void make_bucket(Done<void> done) override { done(read_only("")); }
  void remove_bucket(Done<void> done) override { done(read_only("")); }
  void list_buckets(Done<std::vector<BucketInfo>> done) override { done(read_only("")); }

 private:
  std::string text(std::string_view key) const { return base_ + "/" + std::string(key); }
  Error read_only(std::string_view key) const { return invalid(text(key) + " is on a web server, which is a source only"); }

  // Reports every response that is no redirect.
  void ask(std::string method, const std::string& key, net::Headers headers, std::span<char> into, const net::HttpDone& done) {
    net::HttpRequest request;
    request.method = std::move(method);
    request.url = url_;
    request.url.target = target_of(key);
    request.headers = std::move(headers);
    request.headers.add("Accept-Encoding", "identity");  // what is stored, untouched
    request.into = into;
    follow(std::move(request), kRedirectsMost, "get " + text(key), done);
  }

  void follow(net::HttpRequest request, int redirects_left, const std::string& doing, const net::HttpDone& done) {
    const net::HttpRequest sent = request;
    transport_.start(std::move(request), [this, sent, redirects_left, doing, done](Result<net::HttpResponse> response) {
      if (!response.ok()) return done(response.error().context(doing));
      const auto location = response->headers.get("Location");
      if (response->status < 301 || response->status > 308 || response->status == 304 || location.empty()) return done(std::move(response));
      if (redirects_left == 0) return done(invalid(doing + ": it is redirected without end"));
      const auto next = resolve(sent.url, location);
      if (!next.ok()) return done(next.error().context(doing + ": a redirect"));
      if (sent.url.scheme == "https" && next->scheme != "https")
        return done(Error(Code::kPermissionDenied, doing + ": it is redirected from https to http"));
      net::HttpRequest again = sent;
      again.url = *next;
      follow(std::move(again), redirects_left - 1, doing, done);
    });
  }

  void beyond_the_end(const GetRequest& request, const net::HttpResponse& response, const Done<Got>& done) const {
    const auto range = parse_content_range(response.headers.get("Content-Range"));
    if (range.ok() && request.offset < range->whole)
      return done(Error(Code::kDataLoss, "get " + text(request.key) + ": the server refuses a range that it has"));
    ObjectHead head = read_head(request.key, response, range.ok() ? range->whole : 0);
    if (!request.version.empty()) head.info.version = request.version;
    done(Got{0, std::move(head)});
  }

  Error error(const std::string& key, const net::HttpResponse& response) const {
    return error_of({response.status, "", "", ""}, code_of_status(response.status), "get " + text(key),
                    retry_after_of(response.headers, clock_.now()));
  }

  static ObjectHead read_head(std::string key, const net::HttpResponse& response, std::uint64_t bytes) {
    ObjectHead head;
    head.info.key = std::move(key);
    head.info.bytes = bytes;
    head.info.version = version_of(response.headers);
    head.info.etag = response.headers.get("ETag");
    head.info.modified = parse_http_date(response.headers.get("Last-Modified")).value_or(Instant());
    head.properties = read_property_headers(response.headers, {"", "x-isobar-none-", "", true});
    return head;
  }

  const std::string base_;
  const net::Url url_;
  net::HttpTransport& transport_;
  const Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<Store>> make_http_source(std::string base, net::HttpTransport& transport, const Clock& clock) {
  TRY_ASSIGN(net::Url url, net::parse_url(base));
  if (url.target != "/") return invalid(fmt::format("'{}': only a server is expected here, the path is the key", base));
  return std::unique_ptr<Store>(std::make_unique<HttpSource>(std::move(base), std::move(url), transport, clock));
}

}  // namespace isobar::storage
