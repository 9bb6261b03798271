#pragma once

// An S3 in memory that misbehaves as a test tells it to. It checks what it is sent as the real one does (the body's SHA-256 and
// CRC-32C), pins reads by If-Match, knows uploads in parts, and tells CRC-32C of what it holds. Loopback, port 0.

#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/time.h"

namespace isobar::faults {

struct S3Request {
  std::string method, bucket, key;
  std::map<std::string, std::string> query, headers;  // names of headers in lower case
  std::string body;
  std::string header(const std::string& name) const;
  bool asks(const std::string& parameter) const { return query.count(parameter) != 0; }
  bool is_get() const { return method == "GET" && !key.empty() && !asks("uploadId") && !asks("tagging"); }
  bool is_list() const { return method == "GET" && key.empty() && asks("list-type"); }
  bool is_put() const { return method == "PUT" && !key.empty(); }
  bool is_part() const { return is_put() && asks("partNumber"); }
};

/// What happens to one request.
struct Fault {
  int status = 0;  ///< answered instead of acting; 0: none
  std::string code;
  int retry_after_s = 0;
  enum class Body { kWhole, kCut, kStalled, kSlow, kFlipped } body = Body::kWhole;  ///< of the answer
  Duration delay{};                                                                 ///< before the answer
  bool hang_up = false;                                                             ///< without an answer
  bool act_first = false;                                                           ///< do it, then answer as above
  bool lose = false;                                                                ///< say that it is stored, and forget it
  bool flip_request = false;                                                        ///< a bit of the body changes on the way to the store
};

struct S3Object {
  std::string bytes, etag, content_type;
  std::uint32_t crc32c = 0;
  std::map<std::string, std::string> headers;  // x-amz-meta-… and what else describes it
};

class S3Server {
  mutable Mutex mutex_;

 public:
  S3Server();
  ~S3Server();

  /// Asked for each request, before it is served and under the server's lock.
  void script(std::function<Fault(const S3Request&)> script);
  void behave() { script(nullptr); }
  std::string endpoint() const { return "http://127.0.0.1:" + std::to_string(port_); }

  void put(const std::string& key, std::string bytes);
  /// The headers of an object that is there.
  void describe(const std::string& key, std::map<std::string, std::string> headers);
  void remove(const std::string& key);
  std::map<std::string, S3Object> objects() const;
  std::size_t uploads() const;
  /// For scripts: as if some client had asked for it.
  void start_upload_under_lock(const std::string& key) REQUIRES(mutex_);
  /// How many requests so far satisfy the condition.
  std::size_t count(const std::function<bool(const S3Request&)>& condition) const;
  void forget_requests();
  /// The most requests that were being answered at one time.
  int at_once_most() const { return at_once_most_; }
  bool tells_checksums = true;  ///< set before the first request
  int keys_per_page = 1000;

 private:
  struct Upload {
    std::string key;
    std::int64_t started = 0;  // seconds
    S3Object properties;
    std::map<int, S3Object> parts;
  };
  struct Answer {
    int status = 200;
    std::map<std::string, std::string> headers;
    std::string body;
    std::size_t content_length = 0;  // of an answer to HEAD, which has no body
  };

  void accept_all();
  bool serve_one(int fd, std::string& left_over);
  bool send(int fd, const S3Request& request, const Fault& fault, const Answer& answer);
  static Answer refusal(int status, const std::string& code);
  Answer act(const S3Request& request) REQUIRES(mutex_);
  Answer act_on_bucket(const S3Request& request) REQUIRES(mutex_);
  Answer act_on_object(const S3Request& request) REQUIRES(mutex_);
  Answer act_on_upload(const S3Request& request) REQUIRES(mutex_);
  Answer list(const S3Request& request) const REQUIRES(mutex_);
  Answer copy(const S3Request& request) REQUIRES(mutex_);
  Answer get(const S3Request& request) const REQUIRES(mutex_);
  Answer remove_batch(const S3Request& request) REQUIRES(mutex_);
  Answer complete(const S3Request& request, Upload upload) REQUIRES(mutex_);
  std::map<std::string, std::string> headers_of(const S3Object& object, bool whole) const;

  Fd listener_;
  std::uint16_t port_ = 0;
  std::function<Fault(const S3Request&)> script_ GUARDED_BY(mutex_);
  std::map<std::string, S3Object> objects_ GUARDED_BY(mutex_);
  std::map<std::string, Upload> uploads_ GUARDED_BY(mutex_);
  std::vector<S3Request> requests_ GUARDED_BY(mutex_);
  int next_upload_ GUARDED_BY(mutex_) = 1;
  std::atomic<bool> closing_ = false;
  std::atomic<int> at_once_ = 0, at_once_most_ = 0;
  std::list<std::pair<std::thread, Fd>> served_;
  std::thread acceptor_;
};

}  // namespace isobar::faults
