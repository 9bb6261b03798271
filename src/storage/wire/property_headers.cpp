#include "storage/property_headers.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "base/text.h"
#include "crypto/encoding.h"

namespace isobar::storage {

namespace {

using Field = std::pair<std::string_view, std::string Properties::*>;
constexpr std::array<Field, 5> kStandard = {{{"Content-Type", &Properties::content_type},
                                             {"Content-Encoding", &Properties::content_encoding},
                                             {"Content-Language", &Properties::content_language},
                                             {"Content-Disposition", &Properties::content_disposition},
                                             {"Cache-Control", &Properties::cache_control}}};

bool is_token(std::string_view name) {
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!plain && std::string_view("!#$%&'*+-.^_`|~").find(c) == std::string_view::npos) return false;
  }
  return !name.empty();
}

Status check_value(std::string_view name, std::string_view value) {
  for (const char c : value)
    if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f)
      return invalid(fmt::format("the value of '{}' holds a control character, which no header can carry", name));
  return {};
}

Status add(net::Headers& headers, std::string name, const std::string& value) {
  if (value.empty()) return {};
  TRY(check_value(name, value));
  headers.add(std::move(name), value);
  return {};
}

// "Q" of RFC 2047: =41 is a byte, _ a blank.
std::string decode_q(std::string_view text) {
  std::string bytes;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '=' && i + 2 < text.size()) {
      if (const auto byte = crypto::from_hex(text.substr(i + 1, 2)); byte.ok()) {
        bytes += *byte;
        i += 2;
        continue;
      }
    }
    bytes += text[i] == '_' ? ' ' : text[i];
  }
  return bytes;
}

}  // namespace

Status add_property_headers(net::Headers& headers, const Properties& properties, const PropertyNames& names) {
  for (const auto& [name, field] : kStandard) TRY(add(headers, std::string(names.standard_prefix) + std::string(name), properties.*field));
  if (names.expires) TRY(add(headers, std::string(names.standard_prefix) + "Expires", properties.expires));
  if (!names.storage_class.empty()) TRY(add(headers, std::string(names.storage_class), properties.storage_class));
  for (const auto& [name, value] : properties.metadata) {
    if (!is_token(name)) return invalid(fmt::format("'{}' cannot be the name of a header, as which metadata travels", name));
    TRY(check_value(name, value));
    headers.add(std::string(names.metadata_prefix) + name, value);
  }
  return {};
}

Properties read_property_headers(const net::Headers& headers, const PropertyNames& names) {
  Properties properties;
  for (const auto& [name, field] : kStandard) properties.*field = headers.get(name);
  if (names.expires) properties.expires = headers.get("Expires");
  if (!names.storage_class.empty()) properties.storage_class = headers.get(names.storage_class);
  for (const auto& [name, value] : headers) {
    const std::string lower = to_lower(name);
    if (lower.starts_with(names.metadata_prefix)) properties.metadata[lower.substr(names.metadata_prefix.size())] = decode_words(value);
  }
  return properties;
}

std::string tags_as_query(const std::map<std::string, std::string>& tags) {
  net::QueryParameters parameters(tags.begin(), tags.end());
  return net::encode_query(parameters);
}

std::string decode_words(std::string_view value) {
  std::string bytes;
  for (std::string_view rest = value; !rest.empty();) {
    if (!bytes.empty()) rest = trim(rest);
    const std::string lower = to_lower(rest.substr(0, 10));
    const auto end = rest.size() > 10 ? rest.find("?=", 10) : rest.npos;
    if (!lower.starts_with("=?utf-8?") || lower.size() < 10 || lower[9] != '?' || end == rest.npos) return std::string(value);
    const std::string_view word = rest.substr(10, end - 10);
    if (lower[8] == 'b') {
      const auto decoded = crypto::from_base64(word);
      if (!decoded.ok()) return std::string(value);
      bytes += *decoded;
    } else if (lower[8] == 'q') {
      bytes += decode_q(word);
    } else {
      return std::string(value);
    }
    rest.remove_prefix(end + 2);
  }
  return bytes.empty() ? std::string(value) : bytes;
}

}  // namespace isobar::storage
