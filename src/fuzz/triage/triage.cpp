#include "fuzz/triage.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>

namespace isobar::fuzz {
namespace {

namespace json = boost::json;

constexpr std::size_t kFramesShown = 8;

struct Replayed {
  fs::path path;
  std::size_t bytes;
  CrashReport report;
};

Result<Bytes> bytes_of(const fs::path& path) {
  TRY_ASSIGN(const auto content, read_file(path, std::uint64_t{1} << 30));
  return Bytes(content.begin(), content.end());
}

std::vector<CrashGroup> grouped_by_signature(std::vector<Replayed> all) {
  std::ranges::stable_sort(all, {}, &Replayed::bytes);
  std::map<std::string, CrashGroup> by_signature;
  for (Replayed& each : all) {
    std::string name = signature(each.report);
    CrashGroup& group = by_signature[name];
    if (group.inputs.empty()) {
      group.signature = std::move(name);
      group.report = std::move(each.report);
      group.bytes = each.bytes;
    }
    group.inputs.push_back(std::move(each.path));
  }
  std::vector<CrashGroup> groups;
  for (auto& [name, group] : by_signature) groups.push_back(std::move(group));
  std::ranges::stable_sort(groups, std::greater<>(), [](const CrashGroup& group) { return group.inputs.size(); });
  return groups;
}

/// Smaller inputs are tried in the executor's workers; what ends the same way there, and is smaller than the last that was certain, is held
/// against the replayer, which knows where it died.
Status minimize(CrashGroup& group, const Replayer& replayer, Executor& executor, const TriageOptions& options) {
  TRY_ASSIGN(Bytes input, bytes_of(group.inputs.front()));
  const auto ending_of = [&](ByteView bytes) -> Result<std::pair<Ending, int>> {
    std::pair<Ending, int> seen;
    TRY(executor.run(std::span(&bytes, 1), {}, [&](std::size_t, const Outcome& outcome) { seen = {outcome.ending, outcome.signal}; }));
    return seen;
  };
  TRY_ASSIGN(const auto wanted, ending_of(input));
  if (wanted.first == Ending::kOk || wanted.first == Ending::kTimeout) return {};
  const fs::path path =
      options.into /
      fmt::format("minimized-{}",
                  hash_of(ByteView(reinterpret_cast<const std::uint8_t*>(group.signature.data()), group.signature.size())).hex());
  const auto holds = [&](ByteView bytes) -> Result<bool> {
    TRY_ASSIGN(const auto seen, ending_of(bytes));
    if (seen != wanted) return false;
    TRY(write_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()}, Durability::kCache));
    TRY_ASSIGN(auto report, replayer.run(path));
    if (!report) return false;
    symbolize({&*report});
    return signature(*report) == group.signature;
  };
  TRY_ASSIGN(input, minimized(std::move(input), holds, options.tries));
  TRY(write_file(path, {reinterpret_cast<const char*>(input.data()), input.size()}, Durability::kCache));
  group.minimized = path;
  group.minimized_bytes = input.size();
  return {};
}

std::string place_of(const Frame& frame) {
  if (!frame.file.empty()) return frame.line == 0 ? frame.file : fmt::format("{}:{}", frame.file, frame.line);
  return frame.module.empty() ? "" : fmt::format("{}+{:#x}", frame.module, frame.offset);
}

const Frame* place_in_source(const CrashReport& report) {
  const auto found = std::ranges::find_if(
      report.frames, [](const Frame& frame) { return !frame.file.empty() && frame.line != 0 && !is_machinery(frame); });
  return found == report.frames.end() ? nullptr : &*found;
}

}  // namespace

Result<Triage> triage(const std::vector<fs::path>& inputs, const Replayer& replayer, Executor& executor, const TriageOptions& options) {
  const auto say = [&](std::string_view text) {
    if (options.say) options.say(text);
  };
  Triage out;
  std::vector<Replayed> replayed;
  for (const fs::path& path : inputs) {
    TRY_ASSIGN(auto report, replayer.run(path));
    if (!report) {
      out.vanished.push_back(path);
      continue;
    }
    std::error_code ignored;
    replayed.push_back({path, static_cast<std::size_t>(fs::file_size(path, ignored)), std::move(*report)});
    if (replayed.size() % 50 == 0) say(fmt::format("{} of {} run again", replayed.size(), inputs.size()));
  }
  std::vector<CrashReport*> reports;
  for (Replayed& each : replayed) reports.push_back(&each.report);
  symbolize(reports);
  out.groups = grouped_by_signature(std::move(replayed));
  if (options.tries == 0) return out;
  TRY(make_folders(options.into));
  for (CrashGroup& group : out.groups) {
    say(fmt::format("minimising: {}", group.signature));
    TRY(minimize(group, replayer, executor, options));
  }
  return out;
}

std::string triage_text(const Triage& triage) {
  std::string text;
  for (const CrashGroup& group : triage.groups) {
    text += fmt::format("{}\n  {} input{}, the smallest {} bytes: {}\n", group.signature, group.inputs.size(),
                        group.inputs.size() == 1 ? "" : "s", group.bytes, group.inputs.front().string());
    if (group.minimized) text += fmt::format("  minimised to {} bytes: {}\n", group.minimized_bytes, group.minimized->string());
    std::size_t shown = 0;
    for (const Frame& frame : group.report.frames)
      if (!is_machinery(frame) && ++shown <= kFramesShown) text += fmt::format("    {} {}\n", frame.function, place_of(frame));
    text += '\n';
  }
  if (!triage.vanished.empty()) {
    text += fmt::format("{} did not crash again:\n", triage.vanished.size());
    for (const fs::path& path : triage.vanished) text += fmt::format("  {}\n", path.string());
  }
  if (text.empty()) text = "no crashes\n";
  return text;
}

std::string triage_sarif(const Triage& triage, std::string_view version) {
  json::array results, rules;
  std::map<std::string, std::size_t> rule_of;
  for (const CrashGroup& group : triage.groups) {
    const auto [rule, is_new] = rule_of.emplace(group.report.kind, rules.size());
    if (is_new) rules.push_back(json::object{{"id", group.report.kind}, {"shortDescription", {{"text", group.report.kind}}}});
    json::array frames;
    for (const Frame& frame : group.report.frames) {
      json::object location{{"message", {{"text", frame.function.empty() ? place_of(frame) : frame.function}}}};
      if (!frame.file.empty())
        location["physicalLocation"] = {{"artifactLocation", {{"uri", frame.file}}}, {"region", {{"startLine", std::max(1U, frame.line)}}}};
      frames.push_back(json::object{{"location", std::move(location)}});
    }
    json::object result{{"ruleId", group.report.kind},
                        {"ruleIndex", rule->second},
                        {"level", "error"},
                        {"message",
                         {{"text", fmt::format("{} ({} inputs; reproduced by {})", group.signature, group.inputs.size(),
                                               (group.minimized ? *group.minimized : group.inputs.front()).string())}}},
                        {"partialFingerprints", {{"crashState/v1", group.signature}}}};
    if (const Frame* place = place_in_source(group.report))
      result["locations"] =
          json::array{{{"physicalLocation", {{"artifactLocation", {{"uri", place->file}}}, {"region", {{"startLine", place->line}}}}}}};
    if (!frames.empty()) result["stacks"] = json::array{{{"frames", std::move(frames)}}};
    results.push_back(std::move(result));
  }
  const json::object run{{"tool", {{"driver", {{"name", "isobar fuzz"}, {"version", version}, {"rules", std::move(rules)}}}}},
                         {"results", std::move(results)}};
  return json::serialize(
             json::object{{"$schema", "https://json.schemastore.org/sarif-2.1.0.json"}, {"version", "2.1.0"}, {"runs", json::array{run}}}) +
         "\n";
}

}  // namespace isobar::fuzz
