#pragma once

// The protocol's messages as bytes: integers are big-endian, texts end in a zero, and each message says how long it is.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "db/sql_session.h"

namespace isobar::db {

/// One message under way: its length is filled in at the end.
class MessageWriter {
 public:
  MessageWriter(std::string& out, char type) : out_(out) {
    out_ += type;
    at_ = out_.size();
    out_.append(4, '\0');
  }
  ~MessageWriter() {
    const auto size = static_cast<std::uint32_t>(out_.size() - at_);
    for (int i = 0; i < 4; ++i) out_[at_ + static_cast<std::size_t>(i)] = static_cast<char>(size >> (24 - 8 * i));
  }
  MessageWriter(const MessageWriter&) = delete;
  MessageWriter& operator=(const MessageWriter&) = delete;
  MessageWriter& number(std::int64_t value, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out_ += static_cast<char>(value >> shift);
    return *this;
  }
  MessageWriter& text(std::string_view value) {
    out_ += value.substr(0, value.find('\0'));
    out_ += '\0';
    return *this;
  }
  MessageWriter& bytes(std::string_view value) { return out_ += value, *this; }

 private:
  std::string& out_;
  std::size_t at_ = 0;
};

/// Takes a message apart; once anything is missing, `good` says so and all further is empty.
class MessageReader {
 public:
  explicit MessageReader(std::string_view bytes) : rest_(bytes) {}
  std::int32_t number(int bytes);
  std::string text();
  std::string_view bytes(std::size_t count);
  std::string_view rest() const { return rest_; }
  bool good() const { return good_; }
  /// All was there, and nothing is left.
  bool finished() const { return good_ && rest_.empty(); }

 private:
  std::string_view rest_;
  bool good_ = true;
};

void append_error(std::string& out, const SqlError& error, std::string_view severity);
void append_notice(std::string& out, const Notice& notice);
/// formats  as of Bind
void append_row_description(std::string& out, const std::vector<ResultColumn>& columns, const std::vector<Format>& formats);
void append_data_row(std::string& out, std::span<const std::optional<std::string>> fields);
void append_simple(std::string& out, char type);  ///< of messages that say nothing more

}  // namespace isobar::db
