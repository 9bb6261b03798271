#include "config_file.h"

#include <fmt/format.h>

#include "base/text.h"
#include "yaml/yaml_tree.h"

namespace isobar::app {

namespace {

std::string unknown(const std::string& kind, const std::string& name, const std::vector<std::string>& known) {
  const auto near = closest(name, known);
  return fmt::format("there is no {} '{}'; {}", kind, name,
                     near ? fmt::format("did you mean {}?", *near) : "there are " + join(known, ", "));
}

std::map<std::string, Knob<Duration>*> duration_knobs(broker::Config& config) {
  return {{"lock_deadline", &config.lock_deadline},      {"provision_deadline", &config.provision_deadline},
          {"agent_deadline", &config.agent_deadline},    {"retry_least", &config.retry_least},
          {"refusal_life", &config.refusal_life},        {"retry_most", &config.retry_most},
          {"uploads_deadline", &config.uploads_deadline}};
}

Result<std::vector<std::string>> allowed_contexts_in(const YamlNode& section, const fs::path& path) {
  std::vector<std::string> contexts;
  for (const auto& field : section.fields) {
    const auto at = fmt::format("{}:{}:{}", path.string(), field.key.mark.line, field.key.mark.column);
    if (field.key.text != "allowed_contexts")
      return invalid(fmt::format("{}: {}", at, unknown("setting of kubernetes", field.key.text, {"allowed_contexts"})));
    if (field.value.kind != YamlNode::Kind::kSequence)
      return invalid(fmt::format("{}: kubernetes.allowed_contexts: expected a list of contexts of the kubeconfig", at));
    for (const auto& context : field.value.items) contexts.push_back(context.text);
  }
  return contexts;
}

Status read_prices(const YamlNode& prices, const std::string& file, std::map<std::string, double>& into) {
  for (const auto& field : prices.fields) {
    const auto price = resolve(field.value);
    const bool is_one = field.value.kind == YamlNode::Kind::kScalar && price.number >= 0 &&
                        (price.type == Scalar::Type::kInt || price.type == Scalar::Type::kFloat);
    if (!is_one)
      return invalid(fmt::format("{}:{}:{}: openstack.prices.{}: expected dollars an hour", file, field.value.mark.line,
                                 field.value.mark.column, field.key.text));
    into[field.key.text] = price.number;
  }
  return {};
}

Result<cloud::OpenStackSettings> openstack_in(const YamlNode& section, const fs::path& path) {
  cloud::OpenStackSettings settings;
  const std::map<std::string, std::string*> texts = {{"image", &settings.image},
                                                     {"login", &settings.login},
                                                     {"network", &settings.network},
                                                     {"floating_network", &settings.floating_network}};
  for (const auto& field : section.fields) {
    const auto at = fmt::format("{}:{}:{}", path.string(), field.key.mark.line, field.key.mark.column);
    if (field.key.text == "prices") {
      TRY(read_prices(field.value, path.string(), settings.prices));
      continue;
    }
    const auto text = texts.find(field.key.text);
    if (text == texts.end())
      return invalid(fmt::format(
          "{}: {}", at, unknown("setting of openstack", field.key.text, {"floating_network", "image", "login", "network", "prices"})));
    if (field.value.kind != YamlNode::Kind::kScalar || field.value.text.empty())
      return invalid(fmt::format("{}: openstack.{}: expected a name", at, field.key.text));
    *text->second = field.value.text;
  }
  return settings;
}

}  // namespace

Result<cloud::OpenStackSettings> read_openstack_settings(const fs::path& path) {
  const auto text = read_file(path, 1 << 20);
  if (!text.ok() && text.error().code() == Code::kNotFound) return cloud::OpenStackSettings();
  if (!text.ok()) return text.error();
  TRY_ASSIGN(const auto documents, read_yaml(*text, path.string()));
  const auto* section = documents[0].find("openstack");
  return section ? openstack_in(*section, path) : Result<cloud::OpenStackSettings>(cloud::OpenStackSettings());
}

Result<std::vector<std::string>> read_allowed_contexts(const fs::path& path) {
  const auto text = read_file(path, 1 << 20);
  if (!text.ok() && text.error().code() == Code::kNotFound) return std::vector<std::string>();
  if (!text.ok()) return text.error();
  TRY_ASSIGN(const auto documents, read_yaml(*text, path.string()));
  const auto* section = documents[0].find("kubernetes");
  return section ? allowed_contexts_in(*section, path) : Result<std::vector<std::string>>(std::vector<std::string>());
}

Result<broker::Config> read_config_file(const fs::path& path) {
  broker::Config config;
  const auto text = read_file(path, 1 << 20);
  if (!text.ok() && text.error().code() == Code::kNotFound) return config;
  if (!text.ok()) return text.error();
  TRY_ASSIGN(const auto documents, read_yaml(*text, path.string()));
  const auto at = [&](const YamlMark& mark, const std::string& what) {
    return invalid(fmt::format("{}:{}:{}: {}", path.string(), mark.line, mark.column, what));
  };
  auto knobs = duration_knobs(config);
  std::vector<std::string> names;
  names.reserve(knobs.size());
  for (const auto& [name, knob] : knobs) names.push_back(name);
  for (const auto& section : documents[0].fields) {
    if (section.key.text == "kubernetes") {
      TRY(allowed_contexts_in(section.value, path));
      continue;
    }
    if (section.key.text == "openstack") {
      TRY(openstack_in(section.value, path));
      continue;
    }
    if (section.key.text != "broker")
      return at(section.key.mark, unknown("section", section.key.text, {"broker", "kubernetes", "openstack"}));
    for (const auto& field : section.value.fields) {
      const auto knob = knobs.find(field.key.text);
      if (knob == knobs.end()) return at(field.key.mark, unknown("setting of broker", field.key.text, names));
      const auto set = set_knob(*knob->second, "broker." + field.key.text, field.value.text);
      if (!set.ok()) return at(field.value.mark, set.error().message());
    }
  }
  return config;
}

}  // namespace isobar::app
