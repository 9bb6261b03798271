#include "serving_metrics.h"

#include <fmt/format.h>

#include "features/json_value.h"
#include "features/timestamp.h"

namespace isobar::features {

namespace {

/// A label's value: Prometheus has \\, \" and \n.
std::string label(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\' || c == '"') escaped += '\\';
    if (c == '\n') escaped += "\\n";
    else escaped += c;
  }
  return escaped;
}

class Families {
 public:
  explicit Families(std::string& out) : out_(out) {}
  void begin(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    fmt::format_to(std::back_inserter(out_), "# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
  }
  template <class Number>
  void add(const std::string& labels, Number value) {
    if (labels.empty()) fmt::format_to(std::back_inserter(out_), "{} {}\n", name_, value);
    else fmt::format_to(std::back_inserter(out_), "{}{{{}}} {}\n", name_, labels, value);
  }

 private:
  std::string& out_;
  std::string_view name_;
};

void append_sources(Families& families, const EngineStatus& status, Instant now) {
  const auto each = [&](std::string_view name, std::string_view help, auto member) {
    families.begin(name, "counter", help);
    for (const auto& source : status.sources) families.add(fmt::format("source=\"{}\"", label(source.source)), source.*member);
  };
  each("isobar_features_source_events_total", "Events taken in.", &SourceStatus::events);
  each("isobar_features_source_deletions_total", "Records withdrawn.", &SourceStatus::deletions);
  each("isobar_features_source_refused_total", "Rows refused.", &SourceStatus::refused);
  each("isobar_features_source_late_total", "Events too late for some window.", &SourceStatus::late);
  each("isobar_features_source_invalid_total", "Events of which some expression had no result.", &SourceStatus::invalid);
  families.begin("isobar_features_source_age_seconds", "gauge", "How old the newest event of the source is.");
  for (const auto& source : status.sources)
    if (source.newest != Instant()) families.add(fmt::format("source=\"{}\"", label(source.source)), to_seconds(now - source.newest));
}

void append_views(Families& families, const EngineStatus& status) {
  families.begin("isobar_features_view_keys", "gauge", "Keys that are known.");
  for (const auto& view : status.views) families.add(fmt::format("view=\"{}\"", label(view.view)), view.keys);
  const auto each = [&](std::string_view name, std::string_view help, auto member) {
    families.begin(name, "counter", help);
    for (const auto& view : status.views) families.add(fmt::format("view=\"{}\"", label(view.view)), view.*member);
  };
  each("isobar_features_view_read_total", "Rows read.", &ViewStatus::read);
  each("isobar_features_view_not_found_total", "Rows read of keys that are not known.", &ViewStatus::not_found);
  each("isobar_features_view_expired_total", "Rows read that are older than the view's ttl.", &ViewStatus::expired);
  each("isobar_features_view_null_values_total", "Values read that are null.", &ViewStatus::nulls);
}

void append_expensive(Families& families, const EngineStatus& status) {
  const auto each = [&](std::string_view name, std::string_view type, std::string_view help, auto value) {
    families.begin(name, type, help);
    for (const auto& one : status.expensive)
      families.add(fmt::format("view=\"{}\",feature=\"{}\"", label(one.view), label(one.feature)), value(one));
  };
  using E = ExpensiveStatus;
  each("isobar_features_inputs_total", "counter", "Inputs of expensive features.", [](const E& e) { return e.counters.inputs; });
  each("isobar_features_refreshes_total", "counter", "Rows computed.", [](const E& e) { return e.counters.refreshes; });
  each("isobar_features_refreshes_failed_total", "counter", "Computations that came to nothing.",
       [](const E& e) { return e.counters.refreshes_failed; });
  each("isobar_features_feedback_total", "counter", "Errors that were told back.", [](const E& e) { return e.counters.feedback; });
  each("isobar_features_refresh_cost_seconds_total", "counter", "CPU-seconds of refreshes.", [](const E& e) { return e.counters.cost; });
  each("isobar_features_keys_pending", "gauge", "Keys with inputs that their rows lack.", [](const E& e) { return e.gauges.keys_pending; });
  each("isobar_features_regret", "gauge", "How wrong the served rows have been, over all keys.",
       [](const E& e) { return e.gauges.regret; });
  each("isobar_features_staleness_seconds_max", "gauge", "How long the key waits that waits longest.",
       [](const E& e) { return to_seconds(e.gauges.staleness_most); });
  each("isobar_features_budget_left", "gauge", "Refreshes, or CPU-seconds, that may be spent now.",
       [](const E& e) { return e.gauges.allowance; });
}

void append_drift(Families& families, const EngineStatus& status) {
  const auto each = [&](std::string_view name, std::string_view help, auto member) {
    families.begin(name, "gauge", help);
    for (const auto& one : status.drift)
      if (one.*member) families.add(fmt::format("view=\"{}\",feature=\"{}\"", label(one.view), label(one.feature)), *(one.*member));
  };
  each("isobar_features_drift_psi", "Population stability index of recent values against the first ones.", &DriftStatus::psi);
  each("isobar_features_null_share", "Share of recent values that are null.", &DriftStatus::nulls_now);
  each("isobar_features_null_share_reference", "Share of the first values that were null.", &DriftStatus::nulls_then);
}

void append_reading(Families& families, const std::vector<ReadingProgress>& reading) {
  families.begin("isobar_features_reader_refused_total", "counter", "Records read that are no rows of their source.");
  for (const auto& one : reading) families.add(fmt::format("source=\"{}\"", label(one.source)), one.refused);
  families.begin("isobar_features_reader_blocked", "gauge", "Whether something is in the way of reading the source.");
  for (const auto& one : reading) families.add(fmt::format("source=\"{}\"", label(one.source)), one.problem.empty() ? 0 : 1);
}

void append_sampled(Families& families, const SampleCounts& sampled) {
  const auto one = [&](std::string_view name, std::string_view type, std::string_view help, std::uint64_t value) {
    families.begin(name, type, help);
    families.add("", value);
  };
  one("isobar_features_served_logged_total", "counter", "Rows of answers that were kept for the skew check.", sampled.written);
  one("isobar_features_served_dropped_total", "counter", "Rows of answers that were to be kept and could not be.", sampled.dropped);
  one("isobar_features_served_log_bytes", "gauge", "What the kept answers occupy.", sampled.bytes);
}

/// Writes members of objects with commas between them.
class Json {
 public:
  Json& open(std::string_view name, char bracket) {
    key(name);
    out_ += bracket;
    first_ = true;
    return *this;
  }
  Json& close(char bracket) {
    out_ += bracket;
    first_ = false;
    return *this;
  }
  template <class Number>
  Json& number(std::string_view name, Number value) {
    key(name);
    append_json(out_, Value(value));
    return *this;
  }
  Json& maybe(std::string_view name, const std::optional<double>& value) {
    key(name);
    append_json(out_, value ? Value(*value) : Value());
    return *this;
  }
  Json& count(std::string_view name, std::uint64_t value) { return number(name, static_cast<std::int64_t>(value)); }
  Json& text(std::string_view name, std::string_view value) {
    key(name);
    append_json_string(out_, value);
    return *this;
  }
  Json& flag(std::string_view name, bool value) {
    key(name);
    out_ += value ? "true" : "false";
    return *this;
  }
  Json& time(std::string_view name, Instant at) {
    key(name);
    append_json(out_, at == Instant() ? Value() : Value(at));
    return *this;
  }
  std::string finish() { return std::move(out_); }

 private:
  void key(std::string_view name) {
    if (!std::exchange(first_, false)) out_ += ',';
    if (name.empty()) return;
    append_json_string(out_, name);
    out_ += ':';
  }
  std::string out_;
  bool first_ = true;
};

void write_expensive(Json& json, const ExpensiveStatus& one) {
  json.open("", '{').text("view", one.view).text("feature", one.feature).count("inputs", one.counters.inputs);
  json.count("queries", one.counters.queries).count("feedback", one.counters.feedback).count("refreshes", one.counters.refreshes);
  json.count("refreshes_failed", one.counters.refreshes_failed).number("cost_seconds", one.counters.cost);
  json.count("keys", one.gauges.keys).count("keys_pending", one.gauges.keys_pending).count("under_way", one.gauges.under_way);
  json.number("regret", one.gauges.regret).number("staleness_seconds_max", to_seconds(one.gauges.staleness_most));
  json.number("budget_left", one.gauges.allowance).close('}');
}

}  // namespace

void LatencyHistogram::add(Duration took) {
  std::size_t bucket = 0;
  while (bucket < kBounds && took > bound(bucket)) ++bucket;
  counts_[bucket].fetch_add(1, std::memory_order_relaxed);
  nanos_.fetch_add(static_cast<std::uint64_t>(std::max(took, Duration(0)).count()), std::memory_order_relaxed);
}

void LatencyHistogram::append(std::string& out, std::string_view name, std::string_view labels) const {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i <= kBounds; ++i) {
    count += counts_[i].load(std::memory_order_relaxed);
    const std::string upto = i < kBounds ? fmt::to_string(to_seconds(bound(i))) : "+Inf";
    fmt::format_to(std::back_inserter(out), "{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, upto, count);
  }
  fmt::format_to(std::back_inserter(out), "{0}_sum{{{1}}} {2}\n{0}_count{{{1}}} {3}\n", name, labels,
                 static_cast<double>(nanos_.load(std::memory_order_relaxed)) / 1e9, count);
}

void append_engine_metrics(std::string& out, const EngineStatus& status, const std::vector<ReadingProgress>& reading,
                           const std::optional<SampleCounts>& sampled, Instant now) {
  Families families(out);
  families.begin("isobar_features_log_events", "counter", "Events in the log.");
  families.add("", status.log_events);
  families.begin("isobar_features_unwritten_keys", "gauge", "Keys whose states are to be written behind.");
  families.add("", status.unwritten_keys);
  families.begin("isobar_features_disk_bytes", "gauge", "What the store occupies.");
  families.add("", status.disk_bytes);
  append_sources(families, status, now);
  append_views(families, status);
  append_expensive(families, status);
  append_drift(families, status);
  append_reading(families, reading);
  if (sampled) append_sampled(families, *sampled);
}

std::string status_json(const EngineStatus& status, const std::vector<ReadingProgress>& reading,
                        const std::optional<SampleCounts>& sampled) {
  Json json;
  json.open("", '{').count("definition_version", status.definition_version).count("log_events", status.log_events);
  json.count("unwritten_keys", status.unwritten_keys).count("replayed_events", status.replayed_events);
  json.count("disk_bytes", status.disk_bytes).open("sources", '[');
  for (const auto& source : status.sources) {
    json.open("", '{').text("source", source.source).count("events", source.events).count("deletions", source.deletions);
    json.count("refused", source.refused).count("late", source.late).count("invalid", source.invalid);
    json.time("newest", source.newest).time("last_seen", source.last_seen).close('}');
  }
  json.close(']').open("views", '[');
  for (const auto& view : status.views) {
    json.open("", '{').text("view", view.view).count("keys", view.keys).count("read", view.read).count("not_found", view.not_found);
    json.count("expired", view.expired).count("nulls", view.nulls).close('}');
  }
  json.close(']').open("expensive", '[');
  for (const auto& one : status.expensive) write_expensive(json, one);
  json.close(']').open("drift", '[');
  for (const auto& one : status.drift) {
    json.open("", '{').text("view", one.view).text("feature", one.feature);
    json.maybe("psi", one.psi).maybe("null_share", one.nulls_now).maybe("null_share_reference", one.nulls_then).close('}');
  }
  json.close(']').open("reading", '[');
  for (const auto& one : reading) {
    json.open("", '{').text("source", one.source).text("kind", one.kind).flag("at_end", one.at_end);
    json.count("refused", one.refused).text("problem", one.problem).close('}');
  }
  json.close(']');
  if (sampled) {
    json.open("served_log", '{').count("written", sampled->written).count("dropped", sampled->dropped).count("bytes", sampled->bytes);
    json.text("problem", sampled->problem).close('}');
  }
  return json.close('}').finish();
}

}  // namespace isobar::features
