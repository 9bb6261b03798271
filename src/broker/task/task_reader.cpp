// A task file from its text: the YAML tree, then each section by its own reader. All problems of all documents are
// gathered before the file is refused.

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/text.h"
#include "readers.h"

namespace isobar::broker {

namespace {

bool is_env_name(std::string_view name) {
  const auto part = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9'); };
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::all_of(name.begin(), name.end(), part);
}

void warn_of_surprise(const YamlNode& value, const std::string& path, Problems& problems) {
  const std::string seen = python_text(value);
  if (seen != value.text)
    problems.warn(value.mark, path,
                  fmt::format("YAML reads {} as a {}, so the task sees {}; quote it to pass it as it is written", value.text,
                              resolve(value).type == Scalar::Type::kBool ? "boolean" : "number", seen));
}

void read_variables(FieldReader& fields, std::string_view key, std::vector<EnvVar>& into) {
  const YamlNode* node = fields.get(key);
  if (!node) return;
  FieldReader inner(*node, fields.path_of(key), fields.problems());
  for (const auto& field : inner.free_fields()) {
    const std::string path = inner.path_of(field.key.text);
    if (!is_env_name(field.key.text)) {
      fields.problems().add(field.key.mark, path, "a variable's name is made of letters, digits and _, and does not begin with a digit");
    } else if (field.value.kind != YamlNode::Kind::kScalar) {
      fields.problems().add(field.value.mark, path, fmt::format("expected text, got {}", describe_node(field.value)));
    } else if (field.value.is_null()) {
      into.push_back({field.key.text, std::nullopt});
    } else if (field.value.text.find('\0') != std::string::npos) {
      fields.problems().add(field.value.mark, path, "a variable's value may not hold a NUL byte");
    } else {
      warn_of_surprise(field.value, path, fields.problems());
      into.push_back({field.key.text, python_text(field.value)});
    }
  }
}

// `secrets` is a map like envs, or a list of names that the server holds.
void read_secrets(FieldReader& fields, Task& task) {
  const YamlNode* node = fields.get("secrets");
  if (!node) return;
  if (node->kind != YamlNode::Kind::kSequence) return read_variables(fields, "secrets", task.secrets);
  std::vector<std::string> names;
  fields.text_list("secrets", names);
  for (auto& name : names) task.managed_secrets.push_back({std::move(name), ""});
}

void read_managed_secrets(FieldReader& fields, Task& task) {
  const YamlNode* node = fields.get("managed_secrets");
  if (!node) return;
  if (node->kind != YamlNode::Kind::kSequence)
    return fields.report("managed_secrets", fmt::format("expected a list of names, got {}", describe_node(*node)));
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    const YamlNode& item = node->items[i];
    const std::string path = fmt::format("managed_secrets[{}]", i);
    if (item.kind == YamlNode::Kind::kMap && item.fields.size() == 1) {
      ManagedSecret secret{item.fields[0].key.text, ""};
      FieldReader inner(item.fields[0].value, path + "." + secret.name, fields.problems());
      inner.text("mount_path", secret.mount_path);
      inner.finish();
      task.managed_secrets.push_back(std::move(secret));
    } else if (auto name = scalar_text(item, path, fields.problems(), "a secret's name, or {name: {mount_path: …}}")) {
      task.managed_secrets.push_back({*name, ""});
    }
  }
}

std::optional<DataEstimate> read_data(FieldReader& fields, std::string_view key) {
  const YamlNode* node = fields.get(key);
  if (!node) return std::nullopt;
  if (node->kind != YamlNode::Kind::kMap || node->fields.size() != 1) {
    fields.report(key, "expected a map of one URI to its size in GB, such as {s3://bucket: 150}");
    return std::nullopt;
  }
  FieldReader inner(*node, fields.path_of(key), fields.problems());
  DataEstimate estimate{node->fields[0].key.text, 0};
  inner.number(estimate.uri, estimate.gb, 0);
  return estimate;
}

// Sections in which the task's own variables are replaced.
void substitute_variables(YamlNode& document, const Task& task, Problems& problems) {
  std::map<std::string, std::string> values;
  for (const auto& env : task.envs)
    if (env.value) values[env.name] = *env.value;
  std::vector<std::string> secret_names;
  for (const auto& secret : task.secrets) secret_names.push_back(secret.name);
  for (auto& field : document.fields)
    for (const char* section : {"workdir", "file_mounts", "volumes", "service", "pool"})
      if (field.key.text == section) substitute(field.value, values, secret_names, section, problems);
}

void merge_variables(std::vector<EnvVar>& into, const std::vector<EnvVar>& overrides) {
  for (const auto& override_var : overrides) {
    const auto same = std::find_if(into.begin(), into.end(), [&](const EnvVar& var) { return var.name == override_var.name; });
    if (same == into.end()) into.push_back(override_var);
    else if (override_var.value) same->value = override_var.value;
  }
}

void lay_over_workdir(Task& task, const TaskOverrides& overrides, Problems& problems) {
  if (overrides.workdir && overrides.git_url) problems.add({}, "--git-url", "a workdir is a folder or a repository; leave --workdir out");
  if (overrides.workdir) task.workdir = Workdir{*overrides.workdir, "", ""};
  if (overrides.git_url) task.workdir = Workdir{"", *overrides.git_url, ""};
  if (!overrides.git_ref) return;
  if (task.workdir && !task.workdir->git_url.empty()) task.workdir->git_ref = *overrides.git_ref;
  else problems.add({}, "--git-ref", "the workdir is no repository; name one with --git-url");
}

// The options of the command line as one `resources` map laid over every alternative.
void apply_resource_overrides(Task& task, const TaskOverrides& overrides, Problems& problems) {
  if (overrides.resources.empty()) return;
  YamlNode map;
  map.kind = YamlNode::Kind::kMap;
  for (const auto& [key, text] : overrides.resources) {
    auto value = read_yaml(text, "--" + key);
    if (!value.ok()) return problems.add({}, key, value.error().message());
    YamlNode key_node = yaml_string(key);
    map.fields.push_back({std::move(key_node), std::move((*value)[0])});
    map.fields.back().value.mark = {};
  }
  ResourceChoice merged{{}, task.resources.preference};
  for (const auto& alternative : task.resources.alternatives) {
    auto laid = read_resources(map, "resources", alternative, problems);
    for (auto& result : laid.alternatives)
      if (std::find(merged.alternatives.begin(), merged.alternatives.end(), result) == merged.alternatives.end())
        merged.alternatives.push_back(std::move(result));
    if (!problems.empty()) return;
  }
  task.resources = std::move(merged);
}

void read_sections(FieldReader& fields, Task& task) {
  Problems& problems = fields.problems();
  if (const YamlNode* node = fields.get("workdir")) task.workdir = read_workdir(*node, "workdir", problems);
  fields.integer("num_nodes", task.num_nodes, 1, 100'000);
  if (const YamlNode* node = fields.get("resources")) task.resources = read_resources(*node, "resources", {}, problems);
  if (const YamlNode* node = fields.get("file_mounts")) task.file_mounts = read_file_mounts(*node, "file_mounts", problems);
  if (const YamlNode* node = fields.get("volumes")) task.volumes = read_volumes(*node, "volumes", problems);
  fields.text("setup", task.setup);
  fields.text("run", task.run);
  task.inputs = read_data(fields, "inputs");
  task.outputs = read_data(fields, "outputs");
  if (const YamlNode* node = fields.get("service")) task.service = read_service(*node, "service", problems);
  if (const YamlNode* node = fields.get("pool")) task.pool = read_pool(*node, "pool", problems);
  if (const YamlNode* node = fields.get("config")) read_config(*node, "config", task, problems);
  fields.text("event_callback", task.event_callback);
  fields.boolean("api_server_access", task.api_server_access);
  task.has_depends_on = fields.get("depends_on") != nullptr;
  fields.text_list("depends_on", task.depends_on);
}

void check_sections(FieldReader& fields, const Task& task) {
  std::set<std::string> names;
  for (const auto& env : task.envs) names.insert(env.name);
  for (const auto& secret : task.secrets)
    if (names.contains(secret.name))
      fields.problems().add(fields.mark_of("secrets"), "secrets." + secret.name, "this name is both in envs and in secrets; keep one");
  if (task.service && task.pool) fields.report("pool", "service and pool do not go together; use one of them");
  if (task.service) {
    const auto& alternative = task.resources.alternatives[0];
    const std::size_t ports = task.service->ports.empty() ? alternative.ports.size() : task.service->ports.size();
    if (ports != 1) fields.report("service", "a service needs exactly one port in resources.ports");
  }
}

Task read_task(YamlNode& document, const TaskOverrides& overrides, Problems& problems) {
  Task task;
  {
    FieldReader early(document, "", problems);
    if (document.kind != YamlNode::Kind::kMap) return task;
    read_variables(early, "envs", task.envs);
    read_secrets(early, task);
  }
  merge_variables(task.envs, overrides.envs);
  merge_variables(task.secrets, overrides.secrets);
  substitute_variables(document, task, problems);

  FieldReader fields(document, "", problems);
  for (const char* key : {"envs", "secrets"}) fields.get(key);
  fields.text("name", task.name);
  read_managed_secrets(fields, task);
  read_sections(fields, task);
  fields.finish();
  check_sections(fields, task);
  apply_resource_overrides(task, overrides, problems);
  lay_over_workdir(task, overrides, problems);
  task.later = find_later_features(document, task);
  return task;
}

// A first document that holds only a name (and how to execute) is the header of a pipeline.
bool read_header(const YamlNode& document, TaskFile& file, Problems& problems) {
  if (document.kind != YamlNode::Kind::kMap || document.fields.empty()) return false;
  for (const auto& field : document.fields)
    if (field.key.text != "name" && field.key.text != "execution") return false;
  FieldReader fields(document, "", problems);
  fields.text("name", file.pipeline_name);
  if (auto execution = fields.choice("execution", {"serial", "parallel"})) file.execution = static_cast<Execution>(*execution);
  return true;
}

void check_dependencies(const TaskFile& file, Problems& problems) {
  std::vector<std::string> earlier;
  for (const auto& task : file.tasks) {
    for (const auto& name : task.depends_on) {
      if (std::find(earlier.begin(), earlier.end(), name) != earlier.end()) continue;
      const auto near = closest(name, earlier);
      problems.add({}, "depends_on",
                   fmt::format("{}: there is no earlier task named '{}'{}", task.name, name, near ? "; did you mean " + *near + "?" : ""));
    }
    if (!task.name.empty() && std::find(earlier.begin(), earlier.end(), task.name) != earlier.end() && file.tasks.size() > 1)
      problems.add({}, "name", fmt::format("two tasks of this file are named '{}'", task.name));
    earlier.push_back(task.name);
  }
}

void apply_file_overrides(TaskFile& file, const TaskOverrides& overrides, Problems& problems) {
  if (overrides.name && file.tasks.size() == 1) file.tasks[0].name = *overrides.name;
  if (!overrides.num_nodes) return;
  YamlNode map;
  map.kind = YamlNode::Kind::kMap;
  map.fields.push_back({yaml_string("num_nodes"), YamlNode{.text = *overrides.num_nodes}});
  FieldReader fields(map, "", problems);
  for (auto& task : file.tasks) fields.integer("num_nodes", task.num_nodes, 1, 100'000);
}

}  // namespace

Result<TaskFile> parse_task_file(std::string_view text, const std::string& file_name, const TaskOverrides& overrides) {
  TRY_ASSIGN(auto documents, read_yaml(text, file_name));
  TaskFile file;
  file.path = file_name;
  Problems problems(file_name);
  std::size_t first = 0;
  if (documents.size() > 1 && read_header(documents[0], file, problems)) first = 1;
  for (std::size_t i = first; i < documents.size(); ++i) {
    // A trailing `---` leaves an empty document behind.
    if (documents[i].is_null() && documents.size() - first > 1) continue;
    file.tasks.push_back(read_task(documents[i], overrides, problems));
  }
  if (file.tasks.empty()) problems.add({1, 1}, "", "the file holds no task; a task has at least `run: COMMAND`");
  apply_file_overrides(file, overrides, problems);
  check_dependencies(file, problems);
  if (!problems.empty()) return invalid(problems.text());
  file.warnings = problems.take_warnings();
  return file;
}

Result<TaskFile> load_task_file(const std::string& path, const TaskOverrides& overrides) {
  constexpr std::uint64_t kTaskBytesMax = 16 << 20;
  auto text = read_file(path, kTaskBytesMax);
  if (!text.ok()) return Error(Code::kInvalidArgument, text.error().message());
  return parse_task_file(*text, path, overrides);
}

Status require_all_values(const TaskFile& file) {
  std::vector<std::string> missing;
  for (const auto& task : file.tasks) {
    for (const auto& env : task.envs)
      if (!env.value)
        missing.push_back(
            fmt::format("{}: envs.{}: the file declares it without a value; pass it with --env {}=VALUE", file.path, env.name, env.name));
    for (const auto& secret : task.secrets)
      if (!secret.value)
        missing.push_back(
            fmt::format("{}: secrets.{}: the file declares it without a value; pass it with --secret {}=VALUE, or --secret {} to take it "
                        "from the environment",
                        file.path, secret.name, secret.name, secret.name));
  }
  if (!missing.empty()) return invalid(join(missing, "\n"));
  return {};
}

Status require_available(const TaskFile& file) {
  std::vector<std::string> lines;
  for (const auto& task : file.tasks)
    for (const auto& feature : task.later)
      lines.push_back(fmt::format("{}:{}:{}: {}: {}", file.path, feature.mark.line, feature.mark.column, feature.field, feature.reason));
  if (!lines.empty()) return invalid(join(lines, "\n"));
  return {};
}

}  // namespace isobar::broker
