#pragma once

// The readers of the parts of a task file, one source each.

#include <string>

#include "broker/task.h"
#include "yaml/field_reader.h"

namespace isobar::broker {

/// Lays the fields of a `resources` map over `base`; accelerator lists and sets, `any_of` and `ordered` give several
/// alternatives.
ResourceChoice read_resources(const YamlNode& node, const std::string& path, const ResourceRequest& base, Problems& problems);

std::vector<PortRange> read_ports(const YamlNode& node, const std::string& path, Problems& problems);

std::optional<Workdir> read_workdir(const YamlNode& node, const std::string& path, Problems& problems);
std::vector<FileMount> read_file_mounts(const YamlNode& node, const std::string& path, Problems& problems);
/// "100Gi", or a number of GiB. None: not of that form, or less than one.
std::optional<std::uint64_t> read_volume_size(std::string_view text);
/// `storage_class_name` and `access_mode` of a volume's `config`.
void read_volume_config(FieldReader& fields, std::string& storage_class, std::string& access_mode);
std::vector<VolumeMount> read_volumes(const YamlNode& node, const std::string& path, Problems& problems);

Service read_service(const YamlNode& node, const std::string& path, Problems& problems);
Pool read_pool(const YamlNode& node, const std::string& path, Problems& problems);

/// Fills config and hooks of the task.
void read_config(const YamlNode& node, const std::string& path, Task& task, Problems& problems);

/// Replaces $NAME and ${NAME} in every text below `node` by the value of the variable; `$$` is a dollar; a name that is
/// no variable stays as it is. A name among `forbidden` is reported.
void substitute(YamlNode& node, const std::map<std::string, std::string>& values, const std::vector<std::string>& forbidden,
                const std::string& path, Problems& problems);

/// Everything the file asks for whose action comes later.
std::vector<LaterFeature> find_later_features(const YamlNode& document, const Task& task);

}  // namespace isobar::broker
