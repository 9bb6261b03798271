#include "inference.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

namespace isobar::features {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

template <class T>
bool reads_as(std::string_view text) {
  T number{};
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() && end == text.data() + text.size();
}

/// 12, -0.5, 1e9: neither 007, +1, 1. nor inf.
bool is_number(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || !is_digit(text.front()) || !is_digit(text.back())) return false;
  return text.size() == 1 || text.front() != '0' || !is_digit(text[1]);
}

}  // namespace

void Inference::meet(Sort sort) {
  if (sort_ == Sort::kNothing || sort == Sort::kNothing) {
    sort_ = std::max(sort_, sort);
    return;
  }
  const bool numbers = std::max(sort_, sort) == Sort::kFloat64 && std::min(sort_, sort) == Sort::kInt64;
  if (sort_ != sort) sort_ = numbers ? Sort::kFloat64 : Sort::kJson;
}

void Inference::add(const CsvCell& cell) {
  if (cell.text.empty() && !cell.quoted) return;
  if (sort_ == Sort::kText || sort_ == Sort::kJson) return;
  if (!cell.quoted && (cell.text == "true" || cell.text == "false")) return meet(Sort::kBool);
  if (cell.quoted || !is_number(cell.text)) return meet(Sort::kText);
  if (reads_as<std::int64_t>(cell.text)) return meet(Sort::kInt64);
  const bool whole = std::ranges::all_of(cell.text, [](char c) { return is_digit(c) || c == '-'; });
  meet(!whole && reads_as<double>(cell.text) ? Sort::kFloat64 : Sort::kText);
}

void Inference::add(const boost::json::value& value) {
  switch (value.kind()) {
    case boost::json::kind::null: return;
    case boost::json::kind::bool_: return meet(Sort::kBool);
    case boost::json::kind::int64: return meet(Sort::kInt64);
    case boost::json::kind::double_: return meet(Sort::kFloat64);
    case boost::json::kind::string: return meet(Sort::kText);
    default: return meet(Sort::kJson);
  }
}

TableColumn Inference::column(std::string name) const {
  switch (sort_) {
    case Sort::kBool: return {std::move(name), {Kind::kBool}, ""};
    case Sort::kInt64: return {std::move(name), {Kind::kInt64}, ""};
    case Sort::kFloat64: return {std::move(name), {Kind::kFloat64}, ""};
    case Sort::kJson: return {std::move(name), {Kind::kString}, "json"};
    default: return {std::move(name), {Kind::kString}, ""};
  }
}

}  // namespace isobar::features
