#include "copy_state.h"

#include <fmt/format.h>

namespace isobar::db {

namespace {

SqlError bad(std::string text) { return {sql::state::kBadCopyFileFormat, std::move(text)}; }

SqlResult<char> one_character(const sql::ast::Option& option) {
  if (option.value && option.value->size() == 1) return option.value->front();
  return SqlError(sql::state::kFeatureNotSupported, fmt::format("COPY {} must be a single one-byte character", option.name));
}

}  // namespace

SqlResult<CopyOptions> copy_options(const std::vector<sql::ast::Option>& list) {
  using Form = CopyOptions::Form;
  CopyOptions options;
  bool said_null = false, said_delimiter = false, said_escape = false;
  for (const auto& option : list) {
    const bool on = !option.value || (*option.value != "off" && *option.value != "false" && *option.value != "0");
    if (option.name == "format") {
      const std::string form = option.value.value_or("");
      if (form == "csv") options.form = Form::kCsv;
      else if (form == "binary") options.form = Form::kBinary;
      else if (form != "text") return SqlError(sql::state::kInvalidParameterValue, fmt::format("COPY format \"{}\" not recognized", form));
    } else if (option.name == "delimiter") {
      TRY_ASSIGN(options.delimiter, one_character(option));
      said_delimiter = true;
    } else if (option.name == "null") {
      options.null = option.value.value_or("");
      said_null = true;
    } else if (option.name == "header") {
      options.header = on;
    } else if (option.name == "quote") {
      TRY_ASSIGN(options.quote, one_character(option));
      if (!said_escape) options.escape = options.quote;
    } else if (option.name == "escape") {
      TRY_ASSIGN(options.escape, one_character(option));
      said_escape = true;
    } else if (option.name == "encoding") {
      if (option.value && *option.value != "UTF8" && *option.value != "utf8" && *option.value != "UTF-8" && *option.value != "utf-8")
        return SqlError(sql::state::kFeatureNotSupported, fmt::format("encoding \"{}\" is not supported: it is UTF8", *option.value));
    } else if (option.name != "freeze") {
      return SqlError(sql::state::kFeatureNotSupported, fmt::format("COPY option \"{}\" is not supported", option.name));
    }
  }
  if (options.form == Form::kCsv && !said_delimiter) options.delimiter = ',';
  if (options.form == Form::kCsv && !said_null) options.null = "";
  if (options.header && options.form == Form::kBinary)
    return SqlError(sql::state::kFeatureNotSupported, "cannot specify HEADER in BINARY mode");
  return options;
}

namespace {

void append_text_field(std::string& out, const CopyOptions& options, const std::string& field) {
  for (const char c : field) {
    switch (c) {
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += options.delimiter == '\t' ? "\\t" : "\t"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      case '\v': out += "\\v"; break;
      default:
        if (c == options.delimiter) out += '\\';
        out += c;
    }
  }
}

void append_csv_field(std::string& out, const CopyOptions& options, const std::string& field, bool alone) {
  bool quotes = field == options.null || (alone && field == "\\.");
  for (const char c : field) quotes = quotes || c == options.delimiter || c == options.quote || c == '\n' || c == '\r';
  if (!quotes) {
    out += field;
    return;
  }
  out += options.quote;
  for (const char c : field) {
    if (c == options.quote || c == options.escape) out += options.escape;
    out += c;
  }
  out += options.quote;
}

}  // namespace

void append_copy_row(std::string& out, const CopyOptions& options, const CopyFields& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) out += options.delimiter;
    if (!fields[i]) out += options.null;
    else if (options.form == CopyOptions::Form::kCsv) append_csv_field(out, options, *fields[i], fields.size() == 1);
    else append_text_field(out, options, *fields[i]);
  }
  out += '\n';
}

SqlResult<std::optional<CopyFields>> CopyReader::next(bool at_end) {
  if (ended_) return std::optional<CopyFields>();
  // What is read is let go now and then, not row by row.
  constexpr std::size_t kLetGo = 1U << 16;
  if (at_ > kLetGo) rest_.erase(0, std::exchange(at_, 0));
  switch (options_.form) {
    case CopyOptions::Form::kText: return next_text(at_end);
    case CopyOptions::Form::kCsv: return next_csv(at_end);
    default: return next_binary(at_end);
  }
}

SqlResult<std::optional<CopyFields>> CopyReader::next_text(bool at_end) {
  // A newline behind a backslash is part of the row.
  std::size_t end = at_;
  for (;; ++end) {
    end = rest_.find('\n', end);
    if (end == std::string::npos) break;
    std::size_t slashes = 0;
    while (end > at_ + slashes && rest_[end - slashes - 1] == '\\') ++slashes;
    if (slashes % 2 == 0) break;
  }
  if (end == std::string::npos && (!at_end || at_ == rest_.size())) return std::optional<CopyFields>();
  std::string_view row = std::string_view(rest_).substr(at_, end == std::string::npos ? end : end - at_);
  at_ = end == std::string::npos ? rest_.size() : end + 1;
  ++line_;
  if (row.ends_with('\r')) row.remove_suffix(1);
  if (row == "\\.") {
    ended_ = true;
    return std::optional<CopyFields>();
  }
  CopyFields fields;
  std::string field;
  std::size_t began = 0;
  const auto finish = [&](std::size_t until) {
    if (row.substr(began, until - began) == options_.null) fields.emplace_back();
    else fields.emplace_back(std::move(field));
    field.clear();
    began = until + 1;
  };
  const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
  for (std::size_t i = 0; i < row.size(); ++i) {
    const char c = row[i];
    if (c == options_.delimiter) {
      finish(i);
    } else if (c == '\\' && i + 1 < row.size()) {
      const char next = row[++i];
      switch (next) {
        case 'n': field += '\n'; break;
        case 'r': field += '\r'; break;
        case 't': field += '\t'; break;
        case 'b': field += '\b'; break;
        case 'f': field += '\f'; break;
        case 'v': field += '\v'; break;
        case 'x': {
          int value = 0, digits = 0;
          for (; digits < 2 && i + 1 < row.size() && std::isxdigit(static_cast<unsigned char>(row[i + 1])); ++digits) {
            const char d = row[++i];
            value = value * 16 + (d <= '9' ? d - '0' : (d | 0x20) - 'a' + 10);
          }
          field += digits == 0 ? 'x' : static_cast<char>(value);
          break;
        }
        default:
          if (!is_octal(next)) {
            field += next;
            break;
          }
          int value = next - '0';
          for (int digits = 1; digits < 3 && i + 1 < row.size() && is_octal(row[i + 1]); ++digits) value = value * 8 + (row[++i] - '0');
          field += static_cast<char>(value);
      }
    } else {
      field += c;
    }
  }
  finish(row.size());
  return std::optional(std::move(fields));
}

SqlResult<std::optional<CopyFields>> CopyReader::next_csv(bool at_end) {
  CopyFields fields;
  std::string field;
  bool quoted = false, was_quoted = false;
  std::size_t i = at_;
  const auto finish = [&] {
    if (!was_quoted && field == options_.null) fields.emplace_back();
    else fields.emplace_back(std::move(field));
    field.clear();
    was_quoted = false;
  };
  for (; i < rest_.size(); ++i) {
    const char c = rest_[i];
    if (quoted) {
      if (c == options_.escape && i + 1 < rest_.size() && (rest_[i + 1] == options_.quote || rest_[i + 1] == options_.escape))
        field += rest_[++i];
      else if (c == options_.escape && c == options_.quote && i + 1 == rest_.size() && !at_end) return std::optional<CopyFields>();
      else if (c == options_.quote) quoted = false;
      else field += c;
    } else if (c == options_.quote) {
      quoted = was_quoted = true;
    } else if (c == options_.delimiter) {
      finish();
    } else if (c == '\n') {
      break;
    } else if (c != '\r' || (i + 1 < rest_.size() && rest_[i + 1] != '\n')) {
      field += c;
    }
  }
  if (i == rest_.size() && (!at_end || at_ == rest_.size())) return std::optional<CopyFields>();
  if (quoted) return bad("unterminated CSV quoted field");
  ++line_;
  const bool end_mark = fields.empty() && !was_quoted && field == "\\.";
  finish();
  at_ = std::min(i + 1, rest_.size());
  if (!end_mark) return std::optional(std::move(fields));
  ended_ = true;
  return std::optional<CopyFields>();
}

SqlResult<std::optional<CopyFields>> CopyReader::next_binary(bool at_end) {
  const auto number = [&](std::size_t at, int bytes) {
    std::uint32_t value = 0;
    for (int i = 0; i < bytes; ++i) value = value << 8 | static_cast<std::uint8_t>(rest_[at + static_cast<std::size_t>(i)]);
    return value;
  };
  const auto incomplete = [&]() -> SqlResult<std::optional<CopyFields>> {
    if (at_end) return bad("unexpected EOF in COPY data");
    return std::optional<CopyFields>();
  };
  if (!began_) {
    if (rest_.size() < 19) return incomplete();
    if (rest_.compare(0, 11, std::string("PGCOPY\n\xff\r\n\0", 11)) != 0) return bad("COPY file signature not recognized");
    if (rest_.size() < 19 + number(15, 4)) return incomplete();
    at_ = 19 + number(15, 4);
    began_ = true;
  }
  std::size_t at = at_;
  if (rest_.size() - at < 2) return incomplete();
  const std::uint32_t count = number(at, 2);
  at += 2;
  if (count == 0xffff) {
    ended_ = true;
    return std::optional<CopyFields>();
  }
  CopyFields fields;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (rest_.size() - at < 4) return incomplete();
    const std::uint32_t size = number(at, 4);
    at += 4;
    if (size == ~0U) {
      fields.emplace_back();
      continue;
    }
    if (rest_.size() - at < size) return incomplete();
    fields.emplace_back(rest_.substr(at, size));
    at += size;
  }
  at_ = at;
  ++line_;
  return std::optional(std::move(fields));
}

}  // namespace isobar::db
