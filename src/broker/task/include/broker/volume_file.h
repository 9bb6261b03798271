#pragma once

/// A volume file, as SkyPilot's are:
///
///   name: data
///   type: k8s-pvc
///   infra: k8s/lab              # or k8s: the context that tasks run in
///   size: 100Gi
///   use_existing: true          # a claim of that name is there, and stays when the volume is deleted here
///   labels: {team: vision}
///   config: {namespace: research, storage_class_name: fast, access_mode: ReadWriteMany}

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::broker {

struct VolumeSpec {
  std::string name, type = "k8s-pvc", cloud = "kubernetes", region;  ///< region empty: where tasks run that name none
  std::uint64_t size_gib = 0;                                        ///< 0: as it is there already (use_existing)
  bool use_existing = false;
  std::map<std::string, std::string> labels;
  std::string name_space, storage_class;  ///< empty: as usual there
  std::string access_mode = "ReadWriteOnce";
  friend bool operator==(const VolumeSpec&, const VolumeSpec&) = default;
};

/// What the command line lays over a file.
struct VolumeOverrides {
  std::optional<std::string> name, type, infra, size;
  std::optional<bool> use_existing;
};

/// text     empty: all comes from the overrides
/// Errors   kInvalidArgument: every problem of the file, a line each
Result<VolumeSpec> parse_volume_file(std::string_view text, const std::string& file_name, const VolumeOverrides& overrides = {});

/// A volume's name: lower-case letters, digits and '-', which it neither begins nor ends with, 50 long at most; that of one which is there
/// already may also hold '.' and be as long as its cloud takes.
Status check_volume_name(std::string_view name, bool use_existing);

}  // namespace isobar::broker
