#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "features/engine.h"
#include "features/timestamp.h"

namespace isobar::features {

inline Instant at(std::string_view text) { return *parse_timestamp(text); }

class SetClock final : public Clock {
 public:
  Instant now() const override { return Instant::from_unix_nanos(nanos_); }
  void set(Instant now) { nanos_ = now.unix_nanos(); }
  void pass(Duration span) { nanos_ += span.count(); }

 private:
  std::atomic<std::int64_t> nanos_ = at("2026-05-01T12:00:00Z").unix_nanos();
};

class TestFolder {
 public:
  TestFolder() {
    std::string name = (fs::temp_directory_path() / "isobar-engine-XXXXXX").string();
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

 private:
  fs::path path_;
};

inline Definition definition_of(std::string_view text) {
  auto parsed = parse_definition(text, "test.yaml");
  EXPECT_TRUE(parsed.ok()) << parsed.error().message();
  return std::move(*parsed);
}

/// 2.0 as 2, and "text" as 'text'.
inline std::string short_form(const Value& value) {
  std::string text = describe(value);
  if (text.ends_with(".0")) text.resize(text.size() - 2);
  std::ranges::replace(text, '"', '\'');
  return text;
}

/// What a request answers, one row, as "name=value" in the order of the request; what is not present by its status.
inline std::string answered(Engine& engine, const RequestSpec& spec, const Row& row) {
  auto plan = engine.plan(spec);
  if (!plan) return plan.error().message();
  auto answers = engine.answer(**plan, std::span(&row, 1));
  if (!answers) return answers.error().message();
  std::string text;
  for (std::size_t i = 0; i < answers->size(); ++i) {
    const Answered& answer = (*answers)[i];
    if (i > 0) text += ' ';
    text += (*plan)->outputs()[i].name + '=';
    if (answer.status == FieldStatus::kPresent) text += short_form(answer.value);
    else text += name_of(answer.status);
  }
  return text;
}

}  // namespace isobar::features
