#include "broker/volume_file.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/bytes.h"
#include "readers.h"

namespace isobar::broker {

namespace {

/// "k8s", "kubernetes", either with "/CONTEXT", which may hold slashes.
void read_volume_infra(FieldReader& fields, const std::string& infra, VolumeSpec& spec) {
  const auto slash = infra.find('/');
  const auto cloud = infra.substr(0, slash);
  if (cloud != "k8s" && cloud != "kubernetes")
    return fields.report("infra", fmt::format("volumes of '{}' are not available; k8s and k8s/CONTEXT are", cloud));
  if (slash != std::string::npos) spec.region = infra.substr(slash + 1);
}

void read_volume_fields(const YamlNode& node, VolumeSpec& spec, Problems& problems) {
  FieldReader fields(node, "", problems);
  if (!fields.text("name", spec.name)) fields.report("name", "a volume needs a name");
  fields.boolean("use_existing", spec.use_existing);
  if (fields.text("type", spec.type) && spec.type != "k8s-pvc")
    fields.report("type", fmt::format("volumes of type '{}' are not available; k8s-pvc is", spec.type));
  std::string infra;
  if (fields.text("infra", infra)) read_volume_infra(fields, infra, spec);
  if (std::string size; fields.text("size", size)) {
    const auto gib = read_volume_size(size);
    if (gib) spec.size_gib = *gib;
    else fields.report("size", fmt::format("expected a size of at least 1Gi, such as 100Gi, got '{}'", size));
  } else if (!spec.use_existing) {
    fields.report("size", "a volume that is to be made needs a size, such as 100Gi");
  }
  fields.text_map("labels", spec.labels);
  if (const YamlNode* config = fields.get("config")) {
    FieldReader inner(*config, "config", problems);
    inner.text("namespace", spec.name_space);
    read_volume_config(inner, spec.storage_class, spec.access_mode);
    inner.finish();
  }
  fields.finish();
  if (const auto named = check_volume_name(spec.name, spec.use_existing); !spec.name.empty() && !named.ok())
    fields.report("name", named.error().message());
}

/// An override stands in place of the field, where the file has it or not.
void lay_over(YamlNode& node, const std::string& key, const std::optional<std::string>& value) {
  if (!value) return;
  std::erase_if(node.fields, [&](const YamlField& field) { return field.key.text == key; });
  YamlField field;
  field.key = yaml_string(key);
  field.value = yaml_string(*value);
  field.value.plain = key == "use_existing";
  node.kind = YamlNode::Kind::kMap;
  node.fields.push_back(std::move(field));
}

}  // namespace

std::optional<std::uint64_t> read_volume_size(std::string_view text) {
  const auto bytes = parse_bytes(text, kGiB);
  if (!bytes.ok() || bytes->value < kGiB) return std::nullopt;
  return bytes->value / kGiB;
}

void read_volume_config(FieldReader& fields, std::string& storage_class, std::string& access_mode) {
  static const std::vector<std::string> kModes = {"ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany", "ReadWriteOncePod"};
  fields.text("storage_class_name", storage_class);
  if (const auto mode = fields.choice("access_mode", kModes)) access_mode = kModes[*mode];
}

Status check_volume_name(std::string_view name, bool use_existing) {
  const std::size_t most = use_existing ? 253 : 50;
  const auto inner = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const bool fits = !name.empty() && name.size() <= most && inner(name.front()) && inner(name.back()) &&
                    std::all_of(name.begin(), name.end(), [&](char c) { return inner(c) || c == '-' || (use_existing && c == '.'); });
  if (fits) return {};
  return invalid(
      fmt::format("'{}' is no volume's name; it is of lower-case letters, digits and '-', which it neither begins nor ends with, "
                  "and {} long at most",
                  name, most));
}

Result<VolumeSpec> parse_volume_file(std::string_view text, const std::string& file_name, const VolumeOverrides& overrides) {
  TRY_ASSIGN(auto documents, read_yaml(text, file_name));
  if (documents.size() > 1) return invalid(fmt::format("{}: a volume file holds one volume, not {}", file_name, documents.size()));
  YamlNode document = documents.empty() ? YamlNode() : std::move(documents[0]);
  lay_over(document, "name", overrides.name);
  lay_over(document, "type", overrides.type);
  lay_over(document, "infra", overrides.infra);
  lay_over(document, "size", overrides.size);
  if (overrides.use_existing) lay_over(document, "use_existing", *overrides.use_existing ? "true" : "false");
  Problems problems(file_name);
  VolumeSpec spec;
  read_volume_fields(document, spec, problems);
  if (!problems.empty()) return invalid(problems.text());
  return spec;
}

}  // namespace isobar::broker
