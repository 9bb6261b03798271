#include "copy_sources.h"

#include <fmt/format.h>

#include "base/text.h"
#include "transfer/items.h"

namespace isobar::app {

using transfer::Shape;

std::string identity_of(const storage::Store& store, const std::string& endpoint) {
  const auto location = store.location();
  return location.kind == storage::Kind::kLocal ? fs::absolute(location.key).lexically_normal().string() : location.text() + "@" + endpoint;
}

std::string filter_identity(const CopyOptions& options) {
  std::string text;
  for (const auto& rule : options.filter.rules) text += fmt::format("{}{}\n", rule.include ? '+' : '-', rule.pattern);
  return text;
}

Result<std::vector<Job>> plan_copies(StoreOpener& opener, CopyOptions& options) {
  if (options.places.size() < 2) return invalid("SRC and DST were expected");
  std::vector<std::string> targets = {options.places.back()};
  targets.insert(targets.end(), options.also.begin(), options.also.end());
  const bool several = options.places.size() > 2;
  std::vector<Job> jobs;
  for (std::size_t i = 0; i + 1 < options.places.size(); ++i) {
    TRY_ASSIGN(auto source, open_source(opener, options.places[i], options.recursive));
    Job job;
    job.source = source.store;
    job.identity = fmt::format("cp\n{}\n{}{}\n{}", identity_of(*source.store, options.stores.endpoint), source.rule.prefix,
                               source.rule.pattern, filter_identity(options));
    std::vector<transfer::TargetRule> rules;
    for (const auto& text : targets) {
      TRY_ASSIGN(auto target, open_target(opener, text, source.rule.shape, several));
      job.targets.push_back(target.store);
      rules.push_back(target.rule);
      job.identity += fmt::format("\n{}\n{}", identity_of(*target.store, options.stores.target_endpoint), target.rule.prefix);
    }
    auto items = std::make_unique<transfer::TreeItems>(*source.store, source.rule, std::move(rules), options.filter);
    if (!options.dry_run) items->expect_calls(transfer::CopyPlan().calls_first / 2);
    job.items = std::move(items);
    jobs.push_back(std::move(job));
  }
  return jobs;
}

// Each line "SRC<TAB>DST", or "SRC" with a DST on the command line.
Result<std::vector<Job>> plan_list(StoreOpener& opener, CopyOptions& options) {
  TRY_ASSIGN(const std::string text, read_file(options.from_list, 1 << 30).context("--from-list"));
  if (options.places.size() > 1) return invalid("--from-list: the file names the sources; give DST at most");
  struct Group {
    Job job;
    std::vector<transfer::NamedItems::Pair> pairs;
  };
  std::map<std::string, Group> groups;
  std::size_t number = 0;
  for (const std::string_view line : split(text, '\n')) {
    ++number;
    if (line.empty() || line.starts_with('#')) continue;
    const auto failure = [&](std::string_view what) { return invalid(fmt::format("{}:{}: {}", options.from_list, number, what)); };
    const auto tab = line.find('\t');
    const std::string source_text(line.substr(0, tab)), target_text(tab == std::string_view::npos ? "" : line.substr(tab + 1));
    if (target_text.empty() && options.places.empty()) return failure("SRC, a tab and DST were expected, as no DST was given");
    const auto source_at = storage::parse_location(source_text);
    if (!source_at.ok()) return failure(source_at.error().message());
    const bool own_target = !target_text.empty();
    const auto target_at = storage::parse_location(own_target ? target_text : options.places[0]);
    if (!target_at.ok()) return failure(target_at.error().message());
    // Names are taken as they are: a list has no patterns. Files are kept below the root of all.
    const auto store_of = [&](const storage::Location& at, bool as_target) -> Result<std::shared_ptr<storage::Store>> {
      if (at.kind != storage::Kind::kLocal) return opener.open(at, as_target);
      static std::shared_ptr<storage::Store> root;
      if (!root) root = opener.open_folder("/");
      return root;
    };
    const auto key_of = [](const storage::Location& at) {
      return at.kind == storage::Kind::kLocal ? fs::absolute(at.key).lexically_normal().string().substr(1) : at.key;
    };
    TRY_ASSIGN(auto source, store_of(*source_at, false));
    TRY_ASSIGN(auto target, store_of(*target_at, true));
    const auto rule = transfer::source_rule(key_of(*source_at), Shape::kObject);
    if (rule.prefix.empty()) return failure("an object's name was expected");
    const std::string key = transfer::target_key(rule, transfer::target_rule(key_of(*target_at), Shape::kObject, !own_target), rule.prefix);
    auto& group = groups[fmt::format("{} {}", static_cast<const void*>(source.get()), static_cast<const void*>(target.get()))];
    group.job.source = source;
    group.job.targets = {target};
    group.job.identity += fmt::format("{}\n", line);
    group.pairs.push_back({rule.prefix, {key}});
  }
  std::vector<Job> jobs;
  for (auto& [name, group] : groups) {
    group.job.identity +=
        identity_of(*group.job.source, options.stores.endpoint) + identity_of(*group.job.targets[0], options.stores.target_endpoint);
    group.job.items = std::make_unique<transfer::NamedItems>(*group.job.source, std::move(group.pairs));
    jobs.push_back(std::move(group.job));
  }
  return jobs;
}

}  // namespace isobar::app
