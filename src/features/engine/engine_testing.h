#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "features/engine.h"
#include "features/testing.h"

namespace isobar::features {

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
