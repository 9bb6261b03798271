#pragma once

#include <string>
#include <string_view>

namespace isobar::features {

/// Replies of the Redis protocol, in version 2 or 3, which differ in nulls, maps and sets.
class RespWriter {
 public:
  RespWriter(std::string& out, int protocol) : out_(out), protocol_(protocol) {}

  void simple(std::string_view text);
  /// Its first word is the error's kind; what ends lines becomes blanks.
  void error(std::string_view text);
  void integer(std::int64_t number);
  void bulk(std::string_view bytes);
  void null();
  void null_array();
  void array(std::size_t elements) { aggregate('*', elements); }
  /// Keys and values follow in turn. In version 2 it is an array of both.
  void map(std::size_t pairs) { protocol_ == 3 ? aggregate('%', pairs) : aggregate('*', 2 * pairs); }
  int protocol() const { return protocol_; }
  /// The same place, in another version.
  RespWriter in(int protocol) const { return {out_, protocol}; }
  bool failed() const { return failed_; }

 private:
  void aggregate(char kind, std::size_t size);
  std::string& out_;
  int protocol_;
  bool failed_ = false;
};

}  // namespace isobar::features
