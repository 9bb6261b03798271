#include "resp_reader.h"

#include <fmt/format.h>

#include <charconv>

namespace isobar::features {

namespace {

constexpr std::size_t kLengthLineMost = 32;
constexpr std::size_t kWordsMost = 1 << 20;

Error violation(std::string what) { return invalid("Protocol error: " + std::move(what)); }

std::optional<std::int64_t> number_in(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Result<std::optional<std::size_t>> RespReader::next(std::string_view bytes) {
  if (bytes.empty()) return std::optional<std::size_t>();
  if (!count_) {
    if (bytes.front() != '*') return inline_command(bytes);
    TRY_ASSIGN(const Found found, header(bytes));
    if (found == Found::kNotYet) return std::optional<std::size_t>();
  }
  while (found_.size() < *count_) {
    TRY_ASSIGN(const Found found, argument(bytes));
    if (found == Found::kNotYet) return std::optional<std::size_t>();
  }
  words_.clear();
  for (const auto& [begin, size] : found_) words_.push_back(bytes.substr(begin, size));
  return std::optional(finish());
}

std::size_t RespReader::finish() {
  found_.clear();
  count_.reset();
  return std::exchange(at_, 0);
}

/// The text from `at_` up to a line's end, which is passed.
Result<RespReader::Found> RespReader::line(std::string_view bytes, std::size_t most, std::string_view& text) {
  const std::size_t end = bytes.substr(0, std::min(bytes.size(), at_ + most)).find('\n', at_);
  if (end == std::string_view::npos) {
    if (bytes.size() - at_ >= most) return violation(fmt::format("a line of {} bytes or more", most));
    return Found::kNotYet;
  }
  text = bytes.substr(at_, end - at_);
  if (text.ends_with('\r')) text.remove_suffix(1);
  at_ = end + 1;
  return Found::kYes;
}

Result<RespReader::Found> RespReader::header(std::string_view bytes) {
  std::string_view text;
  TRY_ASSIGN(const Found found, line(bytes, kLengthLineMost, text));
  if (found == Found::kNotYet) return found;
  const auto count = number_in(text.substr(1));
  if (!count || *count > static_cast<std::int64_t>(kWordsMost)) return violation("invalid multibulk length");
  count_ = static_cast<std::size_t>(std::max<std::int64_t>(*count, 0));
  return Found::kYes;
}

Result<RespReader::Found> RespReader::argument(std::string_view bytes) {
  const std::size_t began = at_;
  std::string_view text;
  TRY_ASSIGN(const Found found, line(bytes, kLengthLineMost, text));
  if (found == Found::kNotYet) return found;
  if (!text.starts_with('$')) return violation(fmt::format("expected '$', got '{}'", text.empty() ? ' ' : text.front()));
  const auto length = number_in(text.substr(1));
  if (!length || *length < 0 || at_ + static_cast<std::size_t>(*length) + 2 > most_)
    return violation(fmt::format("invalid bulk length; a command has {} bytes at most", most_));
  const auto size = static_cast<std::size_t>(*length);
  if (bytes.size() < at_ + size + 2) {
    at_ = began;
    return Found::kNotYet;
  }
  if (bytes.substr(at_ + size, 2) != "\r\n") return violation("a bulk string that is longer than it says");
  found_.emplace_back(at_, size);
  at_ += size + 2;
  return Found::kYes;
}

Result<std::optional<std::size_t>> RespReader::inline_command(std::string_view bytes) {
  std::string_view text;
  TRY_ASSIGN(const Found found, line(bytes, kInlineMost, text));
  if (found == Found::kNotYet) return std::optional<std::size_t>();
  words_.clear();
  while (!text.empty()) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) break;
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
    words_.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return std::optional(finish());
}

}  // namespace isobar::features
