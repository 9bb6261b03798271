#include "s3_server.h"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/text.h"
#include "base/time.h"
#include "crypto/crc32c.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"
#include "loopback_for_tests.h"
#include "net/url.h"

namespace isobar::faults {

namespace {

std::string decoded(std::string_view text) { return net::percent_decode(text).value_or(std::string(text)); }

// Clients are killed in the midst: no signal then.
bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

S3Object made_of(std::string bytes) {
  S3Object object;
  object.etag = crypto::to_hex(crypto::md5(bytes));
  object.crc32c = crypto::crc32c(bytes);
  object.bytes = std::move(bytes);
  return object;
}

S3Request parse_head(const std::string& head) {
  S3Request request;
  const auto lines = split(head, '\n');
  const auto words = split(trim(lines[0]), ' ');
  request.method = words[0];
  const std::string_view target = words[1];
  const auto mark = target.find('?');
  const std::string path = decoded(target.substr(1, mark == target.npos ? target.npos : mark - 1));
  request.bucket = path.substr(0, path.find('/'));
  if (path.size() > request.bucket.size()) request.key = path.substr(request.bucket.size() + 1);
  if (mark != target.npos) {
    for (const std::string_view pair : split(target.substr(mark + 1), '&')) {
      const auto equals = pair.find('=');
      request.query[decoded(pair.substr(0, equals))] = equals == pair.npos ? "" : decoded(pair.substr(equals + 1));
    }
  }
  for (const std::string_view line : lines) {
    const auto colon = line.find(':');
    if (colon != line.npos) request.headers[to_lower(std::string(line.substr(0, colon)))] = trim(line.substr(colon + 1));
  }
  return request;
}

std::map<std::string, std::string> described_by(const S3Request& request) {
  static const std::set<std::string> kProperties = {"content-type",  "content-encoding", "content-language",   "content-disposition",
                                                    "cache-control", "expires",          "x-amz-storage-class"};
  std::map<std::string, std::string> headers;
  for (const auto& [name, value] : request.headers)
    if (name.starts_with("x-amz-meta-") || kProperties.count(name) != 0) headers[name] = value;
  return headers;
}

// What stands between the tags, each time they come.
std::vector<std::string> texts_of(const std::string& xml, const std::string& tag) {
  std::vector<std::string> found;
  for (auto at = xml.find("<" + tag + ">"); at != xml.npos; at = xml.find("<" + tag + ">", at + 1)) {
    const auto begin = at + tag.size() + 2;
    found.push_back(xml.substr(begin, xml.find("</", begin) - begin));
  }
  return found;
}

}  // namespace

std::string S3Request::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

S3Server::S3Server() {
  listener_ = net::listen_on_loopback(port_);
  acceptor_ = std::thread([this] { accept_all(); });
}

S3Server::~S3Server() {
  closing_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  for (auto& [thread, socket] : served_) {
    ::shutdown(socket.get(), SHUT_RDWR);
    thread.join();
  }
}

void S3Server::script(std::function<Fault(const S3Request&)> script) {
  const MutexLock lock(mutex_);
  script_ = std::move(script);
}

void S3Server::put(const std::string& key, std::string bytes) {
  const MutexLock lock(mutex_);
  objects_[key] = made_of(std::move(bytes));
}

void S3Server::describe(const std::string& key, std::map<std::string, std::string> headers) {
  const MutexLock lock(mutex_);
  objects_.at(key).headers = std::move(headers);
}

void S3Server::remove(const std::string& key) {
  const MutexLock lock(mutex_);
  objects_.erase(key);
}

std::map<std::string, S3Object> S3Server::objects() const {
  const MutexLock lock(mutex_);
  return objects_;
}

std::size_t S3Server::uploads() const {
  const MutexLock lock(mutex_);
  return uploads_.size();
}

std::size_t S3Server::count(const std::function<bool(const S3Request&)>& condition) const {
  const MutexLock lock(mutex_);
  return static_cast<std::size_t>(std::count_if(requests_.begin(), requests_.end(), condition));
}

void S3Server::forget_requests() {
  const MutexLock lock(mutex_);
  requests_.clear();
}

void S3Server::accept_all() {
  for (;;) {
    Fd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) return;
    const int fd = socket.get();
    served_.emplace_back();
    served_.back().second = std::move(socket);
    served_.back().first = std::thread([this, fd] {
      std::string left_over;
      while (serve_one(fd, left_over)) continue;
      ::shutdown(fd, SHUT_RDWR);
    });
  }
}

bool S3Server::serve_one(int fd, std::string& left_over) {
  std::string seen = std::move(left_over);
  char piece[65536];
  const auto more = [&] {
    const ssize_t got = ::recv(fd, piece, sizeof piece, 0);
    if (got > 0) seen.append(piece, static_cast<std::size_t>(got));
    return got > 0;
  };
  while (seen.find("\r\n\r\n") == std::string::npos)
    if (!more()) return false;
  const std::size_t body_at = seen.find("\r\n\r\n") + 4;
  S3Request request = parse_head(seen.substr(0, body_at));
  const std::string length = request.header("content-length");
  const std::size_t end = body_at + (length.empty() ? 0 : std::stoul(length));
  while (seen.size() < end)
    if (!more()) return false;
  request.body = seen.substr(body_at, end - body_at);
  left_over = seen.substr(end);
  Fault fault;
  Answer answer;
  {
    const MutexLock lock(mutex_);
    if (script_) fault = script_(request);
    if (fault.flip_request && !request.body.empty()) request.body[request.body.size() / 2] ^= 1;
    if ((fault.status == 0 && !fault.hang_up) || fault.act_first) answer = act(request);
    if (fault.lose) objects_.erase(request.key);
    request.body.clear();
    requests_.push_back(request);
  }
  int most = at_once_most_;
  for (const int now = ++at_once_; most < now && !at_once_most_.compare_exchange_weak(most, now);) continue;
  std::this_thread::sleep_for(fault.delay);
  --at_once_;
  if (fault.hang_up) return false;
  if (fault.status != 0) answer = refusal(fault.status, fault.code);
  if (fault.retry_after_s > 0) answer.headers["Retry-After"] = std::to_string(fault.retry_after_s);
  return send(fd, request, fault, answer);
}

bool S3Server::send(int fd, const S3Request& request, const Fault& fault, const Answer& answer) {
  std::string body = answer.body;
  if (fault.body == Fault::Body::kFlipped && !body.empty()) body[body.size() / 2] ^= 1;
  std::string head =
      fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n", answer.status, request.method == "HEAD" ? answer.content_length : body.size());
  for (const auto& [name, value] : answer.headers) head += fmt::format("{}: {}\r\n", name, value);
  if (!send_all(fd, head + "\r\n")) return false;
  if (request.method == "HEAD") return true;
  switch (fault.body) {
    case Fault::Body::kWhole:
    case Fault::Body::kFlipped: return send_all(fd, body);
    case Fault::Body::kCut: (void)send_all(fd, body.substr(0, body.size() / 2)); return false;
    case Fault::Body::kStalled:
      (void)send_all(fd, body.substr(0, body.size() / 2));
      // Until whoever waits gives up.
      while (::recv(fd, body.data(), 1, 0) > 0) continue;
      return false;
    case Fault::Body::kSlow:
      for (std::size_t at = 0; at < body.size() && !closing_; at += body.size() / 20 + 1) {
        if (!send_all(fd, body.substr(at, body.size() / 20 + 1))) return false;
        std::this_thread::sleep_for(20ms);
      }
      return true;
  }
  return true;
}

S3Server::Answer S3Server::refusal(int status, const std::string& code) {
  Answer answer;
  answer.status = status;
  answer.body = fmt::format("<Error><Code>{}</Code><Message>as the test says</Message></Error>", code);
  return answer;
}

S3Server::Answer S3Server::act(const S3Request& request) {
  const std::string hash = request.header("x-amz-content-sha256");
  if (!hash.empty() && hash != "UNSIGNED-PAYLOAD" && hash != crypto::to_hex(crypto::sha256(request.body)))
    return refusal(400, "XAmzContentSHA256Mismatch");
  const std::string crc = request.header("x-amz-checksum-crc32c");
  if (request.method == "PUT" && !crc.empty() && crc != crypto::crc32c_to_base64(crypto::crc32c(request.body)))
    return refusal(400, "BadDigest");
  if (request.key.empty()) return act_on_bucket(request);
  if (!request.header("x-amz-copy-source").empty()) return copy(request);
  if (request.asks("uploads") || request.asks("uploadId")) return act_on_upload(request);
  return act_on_object(request);
}

S3Server::Answer S3Server::act_on_bucket(const S3Request& request) {
  if (request.is_list()) return list(request);
  if (request.method == "POST" && request.asks("delete")) return remove_batch(request);
  if (!request.asks("uploads")) return {};
  Answer answer;
  answer.body = "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>";
  for (const auto& [id, upload] : uploads_)
    answer.body += fmt::format("<Upload><Key>{}</Key><UploadId>{}</UploadId><Initiated>{:%FT%T}.000Z</Initiated></Upload>", upload.key, id,
                               fmt::gmtime(static_cast<std::time_t>(upload.started)));
  answer.body += "</ListMultipartUploadsResult>";
  return answer;
}

S3Server::Answer S3Server::list(const S3Request& request) const {
  const auto of = [&](const std::string& name) {
    const auto found = request.query.find(name);
    return found == request.query.end() ? std::string() : found->second;
  };
  const std::string prefix = of("prefix"), after = std::max(of("continuation-token"), of("start-after"));
  Answer answer;
  std::string contents, last;
  int keys = 0;
  bool more = false;
  for (auto it = objects_.upper_bound(after); it != objects_.end(); ++it) {
    if (!it->first.starts_with(prefix)) continue;
    if (keys++ == keys_per_page) {
      more = true;
      break;
    }
    last = it->first;
    contents += fmt::format(
        "<Contents><Key>{}</Key><LastModified>2001-02-03T04:05:06.000Z</LastModified><ETag>&quot;{}&quot;</ETag><Size>{}</Size></Contents>",
        net::percent_encode(it->first, "/"), it->second.etag, it->second.bytes.size());
  }
  answer.body = fmt::format("<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>{}</IsTruncated>{}{}</ListBucketResult>", more,
                            contents, more ? "<NextContinuationToken>" + last + "</NextContinuationToken>" : "");
  return answer;
}

S3Server::Answer S3Server::remove_batch(const S3Request& request) {
  for (const auto& key : texts_of(request.body, "Key")) objects_.erase(key);
  Answer answer;
  answer.body = "<DeleteResult></DeleteResult>";
  return answer;
}

std::map<std::string, std::string> S3Server::headers_of(const S3Object& object, bool whole) const {
  auto headers = object.headers;
  headers["ETag"] = "\"" + object.etag + "\"";
  headers["Last-Modified"] = "Sat, 03 Feb 2001 04:05:06 GMT";
  if (whole && tells_checksums) headers["x-amz-checksum-crc32c"] = crypto::crc32c_to_base64(object.crc32c);
  return headers;
}

S3Server::Answer S3Server::get(const S3Request& request) const {
  const auto found = objects_.find(request.key);
  if (found == objects_.end()) return refusal(404, "NoSuchKey");
  const S3Object& object = found->second;
  const std::string pinned = request.header("if-match");
  if (!pinned.empty() && pinned != "\"" + object.etag + "\"") return refusal(412, "PreconditionFailed");
  Answer answer;
  std::size_t begin = 0, end = object.bytes.size();
  if (const std::string range = request.header("range"); !range.empty()) {
    begin = std::stoul(range.substr(6));
    end = std::min(end, std::stoul(range.substr(range.find('-') + 1)) + 1);
    if (begin >= object.bytes.size()) return refusal(416, "InvalidRange");
    answer.status = 206;
  }
  answer.headers = headers_of(object, begin == 0 && end == object.bytes.size());
  if (answer.status == 206) answer.headers["Content-Range"] = fmt::format("bytes {}-{}/{}", begin, end - 1, object.bytes.size());
  answer.content_length = end - begin;
  if (request.method == "GET") answer.body = object.bytes.substr(begin, end - begin);
  return answer;
}

S3Server::Answer S3Server::copy(const S3Request& request) {
  const std::string source = decoded(request.header("x-amz-copy-source"));
  const auto found = objects_.find(source.substr(source.find('/', 1) + 1));
  if (found == objects_.end()) return refusal(404, "NoSuchKey");
  const std::string pinned = request.header("x-amz-copy-source-if-match");
  if (!pinned.empty() && pinned != "\"" + found->second.etag + "\"") return refusal(412, "PreconditionFailed");
  Answer answer;
  S3Object object = found->second;
  if (request.is_part()) {
    const std::string range = request.header("x-amz-copy-source-range");
    const std::size_t begin = std::stoul(range.substr(6)), end = std::stoul(range.substr(range.find('-') + 1)) + 1;
    object = made_of(object.bytes.substr(begin, end - begin));
    uploads_.at(request.query.at("uploadId")).parts[std::stoi(request.query.at("partNumber"))] = object;
  } else {
    if (request.header("x-amz-metadata-directive") == "REPLACE") object.headers = described_by(request);
    objects_[request.key] = object;
  }
  answer.body = fmt::format("<CopyObjectResult><ETag>&quot;{}&quot;</ETag></CopyObjectResult>", object.etag);
  return answer;
}

S3Server::Answer S3Server::act_on_object(const S3Request& request) {
  if (request.asks("tagging")) {
    Answer answer;
    answer.body = "<Tagging><TagSet></TagSet></Tagging>";
    return answer;
  }
  if (request.method == "GET" || request.method == "HEAD") return get(request);
  Answer answer;
  if (request.method == "DELETE") {
    objects_.erase(request.key);
    answer.status = 204;
    return answer;
  }
  S3Object object = made_of(request.body);
  object.headers = described_by(request);
  answer.headers = headers_of(object, true);
  objects_[request.key] = std::move(object);
  return answer;
}

void S3Server::start_upload_under_lock(const std::string& key) {
  Upload& upload = uploads_[fmt::format("upload-{}", next_upload_++)];
  upload.key = key;
  upload.started = SystemClock().now().unix_nanos() / 1'000'000'000;
}

S3Server::Answer S3Server::act_on_upload(const S3Request& request) {
  Answer answer;
  if (request.asks("uploads")) {
    start_upload_under_lock(request.key);
    const std::string id = fmt::format("upload-{}", next_upload_ - 1);
    uploads_[id].properties.headers = described_by(request);
    answer.body = fmt::format("<InitiateMultipartUploadResult><UploadId>{}</UploadId></InitiateMultipartUploadResult>", id);
    return answer;
  }
  const auto found = uploads_.find(request.query.at("uploadId"));
  if (found == uploads_.end()) return refusal(404, "NoSuchUpload");
  Upload& upload = found->second;
  if (request.method == "PUT") {
    S3Object part = made_of(request.body);
    answer.headers = headers_of(part, true);
    upload.parts[std::stoi(request.query.at("partNumber"))] = std::move(part);
    return answer;
  }
  if (request.method == "DELETE") {
    uploads_.erase(found);
    answer.status = 204;
    return answer;
  }
  if (request.method == "POST") {
    Upload whole = std::move(upload);
    uploads_.erase(found);
    return complete(request, std::move(whole));
  }
  answer.body = "<ListPartsResult><IsTruncated>false</IsTruncated>";
  for (const auto& [number, part] : upload.parts)
    answer.body += fmt::format("<Part><PartNumber>{}</PartNumber><ETag>&quot;{}&quot;</ETag><Size>{}</Size></Part>", number, part.etag,
                               part.bytes.size());
  answer.body += "</ListPartsResult>";
  return answer;
}

S3Server::Answer S3Server::complete(const S3Request& request, Upload upload) {
  std::string bytes, digests;
  for (const auto& number : texts_of(request.body, "PartNumber")) {
    bytes += upload.parts[std::stoi(number)].bytes;
    digests += crypto::md5(upload.parts[std::stoi(number)].bytes);
  }
  S3Object object = made_of(std::move(bytes));
  object.etag = fmt::format("{}-{}", crypto::to_hex(crypto::md5(digests)), upload.parts.size());
  object.headers = upload.properties.headers;
  Answer answer;
  answer.body = fmt::format(
      "<CompleteMultipartUploadResult><ETag>&quot;{}&quot;</ETag><ChecksumCRC32C>{}</ChecksumCRC32C></CompleteMultipartUploadResult>",
      object.etag, crypto::crc32c_to_base64(object.crc32c));
  objects_[upload.key] = std::move(object);
  return answer;
}

}  // namespace isobar::faults
