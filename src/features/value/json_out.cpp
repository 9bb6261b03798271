#include <fmt/format.h>

#include <cmath>

#include "crypto/encoding.h"
#include "features/json_value.h"
#include "features/timestamp.h"

namespace isobar::features {

namespace {

/// Appends each kind of scalar, and remembers whether one of them had no JSON.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}
  JsonLoss loss() const { return loss_; }

  void operator()(std::monostate) { out_ += "null"; }
  void operator()(bool value) { out_ += value ? "true" : "false"; }
  void operator()(std::uint8_t value) { (*this)(value != 0); }
  void operator()(std::int32_t value) { fmt::format_to(std::back_inserter(out_), "{}", value); }
  void operator()(std::int64_t value) { fmt::format_to(std::back_inserter(out_), "{}", value); }
  void operator()(float value) { number(value); }
  void operator()(double value) { number(value); }
  void operator()(const std::string& value) { append_json_string(out_, value); }
  void operator()(const Bytes& value) { (out_ += '"') += crypto::to_base64(value.data) += '"'; }
  void operator()(Instant value) {
    out_ += '"';
    append_rfc3339(out_, value);
    out_ += '"';
  }
  void operator()(const List& list) {
    std::visit([&](const auto& elements) { array(elements); }, list);
  }

 private:
  template <class T>
  void number(T value) {
    if (!std::isfinite(value)) {
      out_ += "null";
      loss_ = JsonLoss::kNotFinite;
      return;
    }
    const std::size_t start = out_.size();
    fmt::format_to(std::back_inserter(out_), "{}", value);
    // A reader that tells 1 from 1.0 sees the type that the feature has.
    if (out_.find_first_of(".e", start) == std::string::npos) out_ += ".0";
  }
  template <class T>
  void array(const std::vector<T>& elements) {
    out_ += '[';
    for (std::size_t i = 0; i < elements.size(); ++i) {
      if (i > 0) out_ += ',';
      (*this)(elements[i]);
    }
    out_ += ']';
  }

  std::string& out_;
  JsonLoss loss_ = JsonLoss::kNone;
};

template <class Visitor>
void visit_value(const Value& value, Visitor&& visitor) {
  if (value.is_null()) return visitor(std::monostate());
  if (const auto* list = value.get_if<List>()) return visitor(*list);
  switch (value.type().kind) {
    case Kind::kBool: return visitor(value.as<bool>());
    case Kind::kInt32: return visitor(value.as<std::int32_t>());
    case Kind::kInt64: return visitor(value.as<std::int64_t>());
    case Kind::kFloat32: return visitor(value.as<float>());
    case Kind::kFloat64: return visitor(value.as<double>());
    case Kind::kString: return visitor(value.as<std::string>());
    case Kind::kBytes: return visitor(value.as<Bytes>());
    case Kind::kTimestamp: return visitor(value.as<Instant>());
  }
}

template <class T>
bool all_finite(const T& elements) {
  for (const auto& element : elements) {
    if constexpr (std::is_floating_point_v<std::decay_t<decltype(element)>>)
      if (!std::isfinite(element)) return false;
  }
  return true;
}

}  // namespace

JsonLoss append_json(std::string& out, const Value& value) {
  JsonWriter writer(out);
  visit_value(value, writer);
  return writer.loss();
}

void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view kShort = "\"\\\b\f\n\r\t", kLetters = "\"\\bfnrt";
  out += '"';
  for (const char c : text) {
    if (const auto at = kShort.find(c); at != std::string_view::npos) (out += '\\') += kLetters[at];
    else if (static_cast<unsigned char>(c) < 0x20) fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<int>(c));
    else out += c;
  }
  out += '"';
}

std::string_view name_of(FieldStatus status) {
  switch (status) {
    case FieldStatus::kInvalid: return "INVALID";
    case FieldStatus::kPresent: return "PRESENT";
    case FieldStatus::kNullValue: return "NULL_VALUE";
    case FieldStatus::kNotFound: return "NOT_FOUND";
    case FieldStatus::kOutsideMaxAge: return "OUTSIDE_MAX_AGE";
  }
  return "INVALID";
}

FieldStatus status_of(const Value& value) {
  if (value.is_null()) return FieldStatus::kNullValue;
  bool finite = true;
  if (const auto* list = value.get_if<List>()) finite = std::visit([](const auto& elements) { return all_finite(elements); }, *list);
  else if (value.type().is_float()) finite = std::isfinite(value.as_float());
  return finite ? FieldStatus::kPresent : FieldStatus::kInvalid;
}

}  // namespace isobar::features
