#include "connection.h"

namespace isobar::db {

namespace {
constexpr std::size_t kReadBytes = 16384, kStartupMost = 10'000;

std::uint32_t length_at(const std::string& bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return value;
}
}  // namespace

/// Until so many bytes are there and not taken yet.
Status Channel::fill(std::size_t bytes) {
  if (in_.size() - at_ >= bytes) return {};
  if (at_ > 0) in_.erase(0, std::exchange(at_, 0));
  while (in_.size() < bytes) {
    const std::size_t before = in_.size();
    in_.resize(before + std::max(kReadBytes, std::min<std::size_t>(bytes - before, 1U << 20)));
    auto got = stream_.read(in_.data() + before, in_.size() - before);
    in_.resize(before + (got.ok() ? *got : 0));
    if (!got.ok()) return got.error();
    if (*got == 0) return unavailable("the client closed the connection");
  }
  return {};
}

Result<Channel::Message> Channel::next() {
  TRY(fill(5));
  const char type = in_[at_];
  const std::uint32_t length = length_at(in_, at_ + 1);
  if (length < 4 || length > limits_.message_most) return invalid("invalid message length");
  TRY(fill(1 + length));
  const Message message{type, std::string_view(in_).substr(at_ + 5, length - 4)};
  at_ += 1 + length;
  return message;
}

Result<std::string_view> Channel::next_untyped() {
  TRY(fill(4));
  const std::uint32_t length = length_at(in_, at_);
  if (length < 8 || length > kStartupMost) return invalid("invalid length of startup packet");
  TRY(fill(length));
  const std::string_view body = std::string_view(in_).substr(at_ + 4, length - 4);
  at_ += length;
  return body;
}

char Channel::peek() const { return in_.size() - at_ >= 5 ? in_[at_] : '\0'; }

Status Channel::flush() {
  if (out.empty()) return {};
  const Status written = stream_.write(out);
  out.clear();
  return written;
}

SqlStatus WireSink::spill() {
  if (channel_.out.size() < most_) return {};
  sent_ = true;
  start_ = 0;
  if (channel_.flush().ok()) return {};
  gone_ = true;
  return SqlError(sql::state::kConnectionFailure, "the client is gone");
}

SqlStatus WireSink::row(std::span<const std::optional<std::string>> fields) {
  append_data_row(channel_.out, fields);
  return spill();
}

SqlStatus WireSink::begin_copy(Format format, std::size_t columns) {
  copies_ = true;
  MessageWriter message(channel_.out, 'H');
  message.number(static_cast<int>(format), 1).number(static_cast<std::int64_t>(columns), 2);
  for (std::size_t i = 0; i < columns; ++i) message.number(static_cast<int>(format), 2);
  return {};
}

SqlStatus WireSink::copy_data(std::string_view bytes) {
  MessageWriter(channel_.out, 'd').bytes(bytes);
  return spill();
}

void WireSink::parameter_changed(std::string_view name, std::string_view value) { MessageWriter(channel_.out, 'S').text(name).text(value); }

bool WireSink::rewind() {
  if (sent_) return false;
  channel_.out.resize(start_);
  copies_ = false;
  return true;
}

}  // namespace isobar::db
