#include "transfer/naming.h"

#include "transfer/glob.h"

namespace isobar::transfer {

namespace {
std::string with_slash(std::string_view prefix) {
  std::string text(prefix);
  if (!text.empty() && !text.ends_with('/')) text += '/';
  return text;
}
}  // namespace

SourceRule source_rule(std::string_view key, Shape shape) {
  SourceRule rule;
  rule.shape = shape;
  switch (shape) {
    case Shape::kObject:
      rule.prefix = key;
      rule.strip = key.rfind('/') + 1;  // npos + 1 is 0
      break;
    case Shape::kTree:
      rule.prefix = with_slash(key);
      rule.strip = rule.prefix.size();
      break;
    case Shape::kPattern:
      rule.pattern = key;
      rule.prefix = literal_prefix(key);
      rule.strip = rule.prefix.rfind('/') + 1;
      break;
  }
  return rule;
}

TargetRule target_rule(std::string_view key, Shape source_shape, bool is_folder) {
  const bool exact = source_shape == Shape::kObject && !is_folder && !key.empty() && !key.ends_with('/');
  return exact ? TargetRule{true, std::string(key)} : TargetRule{false, with_slash(key)};
}

std::string target_key(const SourceRule& source, const TargetRule& target, std::string_view source_key) {
  if (target.exact) return target.prefix;
  return target.prefix + std::string(source_key.substr(source.strip));
}

}  // namespace isobar::transfer
