#include "settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"

namespace isobar::db {

namespace {

enum class Is { kText, kBool, kNumber, kFixed, kZone, kTime, kBytes, kChoice };
struct Known {
  std::string_view name, value;
  Is is = Is::kText;
  std::string_view choices = "";
};
// As PostgreSQL 15 calls them and begins with; those that change nothing here are kept for clients that set them.
constexpr Known kKnown[] = {
    {"application_name", ""},
    {"backslash_quote", "safe_encoding"},
    {"bytea_output", "hex", Is::kChoice, "hex,escape"},
    {"check_function_bodies", "on", Is::kBool},
    {"client_encoding", "UTF8", Is::kChoice, "utf8,utf-8,unicode"},
    {"client_min_messages", "notice", Is::kChoice, "debug5,debug4,debug3,debug2,debug1,log,notice,warning,error"},
    {"DateStyle", "ISO, MDY"},
    {"default_table_access_method", "heap"},
    {"default_tablespace", ""},
    {"default_transaction_deferrable", "off", Is::kBool},
    {"default_transaction_isolation", "serializable", Is::kChoice, "serializable,repeatable read,read committed,read uncommitted"},
    {"default_transaction_read_only", "off", Is::kBool},
    {"escape_string_warning", "on", Is::kBool},
    {"extra_float_digits", "1", Is::kNumber},
    {"idle_in_transaction_session_timeout", "0", Is::kTime},
    {"in_hot_standby", "off", Is::kFixed},
    {"integer_datetimes", "on", Is::kFixed},
    {"IntervalStyle", "postgres", Is::kChoice, "postgres"},
    {"is_superuser", "on", Is::kFixed},
    {"jit", "off", Is::kBool},
    {"lc_collate", "C", Is::kFixed},
    {"lc_ctype", "C.UTF-8", Is::kFixed},
    {"lc_messages", "C"},
    {"lc_monetary", "C"},
    {"lc_numeric", "C"},
    {"lc_time", "C"},
    {"lock_timeout", "0", Is::kTime},
    {"max_connections", "100", Is::kFixed},
    {"max_identifier_length", "63", Is::kFixed},
    {"max_index_keys", "32", Is::kFixed},
    {"quote_all_identifiers", "off", Is::kBool},
    {"row_security", "on", Is::kBool},
    {"search_path", "\"$user\", public"},
    {"server_encoding", "UTF8", Is::kFixed},
    {"server_version", "15.4 (isobar)", Is::kFixed},
    {"server_version_num", "150004", Is::kFixed},
    {"session_authorization", "", Is::kFixed},
    {"standard_conforming_strings", "on", Is::kChoice, "on"},
    {"statement_timeout", "0", Is::kTime},
    {"synchronize_seqscans", "on", Is::kBool},
    {"synchronous_commit", "on", Is::kChoice, "on,off,local,remote_write,remote_apply,true,false"},
    {"TimeZone", "UTC", Is::kZone},
    {"transaction_isolation", "serializable", Is::kChoice, "serializable,repeatable read,read committed,read uncommitted"},
    {"transaction_read_only", "off", Is::kBool},
    {"work_mem", "262144", Is::kBytes},
    {"xmloption", "content"},
};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

const Known* known(std::string_view name) {
  for (const auto& each : kKnown)
    if (lower(each.name) == name) return &each;
  return nullptr;
}

sql::SqlError invalid_value(std::string_view name, std::string_view value) {
  return {sql::state::kInvalidParameterValue, fmt::format("invalid value for parameter \"{}\": \"{}\"", name, value)};
}

/// "100", "5s", "2min": a number and a unit, as a number of the first of `units`.
std::optional<std::int64_t> with_unit(std::string_view text, std::initializer_list<std::pair<std::string_view, std::int64_t>> units) {
  std::size_t digits = 0;
  while (digits < text.size() && (std::isdigit(static_cast<unsigned char>(text[digits])) || (digits == 0 && text[0] == '-'))) ++digits;
  if (digits == 0 || digits > 15) return std::nullopt;
  const std::int64_t number = std::atoll(std::string(text.substr(0, digits)).c_str());
  std::string_view unit = text.substr(digits);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  if (unit.empty()) return number;
  for (const auto& [name, factor] : units)
    if (lower(unit) == lower(name)) return number * factor;
  return std::nullopt;
}

std::optional<std::int64_t> milliseconds_of(std::string_view text) {
  return with_unit(text, {{"ms", 1}, {"s", 1000}, {"min", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}});
}

std::optional<std::int64_t> kilobytes_of(std::string_view text) { return with_unit(text, {{"kB", 1}, {"MB", 1024}, {"GB", 1024 * 1024}}); }

std::optional<bool> truth_of(const std::string& text) {
  const std::string word = lower(text);
  if (word == "on" || word == "true" || word == "yes" || word == "1" || word == "t") return true;
  if (word == "off" || word == "false" || word == "no" || word == "0" || word == "f") return false;
  return std::nullopt;
}

}  // namespace

Settings::Settings() {
  for (const auto& each : kKnown) values_[lower(each.name)] = {std::string(each.value), std::string(each.value), {}, {}};
  zone_ = sql::TimeZone::fixed(0);
  if (auto utc = sql::TimeZone::find("UTC"); utc.ok()) zone_ = *utc;
}

bool Settings::announced(std::string_view name) {
  const auto& names = announced_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

const std::vector<std::string>& Settings::announced_names() {
  static const std::vector<std::string> names{"application_name",
                                              "client_encoding",
                                              "DateStyle",
                                              "default_transaction_read_only",
                                              "in_hot_standby",
                                              "integer_datetimes",
                                              "IntervalStyle",
                                              "is_superuser",
                                              "server_encoding",
                                              "server_version",
                                              "session_authorization",
                                              "standard_conforming_strings",
                                              "TimeZone"};
  return names;
}

sql::SqlResult<std::string> Settings::get(std::string_view name) const {
  const auto found = values_.find(lower(name));
  if (found == values_.end())
    return sql::SqlError(sql::state::kUndefinedObject, fmt::format("unrecognized configuration parameter \"{}\"", name));
  if (found->first == "work_mem") return found->second.value + "kB";
  return found->second.value;
}

sql::SqlResult<std::string> Settings::checked(const std::string& name, std::string value) {
  const Known* setting = known(name);
  switch (setting->is) {
    case Is::kFixed:
      if (lower(value) == lower(values_[name].value)) return value;
      return sql::SqlError("55P02", fmt::format("parameter \"{}\" cannot be changed", setting->name));
    case Is::kBool: {
      const auto truth = truth_of(value);
      if (!truth)
        return sql::SqlError(sql::state::kInvalidParameterValue, fmt::format("parameter \"{}\" requires a Boolean value", setting->name));
      return std::string(*truth ? "on" : "off");
    }
    case Is::kNumber:
    case Is::kTime:
    case Is::kBytes: {
      const auto number = setting->is == Is::kBytes  ? kilobytes_of(value)
                          : setting->is == Is::kTime ? milliseconds_of(value)
                                                     : with_unit(value, {});
      if (!number) return invalid_value(setting->name, value);
      return setting->is == Is::kTime && *number != 0 ? fmt::format("{}ms", *number) : std::to_string(*number);
    }
    case Is::kChoice: {
      const auto choices = split(setting->choices, ',');
      if (std::find(choices.begin(), choices.end(), lower(value)) == choices.end())
        return sql::SqlError(sql::state::kInvalidParameterValue,
                             fmt::format("invalid value for parameter \"{}\": \"{}\"", setting->name, value))
            .with_hint(fmt::format("Available values: {}.", setting->choices));
      return name == "client_encoding" ? std::string("UTF8") : lower(value);
    }
    case Is::kZone: {
      auto zone = sql::TimeZone::find(value);
      if (!zone.ok()) return invalid_value(setting->name, value);
      zone_ = std::move(*zone);
      return zone_->name();
    }
    case Is::kText: break;
  }
  if (name == "datestyle") {
    const std::string style = lower(value);
    if (style.find("iso") == std::string::npos && style.find("mdy") == std::string::npos && style != "us")
      return sql::SqlError(sql::state::kFeatureNotSupported,
                           fmt::format("DateStyle \"{}\" is not supported: dates are written as ISO 8601 does", value));
    return std::string("ISO, MDY");
  }
  return value;
}

sql::SqlResult<std::string> Settings::set(std::string_view name, std::string value, bool local) {
  const std::string key = lower(name);
  auto found = values_.find(key);
  if (!known(key) && key.find('.') == std::string::npos)
    return sql::SqlError(sql::state::kUndefinedObject, fmt::format("unrecognized configuration parameter \"{}\"", name));
  if (known(key)) {
    TRY_ASSIGN(value, checked(key, std::move(value)));
  }
  if (found == values_.end()) found = values_.emplace(key, Setting{}).first;
  Setting& setting = found->second;
  if (local) {
    if (!setting.before_local) setting.before_local = setting.value;
  } else {
    if (!setting.before_transaction) setting.before_transaction = setting.before_local.value_or(setting.value);
    setting.before_local.reset();
  }
  setting.value = std::move(value);
  return known(key) ? std::string(known(key)->name) : key;
}

sql::SqlStatus Settings::reset(std::string_view name) {
  const auto found = values_.find(lower(name));
  if (found == values_.end())
    return sql::SqlError(sql::state::kUndefinedObject, fmt::format("unrecognized configuration parameter \"{}\"", name));
  TRY(set(name, found->second.at_start, false));
  return {};
}

void Settings::reset_all() {
  for (auto& [name, setting] : values_)
    if (setting.value != setting.at_start) (void)set(name, setting.at_start, false);
}

void Settings::end_transaction(bool undo) {
  for (auto& [name, setting] : values_) {
    std::optional<std::string> back = std::exchange(setting.before_local, std::nullopt);
    const auto before = std::exchange(setting.before_transaction, std::nullopt);
    if (undo && before) back = before;
    if (!back) continue;
    setting.value = std::move(*back);
    if (name == "timezone")
      if (auto zone = sql::TimeZone::find(setting.value); zone.ok()) zone_ = std::move(*zone);
  }
}

std::vector<std::array<std::string, 3>> Settings::all() const {
  std::vector<std::array<std::string, 3>> list;
  for (const auto& [name, setting] : values_) list.push_back({known(name) ? std::string(known(name)->name) : name, *get(name), ""});
  return list;
}

std::vector<std::string> Settings::search_path(const std::string& user) const {
  std::vector<std::string> path;
  for (const auto& part : split(values_.find("search_path")->second.value, ',')) {
    std::string name(trim(part));
    if (name.size() >= 2 && name.front() == '"' && name.back() == '"') name = name.substr(1, name.size() - 2);
    else name = lower(name);
    if (name == "$user") name = user;
    if (!name.empty()) path.push_back(std::move(name));
  }
  return path;
}

std::int64_t Settings::milliseconds(std::string_view name) const { return milliseconds_of(values_.find(name)->second.value).value_or(0); }

std::size_t Settings::work_mem() const {
  return static_cast<std::size_t>(std::max<std::int64_t>(64, kilobytes_of(values_.find("work_mem")->second.value).value_or(0))) << 10;
}

}  // namespace isobar::db
