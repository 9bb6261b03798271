#include "preemption_watch.h"

#include <fmt/format.h>

#include "base/text.h"

namespace isobar::broker {

namespace {

constexpr Duration kEc2Looks = std::chrono::seconds(5), kOtherLooks = std::chrono::seconds(1);
constexpr Duration kStallMax = std::chrono::milliseconds(900);
constexpr int kOk = 200, kUnauthorized = 401, kNotFound = 404;

net::HttpClient::Options one_connection() {
  net::HttpClient::Options options;
  options.loops = 1;
  options.connections_per_host = 1;
  options.connect_max = kStallMax;
  return options;
}

Error unexpected(const std::string& path, int status) { return unavailable(fmt::format("{} answered {}", path, status)); }

}  // namespace

PreemptionWatch::PreemptionWatch(PreemptionWatchSettings settings, std::optional<Duration> between_looks, Heard heard, Log& log,
                                 std::unique_ptr<net::HttpTransport> transport)
    : settings_(std::move(settings)),
      between_looks_(between_looks.value_or(settings_.service == MetadataService::kEc2 ? kEc2Looks : kOtherLooks)),
      heard_(std::move(heard)),
      log_(log),
      transport_(transport ? std::move(transport) : std::make_unique<net::LazyHttpClient>(one_connection())),
      thread_([this] { run(); }) {}

PreemptionWatch::~PreemptionWatch() {
  {
    const std::scoped_lock lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_all();
  thread_.join();
}

bool PreemptionWatch::pause() {
  std::unique_lock lock(mutex_);
  return !stopped_.wait_for(lock, between_looks_, [this] { return stop_; });
}

void PreemptionWatch::run() {
  std::optional<NodeNotice> last;
  bool silent = false;
  do {
    const auto found = look();
    // It may be a second late; what is lost for good is worth one line.
    if (!found.ok() && !std::exchange(silent, true)) log_.warn("preemption_not_watched", {{"why", found.error().message()}});
    if (!found.ok()) continue;
    if (std::exchange(silent, false)) log_.info("preemption_watched_again");
    // Compute Engine says no time: that of the first word stands.
    const bool told = last && *found && (*found)->what == last->what && settings_.service == MetadataService::kGcp;
    if (!*found || told || *found == last) continue;
    last = *found;
    heard_(**found);
  } while (pause());
}

Result<PreemptionWatch::Said> PreemptionWatch::ask(const std::string& path, net::Headers headers, const std::string& method) {
  net::HttpRequest request;
  request.method = method;
  TRY_ASSIGN(request.url, net::parse_url(settings_.base + path));
  request.headers = std::move(headers);
  request.stall_max = kStallMax;
  request.body_bytes_max = 1 << 20;
  TRY_ASSIGN(auto response, transport_->fetch(std::move(request)));
  return Said{response.status, std::move(response.body)};
}

// IMDSv2: a session first, and a new one when the old one has run out.
Result<PreemptionWatch::Said> PreemptionWatch::ask_ec2(const std::string& path) {
  for (int session = 0; session < 2; ++session) {
    if (token_.empty()) {
      TRY_ASSIGN(auto token, ask("/latest/api/token", {{"X-aws-ec2-metadata-token-ttl-seconds", "21600"}}, "PUT"));
      if (token.status != kOk) return unexpected("/latest/api/token", token.status);
      token_ = std::string(trim(token.body));
    }
    TRY_ASSIGN(auto said, ask(path, {{"X-aws-ec2-metadata-token", token_}}));
    if (said.status == kOk || said.status == kNotFound) return said;
    if (said.status != kUnauthorized) return unexpected(path, said.status);
    token_.clear();
  }
  return unexpected(path, kUnauthorized);
}

Result<std::optional<NodeNotice>> PreemptionWatch::look_at_ec2() {
  TRY_ASSIGN(const auto action, ask_ec2("/latest/meta-data/spot/instance-action"));
  if (action.status == kOk) return parse_instance_action(action.body);
  TRY_ASSIGN(const auto rebalance, ask_ec2("/latest/meta-data/events/recommendations/rebalance"));
  if (rebalance.status == kOk) return parse_rebalance(rebalance.body);
  return std::optional<NodeNotice>();
}

Result<std::optional<NodeNotice>> PreemptionWatch::look_at_azure() {
  const net::Headers headers = {{"Metadata", "true"}};
  if (machine_.empty()) {
    TRY_ASSIGN(const auto name, ask("/metadata/instance/compute/name?api-version=2021-02-01&format=text", headers));
    if (name.status != kOk) return unexpected("/metadata/instance/compute/name", name.status);
    machine_ = std::string(trim(name.body));
  }
  TRY_ASSIGN(const auto events, ask("/metadata/scheduledevents?api-version=2020-07-01", headers));
  if (events.status != kOk) return unexpected("/metadata/scheduledevents", events.status);
  return parse_scheduled_events(events.body, machine_);
}

Result<std::optional<NodeNotice>> PreemptionWatch::look() {
  if (settings_.service == MetadataService::kEc2) return look_at_ec2();
  if (settings_.service == MetadataService::kAzure) return look_at_azure();
  TRY_ASSIGN(const auto preempted, ask("/computeMetadata/v1/instance/preempted", {{"Metadata-Flavor", "Google"}}));
  if (preempted.status != kOk) return unexpected("/computeMetadata/v1/instance/preempted", preempted.status);
  return parse_preempted(preempted.body, SystemClock().now());
}

}  // namespace isobar::broker
