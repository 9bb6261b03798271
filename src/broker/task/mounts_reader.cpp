// workdir, file_mounts and volumes: what is put on a node before its commands run.

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/text.h"
#include "readers.h"

namespace isobar::broker {

namespace {

constexpr std::array<std::string_view, 12> kBucketSchemes = {"s3://",  "gs://",  "gcs://",    "https://", "http://",     "r2://",
                                                             "cos://", "oci://", "nebius://", "cw://",    "vastdata://", "hf://"};
const std::vector<std::string> kStores = {"S3", "GCS", "AZURE", "R2", "IBM", "OCI", "NEBIUS", "COREWEAVE", "VASTDATA", "HUGGINGFACE"};
const std::vector<std::string> kPresets = {"MODEL_CHECKPOINT_RO", "MODEL_CHECKPOINT_RW", "DATASET_RO", "DATASET_RW"};

bool is_bucket_uri(std::string_view text) {
  for (const auto scheme : kBucketSchemes)
    if (text.starts_with(scheme)) return true;
  return false;
}

// A map of settings as dotted keys: {mount: {read_only: true}} is "mount.read_only" → "True".
void flatten(const YamlNode& node, const std::string& prefix, std::map<std::string, std::string>& into) {
  if (node.kind == YamlNode::Kind::kScalar) {
    if (!node.is_null()) into[prefix] = python_text(node);
    return;
  }
  for (const auto& field : node.fields) flatten(field.value, prefix.empty() ? field.key.text : prefix + "." + field.key.text, into);
  for (std::size_t i = 0; i < node.items.size(); ++i) flatten(node.items[i], fmt::format("{}[{}]", prefix, i), into);
}

FileMount read_storage(const YamlNode& node, const std::string& path, Problems& problems) {
  FieldReader fields(node, path, problems);
  FileMount mount;
  fields.text("name", mount.bucket_name);
  fields.text_list("source", mount.bucket_sources);
  if (auto store = fields.choice("store", kStores)) mount.store = kStores[*store];
  if (auto preset = fields.choice("type", kPresets)) {
    mount.preset = kPresets[*preset];
    mount.mode = MountMode::kMountCached;
  }
  if (auto mode = fields.choice("mode", {"MOUNT", "COPY", "MOUNT_CACHED"})) mount.mode = static_cast<MountMode>(*mode);
  fields.boolean("persistent", mount.persistent);
  for (const char* key : {"config", "mount_options"})
    if (const YamlNode* settings = fields.get(key)) flatten(*settings, "", mount.settings);
  if (mount.preset.ends_with("_RO") && mount.mode == MountMode::kMountCached) mount.settings.emplace("mount_cached.read_only", "True");
  fields.finish();
  if (mount.bucket_name.empty() && mount.bucket_sources.empty()) problems.add(node.mark, path, "a bucket needs a name or a source");
  const auto is_uri = [](const std::string& source) { return source.find("://") != std::string::npos; };
  const auto uris = std::count_if(mount.bucket_sources.begin(), mount.bucket_sources.end(), is_uri);
  if (uris == 0 && mount.bucket_name.empty() && !mount.bucket_sources.empty())
    problems.add(node.mark, path, "a bucket that is made from a folder needs a name");
  if (uris != 0 && static_cast<std::size_t>(uris) != mount.bucket_sources.size())
    problems.add(node.mark, path, "sources are either folders of this machine or places in stores, not both");
  return mount;
}

std::string check_destination(const YamlField& field, const std::string& path, Problems& problems) {
  const std::string& destination = field.key.text;
  if (destination.empty()) problems.add(field.key.mark, path, "a mount needs a destination");
  if (destination == "~" || destination == "~/" || destination == "/")
    problems.add(field.key.mark, path, "a mount may not replace the whole home or root folder; name a folder in it");
  return destination;
}

}  // namespace

std::optional<Workdir> read_workdir(const YamlNode& node, const std::string& path, Problems& problems) {
  Workdir workdir;
  if (node.kind == YamlNode::Kind::kScalar) {
    workdir.path = node.text;
    return workdir;
  }
  FieldReader fields(node, path, problems);
  if (!fields.text("url", workdir.git_url)) fields.report("url", "a workdir that is no path needs the url of a git repository");
  fields.text("ref", workdir.git_ref);
  fields.finish();
  return workdir;
}

std::vector<FileMount> read_file_mounts(const YamlNode& node, const std::string& path, Problems& problems) {
  FieldReader fields(node, path, problems);
  std::vector<FileMount> mounts;
  for (const auto& field : fields.free_fields()) {
    const std::string inner = fields.path_of(field.key.text);
    FileMount mount;
    if (field.value.kind == YamlNode::Kind::kMap) {
      mount = read_storage(field.value, inner, problems);
    } else if (auto source = scalar_text(field.value, inner, problems, "a local path, a bucket's URI, or a storage map")) {
      // A bare URI means a copy.
      if (is_bucket_uri(*source)) mount.bucket_sources = {*source}, mount.mode = MountMode::kCopy;
      else mount.local_source = *source;
    }
    mount.destination = check_destination(field, inner, problems);
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

namespace {

void read_ephemeral(FieldReader& fields, VolumeMount& volume) {
  std::string size, type;
  fields.text("name", volume.name);
  if (fields.text("size", size)) {
    volume.ephemeral_gb = read_volume_size(size);
    if (!volume.ephemeral_gb) fields.report("size", fmt::format("expected a size of at least 1Gi, such as 100Gi, got '{}'", size));
  }
  if (fields.text("type", type) && type != "k8s-pvc")
    fields.report("type", fmt::format("volumes of type '{}' are not available; k8s-pvc is", type));
  fields.text_map("labels", volume.labels);
  if (const YamlNode* config = fields.get("config")) {
    FieldReader inner(*config, fields.path_of("config"), fields.problems());
    read_volume_config(inner, volume.storage_class, volume.access_mode);
    inner.finish();
  }
  fields.finish();
  if (volume.name.empty() && size.empty())
    fields.report("name", "a volume needs the name of one that is there, or a size to be made with for this cluster");
  if (!volume.name.empty() && volume.ephemeral_gb)
    fields.report("size", "a volume with a name is as large as it was made; one that goes with the cluster has a size and no name");
}

/// As it is mounted: absolute, without a slash at its end.
std::string volume_path(const YamlField& field, const std::string& path, Problems& problems) {
  auto where = fs::path(field.key.text).lexically_normal().string();
  if (where.size() > 1 && where.ends_with('/')) where.pop_back();
  if (!where.starts_with('/')) problems.add(field.key.mark, path, "a volume is mounted at an absolute path, such as /mnt/data");
  return where;
}

}  // namespace

std::vector<VolumeMount> read_volumes(const YamlNode& node, const std::string& path, Problems& problems) {
  FieldReader fields(node, path, problems);
  std::vector<VolumeMount> volumes;
  for (const auto& field : fields.free_fields()) {
    const std::string inner_path = fields.path_of(field.key.text);
    VolumeMount volume;
    volume.path = volume_path(field, inner_path, problems);
    if (std::any_of(volumes.begin(), volumes.end(), [&](const VolumeMount& other) { return other.path == volume.path; }))
      problems.add(field.key.mark, inner_path, "two volumes cannot be mounted at one path");
    if (field.value.kind == YamlNode::Kind::kMap) {
      FieldReader inner(field.value, inner_path, problems);
      read_ephemeral(inner, volume);
    } else if (auto name = scalar_text(field.value, inner_path, problems, "the name of a volume, or {size: 100Gi}")) {
      volume.name = *name;
    }
    volumes.push_back(std::move(volume));
  }
  return volumes;
}

}  // namespace isobar::broker
