#pragma once

/// For tests of features, of whatever part.

#include <atomic>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/file.h"
#include "features/definition.h"
#include "features/timestamp.h"

namespace isobar::features {

/// Of text that is right, as what a test writes is.
inline Instant at(std::string_view text) {
  const auto parsed = parse_timestamp(text);
  CHECK(parsed.ok(), text);
  return *parsed;
}

inline Definition definition_of(std::string_view text) {
  auto parsed = parse_definition(text, "test.yaml");
  CHECK(parsed.ok(), parsed.ok() ? "" : parsed.error().message());
  return std::move(*parsed);
}

/// A clock that goes where it is told. Safe from any thread.
class SetClock final : public Clock {
 public:
  Instant now() const override { return Instant::from_unix_nanos(nanos_); }
  void set(Instant now) { nanos_ = now.unix_nanos(); }
  void pass(Duration span) { nanos_ += span.count(); }

 private:
  std::atomic<std::int64_t> nanos_ = at("2026-05-01T12:00:00Z").unix_nanos();
};

/// A new folder, which goes with all that is in it.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (fs::temp_directory_path() / "isobar-features-XXXXXX").string();
    CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TestFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  fs::path operator/(std::string_view name) const { return path_ / name; }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

}  // namespace isobar::features
