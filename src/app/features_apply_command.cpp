// features apply: a definition becomes what a store is, one that runs or one that lies in a folder.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <boost/json.hpp>

#include "base/text.h"
#include "command.h"
#include "features/engine.h"
#include "net/http_client.h"

namespace isobar::app {

namespace {

constexpr Duration kMakingMost = std::chrono::hours(24);  // of new features, from the whole log

struct ApplyOptions {
  std::string file, url = "http://127.0.0.1:6566", data, token_file, ca_file;
  bool json = false;
};

/// What a server's error says, out of Feast's form of it.
std::string message_of(const std::string& body) {
  boost::json::error_code failure;
  const auto outer = boost::json::parse(body, failure);
  if (failure || !outer.is_string()) return body;
  const auto inner = boost::json::parse(outer.get_string(), failure);
  const auto* message = failure || !inner.is_object() ? nullptr : inner.get_object().if_contains("message");
  return message == nullptr || !message->is_string() ? body : std::string(message->get_string());
}

Error refused(const net::HttpResponse& response) {
  const std::string message = message_of(response.body);
  switch (response.status) {
    case 401:
    case 403: return {Code::kPermissionDenied, message + "; give it by --token-file"};
    case 409: return {Code::kConflict, message};
    case 422: return invalid(message);
    default: return unavailable(fmt::format("the server answered {}: {}", response.status, message));
  }
}

Result<std::string> apply_by_server(const ApplyOptions& o, std::string text) {
  net::HttpClient::Options options;
  options.loops = 1;
  options.ca_bundle = o.ca_file;
  TRY_ASSIGN(const auto client, net::HttpClient::create(std::move(options)));
  net::HttpRequest request;
  request.method = "POST";
  TRY_ASSIGN(request.url, net::parse_url(o.url).context("--url"));
  while (request.url.target.ends_with('/')) request.url.target.pop_back();
  request.url.target += "/apply?" + net::encode_query({{"file", o.file}});
  request.owned_body = std::move(text);
  request.stall_max = kMakingMost;
  if (!o.json) request.headers.add("Accept", "text/plain");
  if (!o.token_file.empty()) {
    TRY_ASSIGN(const std::string token, read_file(o.token_file).context("--token-file"));
    request.headers.add("Authorization", "Bearer " + std::string(trim(token)));
  }
  const auto response = client->fetch(std::move(request));
  if (!response.ok()) return response.error().context(fmt::format("apply at {}", o.url));
  if (response->status != 200) return refused(*response);
  return response->body;
}

Result<std::string> apply_in_folder(Context& context, const ApplyOptions& o, const std::string& text) {
  TRY_ASSIGN(const auto definition, features::parse_definition(text, o.file));
  TRY(make_folders(o.data));
  TRY_ASSIGN(const auto engine, features::Engine::open(fs::path(o.data) / "store", {}, context.clock()));
  TRY_ASSIGN(const auto plan, engine->apply(definition, o.file));
  return o.json ? features::plan_json(plan) : features::render_plan(plan);
}

int apply(Context& context, const ApplyOptions& o) {
  auto text = read_file(o.file);
  if (!text.ok()) return context.console().fail(text.error());
  const auto plan = o.data.empty() ? apply_by_server(o, std::move(*text)) : apply_in_folder(context, o, *text);
  if (!plan.ok()) return context.console().fail(plan.error());
  context.console().print(plan->ends_with('\n') ? *plan : *plan + "\n");
  return kOk;
}

}  // namespace

void add_features_apply_command(Commands& commands, CLI::App* features_group) {
  auto o = std::make_shared<ApplyOptions>();
  auto* command = commands.add(features_group, "apply",
                               "Make a store what a definition says, and say what that changed. What stays the same is not touched.",
                               [o](Context& context) { return apply(context, *o); });
  command->add_option("FILE", o->file, "The definition, a YAML file: entities, sources, views, services.")->required();
  auto* url = command->add_option("--url", o->url, "The server that serves the store.")->capture_default_str();
  command->add_option("--data", o->data, "The store's folder in its place, of a store that nobody serves now.")->excludes(url);
  command->add_option("--token-file", o->token_file, "A file with the server's token.");
  command->add_option("--ca-file", o->ca_file, "TLS: a PEM file of the certificates that vouch for the server's.");
  command->add_flag("--json", o->json, "The plan as JSON.");
}

}  // namespace isobar::app
