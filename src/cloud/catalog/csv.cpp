#include "csv.h"

#include <fmt/format.h>

namespace isobar::cloud {

CsvReader::CsvReader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {
  if (text_.starts_with("\xef\xbb\xbf")) at_ = line_start_ = 3;
}

Error CsvReader::error_at(const CsvField& field, std::string_view what) const {
  return invalid(fmt::format("{}:{}:{}: {}", name_, field.line, field.column, what));
}

Result<bool> CsvReader::next(std::vector<CsvField>& fields) {
  fields.clear();
  unescaped_.clear();
  while (!at_end() && at_line_end()) skip_line_end();
  if (at_end()) return false;
  for (;;) {
    TRY_ASSIGN(CsvField read, field());
    fields.push_back(read);
    if (at_end()) return true;
    if (at_line_end()) return skip_line_end(), true;
    advance();  // the comma: a field ends nowhere else
  }
}

Result<CsvField> CsvReader::field() {
  if (!at_end() && text_[at_] == '"') return quoted_field();
  CsvField read = here();
  const std::size_t from = at_;
  for (; !at_end() && text_[at_] != ',' && !at_line_end(); advance()) {
    if (text_[at_] == '"') return error_at(here(), "a quote inside an unquoted field; put the whole field in quotes and double this one");
    if (text_[at_] == '\0') return error_at(here(), "a zero byte; the file is not text");
  }
  read.text = text_.substr(from, at_ - from);
  return read;
}

Result<CsvField> CsvReader::quoted_field() {
  CsvField read = here();
  std::string* unescaped = nullptr;
  std::size_t from = at_ + 1;
  for (advance(); !at_end(); advance()) {
    if (text_[at_] == '\0') return error_at(here(), "a zero byte; the file is not text");
    if (text_[at_] != '"') continue;
    const bool doubled = at_ + 1 < text_.size() && text_[at_ + 1] == '"';
    if (!doubled) break;
    if (!unescaped) unescaped = &unescaped_.emplace_back();
    unescaped->append(text_.substr(from, at_ + 1 - from));
    advance();
    from = at_ + 1;
  }
  if (at_end()) return error_at(read, "this quote is never closed; add the closing quote, or double it if it belongs to the text");
  const std::string_view rest = text_.substr(from, at_ - from);
  if (unescaped) unescaped->append(rest);
  read.text = unescaped ? std::string_view(*unescaped) : rest;
  advance();
  if (!at_end() && text_[at_] != ',' && !at_line_end())
    return error_at(here(), "text after a closing quote; put a comma here, or double the quote before it");
  return read;
}

void CsvReader::advance() {
  if (text_[at_++] == '\n') ++line_, line_start_ = at_;
}

void CsvReader::skip_line_end() {
  if (text_[at_] == '\r') advance();
  advance();
}

}  // namespace isobar::cloud
