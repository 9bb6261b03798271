#include "features/skew_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text_table.h"
#include "features/json_value.h"
#include "features/served_files.h"
#include "features/timestamp.h"

namespace isobar::features {

namespace {

/// Rows that are recomputed together: each time all events are read.
constexpr std::size_t kRowsTogether = 250'000;

/// The log's events as a definition of back then has them.
class LoggedEvents final : public EventStream {
 public:
  LoggedEvents(const Engine& engine, const Project& project) : engine_(engine), project_(project) {}
  Status each(const std::function<Status(const TrainingEvent&)>& visit) const override {
    return engine_.each_event([&](const LoggedEvent& event) -> Status {
      const auto source = project_.find_source(event.source);
      if (!source) return {};
      return visit({*source, event.order, event.arrived, event.removed, event.withdrawn, event.row, event.sequence, event.superseded});
    });
  }
  bool removes() const override {
    return std::ranges::any_of(project_.sources(), [](const auto& source) { return !source.source->key.empty(); });
  }

 private:
  const Engine& engine_;
  const Project& project_;
};

/// Why a request's rows cannot be made again; nothing: they can.
std::optional<std::string> in_the_way(const Engine& engine, const RequestPlan& plan) {
  const auto now = engine.project();
  for (const auto& part : plan.parts()) {
    for (const auto& name : plan.project().views()[part.view].view().sources) {
      const auto then_at = plan.project().find_source(name);
      const auto now_at = now ? now->find_source(name) : std::nullopt;
      if (!now_at) return fmt::format("source '{}' is no longer in the definition", name);
      if (!(now->sources()[*now_at].schema == plan.project().sources()[*then_at].schema))
        return fmt::format("source '{}' has other columns than when it was served", name);
      if (now->sources()[*now_at].source->key != plan.project().sources()[*then_at].source->key)
        return fmt::format("source '{}' has another key than when it was served", name);
    }
  }
  return std::nullopt;
}

class Check {
 public:
  Check(const Engine& engine, const SkewCheckOptions& options) : engine_(engine), options_(options) {}

  Status add(const ServedRequest& request, ServedRow row) {
    if (options_.stop.stop_requested()) return Error(Code::kDeadlineExceeded, "stopped before the end");
    auto& rows = waiting_[request.plan];
    rows.push_back(std::move(row));
    if (++waiting_rows_ < kRowsTogether) return {};
    return recompute_all();
  }

  Status recompute_all() {
    for (auto& [plan, rows] : waiting_) TRY(recompute(*plan, rows));
    waiting_.clear();
    waiting_rows_ = 0;
    return {};
  }

  SkewCheck finish() && {
    for (auto& [name, skew] : features_) {
      if (const std::uint64_t both = numbers_[name]; both > 0) skew.smape /= static_cast<double>(both);
      check_.features.push_back(std::move(skew));
    }
    return std::move(check_);
  }

 private:
  Status recompute(const RequestPlan& plan, const std::vector<ServedRow>& rows) {
    if (const auto why = in_the_way(engine_, plan)) {
      if (check_.rows_left_out == 0) check_.why_left_out = *why;
      check_.rows_left_out += rows.size();
      return {};
    }
    const LoggedEvents events(engine_, plan.project());
    JoinOptions join{.as_served = true, .memory_bytes = options_.memory_bytes, .temporary = options_.temporary, .stop = options_.stop};
    TRY_ASSIGN(const SkewReport report, measure_skew(plan, rows, events, join));
    check_.rows += report.rows;
    check_.differing_rows += report.differing_rows;
    for (const auto& one : report.features) add_up(one);
    for (const auto& example : report.examples)
      if (static_cast<std::size_t>(std::ranges::count(check_.examples, example.feature, &SkewExample::feature)) < SkewReport::kExamplesMost)
        check_.examples.push_back(example);
    return {};
  }

  void add_up(const FeatureSkew& one) {
    FeatureSkew& sum = features_.try_emplace(one.feature, FeatureSkew{.name = one.name, .feature = one.feature}).first->second;
    sum.left_out = one.left_out;
    sum.compared += one.compared;
    sum.mismatches += one.mismatches;
    sum.missing += one.missing;
    sum.extra += one.extra;
    sum.smape += one.smape * static_cast<double>(one.compared);
    numbers_[one.feature] += one.compared;
  }

  const Engine& engine_;
  const SkewCheckOptions& options_;
  std::map<std::shared_ptr<const RequestPlan>, std::vector<ServedRow>> waiting_;
  std::size_t waiting_rows_ = 0;
  std::map<std::string, FeatureSkew> features_;
  std::map<std::string, std::uint64_t> numbers_;
  SkewCheck check_;
};

void append_answer(std::string& out, std::string_view name, const Answered& answer) {
  out += fmt::format(R"(,"{}":)", name);
  append_json(out, answer.value);
  out += fmt::format(R"(,"{}_status":"{}")", name, name_of(answer.status));
}

}  // namespace

std::uint64_t SkewCheck::differing() const {
  std::uint64_t sum = 0;
  for (const auto& feature : features) sum += feature.differing();
  return sum;
}

Result<SkewCheck> check_skew(const Engine& engine, const fs::path& served, const SkewCheckOptions& options) {
  TRY_ASSIGN(const std::uint64_t all, count_served(served));
  const std::uint64_t wanted = options.rows_most == 0 ? all : std::min(all, options.rows_most);
  Check check(engine, options);
  std::uint64_t at = 0;
  TRY(each_served(served, [&](const ServedRequest& request, ServedRow row) -> Status {
    // Evenly spread: the share that is taken of those so far grows by one here.
    const std::uint64_t place = at++;
    const auto share = [&](std::uint64_t of) { return static_cast<unsigned __int128>(of) * wanted / std::max<std::uint64_t>(all, 1); };
    return place < all && share(place + 1) > share(place) ? check.add(request, std::move(row)) : Status();
  }));
  TRY(check.recompute_all());
  return std::move(check).finish();
}

std::string render_skew(const SkewCheck& check) {
  TextTable table({"FEATURE", "COMPARED", "MISMATCHES", "MISSING", "EXTRA", "SMAPE"});
  std::vector<std::string> scheduled;
  for (const auto& one : check.features) {
    if (one.left_out) scheduled.push_back(one.feature);
    else
      table.add({one.feature, fmt::to_string(one.compared), fmt::to_string(one.mismatches), fmt::to_string(one.missing),
                 fmt::to_string(one.extra), fmt::format("{:.4g}", one.smape)});
  }
  std::string text = check.features.empty() ? "" : table.render() + "\n";
  for (const auto& example : check.examples) text += fmt::format("{} {} {}\n", example.feature, example.key, describe(example));
  if (!scheduled.empty())
    text += fmt::format("{} not compared, as a schedule refreshes them and they are stale by design: {}\n", scheduled.size(),
                        fmt::join(scheduled, ", "));
  if (check.rows_left_out > 0) text += fmt::format("{} rows left out: {}\n", check.rows_left_out, check.why_left_out);
  return text + fmt::format("{} rows as they were served: {} differ, in {} answers\n", check.rows, check.differing_rows, check.differing());
}

std::string skew_json(const SkewCheck& check) {
  std::string out = fmt::format(R"({{"rows":{},"differing_rows":{},"rows_left_out":{},"why_left_out":)", check.rows, check.differing_rows,
                                check.rows_left_out);
  append_json_string(out, check.why_left_out);
  out += R"(,"features":[)";
  for (std::size_t i = 0; i < check.features.size(); ++i) {
    const auto& one = check.features[i];
    out += fmt::format(R"({}{{"feature":"{}","compared":{},"mismatches":{},"missing":{},"extra":{},"smape":{},"scheduled":{}}})",
                       i > 0 ? "," : "", one.feature, one.compared, one.mismatches, one.missing, one.extra, one.smape, one.left_out);
  }
  out += R"(],"examples":[)";
  for (std::size_t i = 0; i < check.examples.size(); ++i) {
    const auto& one = check.examples[i];
    out += fmt::format(R"({}{{"feature":"{}","key":)", i > 0 ? "," : "", one.feature);
    append_json_string(out, one.key);
    out += fmt::format(R"(,"at":"{}")", to_rfc3339(one.at));
    append_answer(out, "served", one.served);
    append_answer(out, "recomputed", one.recomputed);
    out += '}';
  }
  return out + "]}";
}

}  // namespace isobar::features
