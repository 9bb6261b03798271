#include "aws_profiles.h"

#include <fmt/format.h>

#include "base/text.h"

namespace isobar::storage {

const AwsProfile* AwsProfiles::find(const std::string& name) const {
  const auto found = profiles.find(name);
  return found == profiles.end() ? nullptr : &found->second;
}

namespace {

// The section a header opens; none for kinds that are not of interest ("[services x]", "[plugins]").
Result<AwsProfile*> open_section(AwsProfiles& profiles, AwsFile kind, std::string_view header) {
  const auto blank = header.find_first_of(" \t");
  const std::string word(header.substr(0, blank));
  const std::string name(blank == header.npos ? std::string_view() : trim(header.substr(blank)));
  if (header.empty()) return invalid("a section needs a name between [ and ]");
  if (kind == AwsFile::kCredentials) return &profiles.profiles[std::string(header)];
  if (header == "default") return &profiles.profiles["default"];
  if (word == "profile") {
    if (name.empty()) return invalid("write [profile NAME]");
    return &profiles.profiles[name];
  }
  if (word == "sso-session") {
    if (name.empty()) return invalid("write [sso-session NAME]");
    return &profiles.sso_sessions[name];
  }
  return static_cast<AwsProfile*>(nullptr);
}

}  // namespace

Status add_aws_profiles(AwsProfiles& profiles, AwsFile kind, std::string_view path, std::string_view text) {
  AwsProfile* section = nullptr;
  bool in_section = false;
  int number = 0;
  const auto failure = [&](std::string_view why) { return invalid(fmt::format("{}:{}: {}", path, number, why)); };
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    // Indented lines are settings within a setting ("s3 ="), none of which are credentials.
    if (trim(line).empty() || line.front() == ' ' || line.front() == '\t' || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      const auto end = line.find(']');
      if (end == line.npos) return failure("a section begins here and misses its ]");
      const auto opened = open_section(profiles, kind, trim(line.substr(1, end - 1)));
      if (!opened.ok()) return failure(opened.error().message());
      section = *opened;
      in_section = true;
      continue;
    }
    const auto equals = line.find('=');
    if (equals == line.npos) return failure("a line NAME = VALUE was expected");
    if (!in_section) return failure("a setting stands before the first section; begin with [default]");
    if (section != nullptr) (*section)[to_lower(trim(line.substr(0, equals)))] = trim(line.substr(equals + 1));
  }
  return {};
}

}  // namespace isobar::storage
