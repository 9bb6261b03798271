// The `resources` section. Its fields come in many spellings (a count may be "8+", a place "aws/us-east-1/*", a set of
// accelerators a map whose values are null), and several of them multiply: accelerator lists and sets, `any_of` and
// `ordered` each turn one section into several alternatives that share the outer fields.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/bytes.h"
#include "base/text.h"
#include "readers.h"

namespace isobar::broker {

namespace {

std::optional<double> read_positive(std::string_view text) {
  double value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (failure != std::errc() || end != text.data() + text.size() || !(value > 0) || !std::isfinite(value)) return std::nullopt;
  return value;
}

// "4", "4+", "0.5"; the number may carry a size unit when `sizes` says so (in GiB).
std::optional<Amount> read_amount(std::string_view text, bool sizes) {
  Amount amount;
  if (text.ends_with('+')) amount.at_least = true, text.remove_suffix(1);
  auto value = read_positive(text);
  if (!value && sizes) {
    const auto bytes = parse_bytes(text, kGiB);
    if (bytes.ok() && bytes->value > 0) value = static_cast<double>(bytes->value) / static_cast<double>(kGiB);
  }
  if (!value) return std::nullopt;
  amount.value = *value;
  return amount;
}

void read_cpus(FieldReader& fields, ResourceRequest& request) {
  const YamlNode* node = fields.get("cpus");
  if (!node) return;
  request.cpus = node->kind == YamlNode::Kind::kScalar ? read_amount(node->text, false) : std::nullopt;
  if (!request.cpus) fields.report("cpus", fmt::format("expected a number such as 4, or 4+ for at least 4, got {}", describe_node(*node)));
}

void read_memory(FieldReader& fields, ResourceRequest& request) {
  const YamlNode* node = fields.get("memory");
  if (!node) return;
  std::string text = node->kind == YamlNode::Kind::kScalar ? node->text : "";
  MemoryRequest memory;
  std::string number = text;
  const bool plus = number.ends_with('+');
  if (plus) number.pop_back();
  if (number.ends_with('x')) {
    memory.per_cpu = true;
    number.pop_back();
  }
  const auto amount = read_amount(number + (plus ? "+" : ""), !memory.per_cpu);
  if (!amount) {
    fields.report("memory", fmt::format("expected GiB such as 16, 16+ or 64GB, or 4x for 4 GiB per vCPU, got {}", describe_node(*node)));
    return;
  }
  memory.amount = *amount;
  request.memory = memory;
}

// Whole GB; sizes with a unit are floored ("1500MB" is 1).
std::optional<std::uint64_t> read_gigabytes(FieldReader& fields, std::string_view key) {
  const YamlNode* node = fields.get(key);
  if (!node) return std::nullopt;
  const auto bytes = node->kind == YamlNode::Kind::kScalar ? parse_bytes(node->text, kGiB) : Result<ByteCount>(invalid(""));
  if (!bytes.ok() || bytes->value < kGiB) {
    fields.report(key, fmt::format("expected a size of 1 GB or more, such as 256 or 1TB, got {}", describe_node(*node)));
    return std::nullopt;
  }
  return bytes->value / kGiB;
}

// ---- where -----------------------------------------------------------------------------------------------------

std::optional<std::string> part_of_place(std::string_view text) {
  if (text.empty() || text == "*") return std::nullopt;
  return std::string(text);
}

std::optional<std::string> canonical_cloud(std::string_view name) {
  const std::string lowered = to_lower(name);
  if (lowered == "k8s") return "kubernetes";
  const auto& clouds = known_clouds();
  if (std::find(clouds.begin(), clouds.end(), lowered) != clouds.end()) return lowered;
  return std::nullopt;
}

void read_cloud(FieldReader& fields, std::string_view key, std::string_view name, ResourceRequest& request) {
  if (name == "*" || name.empty()) return;
  request.cloud = canonical_cloud(name);
  if (request.cloud) return;
  const auto near = closest(to_lower(name), known_clouds());
  fields.report(key, fmt::format("there is no cloud '{}'; {}", name,
                                 near ? fmt::format("did you mean {}?", *near) : "the clouds are " + join(known_clouds(), ", ")));
}

// "aws/us-east-1/use1-az1"; a Kubernetes context may itself hold slashes, so everything after the cloud is the context.
void read_place(FieldReader& fields, ResourceRequest& request) {
  std::string infra, cloud;
  const bool has_infra = fields.text("infra", infra);
  const bool has_cloud = fields.text("cloud", cloud);
  std::string region, zone;
  const bool has_region = fields.text("region", region), has_zone = fields.text("zone", zone);
  if (has_infra && (has_cloud || has_region || has_zone)) {
    fields.report("infra", "infra replaces cloud, region and zone; use one style or the other");
    return;
  }
  if (has_infra) {
    request.cloud.reset();
    request.region.reset();
    request.zone.reset();
    const auto slash = infra.find('/');
    read_cloud(fields, "infra", infra.substr(0, slash), request);
    if (slash == std::string::npos) return;
    const std::string rest = infra.substr(slash + 1);
    if (request.cloud == "kubernetes" || request.cloud == "ssh") {
      request.region = part_of_place(rest);
      return;
    }
    const auto parts = split(rest, '/');
    if (parts.size() > 2) fields.report("infra", fmt::format("expected cloud/region/zone, got '{}'", infra));
    request.region = part_of_place(parts[0]);
    if (parts.size() > 1) request.zone = part_of_place(parts[1]);
    return;
  }
  if (has_cloud) read_cloud(fields, "cloud", cloud, request);
  if (has_region) request.region = part_of_place(region);
  if (has_zone) request.zone = part_of_place(zone);
}

// ---- accelerators ----------------------------------------------------------------------------------------------

// "16GB", "16GB+", "80GB:2" ask by memory; anything else names an accelerator.
std::optional<Amount> memory_in_place_of_name(std::string_view name) {
  const std::string_view bare = name.ends_with('+') ? name.substr(0, name.size() - 1) : name;
  if (bare.empty() || bare[0] < '0' || bare[0] > '9' || !(bare.ends_with("GB") || bare.ends_with("MB") || bare.ends_with("TB")))
    return std::nullopt;
  return read_amount(name, true);
}

std::optional<AcceleratorRequest> read_accelerator(const std::string& name, const std::string& count, YamlMark mark,
                                                   const std::string& path, Problems& problems) {
  AcceleratorRequest accelerator;
  accelerator.name = std::string(trim(name));
  const auto number = count.empty() ? std::optional(1.0) : read_positive(trim(count));
  if (accelerator.name.empty() || !number) {
    problems.add(mark, path,
                 fmt::format("expected an accelerator such as A100 or A100:8, got '{}{}{}'", name, count.empty() ? "" : ":", count));
    return std::nullopt;
  }
  accelerator.count = *number;
  accelerator.memory_gib = memory_in_place_of_name(accelerator.name);
  if (accelerator.memory_gib) accelerator.name.clear();
  return accelerator;
}

// One entry: "A100", "A100:8", or {A100: 8}.
void read_entry(const YamlNode& node, const std::string& path, Problems& problems, std::vector<AcceleratorRequest>& into) {
  const auto add = [&](const std::string& name, const std::string& count, YamlMark mark) {
    if (auto accelerator = read_accelerator(name, count, mark, path, problems)) into.push_back(std::move(*accelerator));
  };
  const auto split_name = [&](const std::string& text, YamlMark mark) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) add(text, "", mark);
    else add(text.substr(0, colon), text.substr(colon + 1).empty() ? "?" : text.substr(colon + 1), mark);
  };
  if (node.kind == YamlNode::Kind::kMap) {
    for (const auto& field : node.fields) {
      if (field.value.is_null()) split_name(field.key.text, field.key.mark);
      else if (field.value.kind == YamlNode::Kind::kScalar) add(field.key.text, field.value.text, field.value.mark);
      else problems.add(field.value.mark, path, fmt::format("expected a count, got {}", describe_node(field.value)));
    }
  } else if (node.kind == YamlNode::Kind::kScalar) {
    split_name(node.text, node.mark);
  } else {
    problems.add(node.mark, path, "expected an accelerator such as A100:8, got a list");
  }
}

// A list is in order of preference; a map with several entries is a set.
std::vector<AcceleratorRequest> read_accelerators(FieldReader& fields, Preference& preference) {
  std::vector<AcceleratorRequest> accelerators;
  const YamlNode* node = fields.get("accelerators");
  if (!node) return accelerators;
  const std::string path = fields.path_of("accelerators");
  if (node->kind == YamlNode::Kind::kSequence) {
    preference = Preference::kOrdered;
    for (const auto& item : node->items) read_entry(item, path, fields.problems(), accelerators);
  } else {
    read_entry(*node, path, fields.problems(), accelerators);
  }
  if (accelerators.empty() && fields.problems().empty()) fields.report("accelerators", "expected at least one accelerator");
  return accelerators;
}

// ---- the rest --------------------------------------------------------------------------------------------------

void read_disks(FieldReader& fields, ResourceRequest& request) {
  if (auto size = read_gigabytes(fields, "disk_size")) request.disk_size_gb = size;
  if (auto size = read_gigabytes(fields, "ephemeral_storage")) request.ephemeral_storage_gb = size;
  if (auto tier = fields.choice("disk_tier", {"low", "medium", "high", "ultra", "best"})) request.disk_tier = static_cast<DiskTier>(*tier);
  if (auto tier = fields.choice("network_tier", {"standard", "best"})) request.network_tier = static_cast<NetworkTier>(*tier);
  const YamlNode* node = fields.get("local_disk");
  if (!node) return;
  LocalDisk disk;
  std::string size = node->text;
  const auto colon = size.find(':');
  const std::string mode = to_lower(size.substr(0, colon));
  if (mode == "nvme" || mode == "ssd") {
    disk.mode = mode;
    size = colon == std::string::npos ? "100+" : size.substr(colon + 1);
  }
  const auto amount = node->kind == YamlNode::Kind::kScalar ? read_amount(size, true) : std::nullopt;
  if (!amount) {
    fields.report("local_disk", fmt::format("expected nvme, ssd, a size such as 200+, or both as nvme:200+, got {}", describe_node(*node)));
    return;
  }
  disk.size_gb = *amount;
  request.local_disk = disk;
}

void read_image(FieldReader& fields, ResourceRequest& request) {
  const YamlNode* node = fields.get("image_id");
  if (!node) return;
  request.image_id.reset();
  request.region_images.clear();
  if (node->kind == YamlNode::Kind::kMap) fields.text_map("image_id", request.region_images);
  else if (auto text =
               scalar_text(*node, fields.path_of("image_id"), fields.problems(), "an image, docker:IMAGE, or a map of region to image"))
    request.image_id = text;
}

void read_autostop(FieldReader& fields, ResourceRequest& request) {
  const YamlNode* node = fields.get("autostop");
  if (!node) return;
  request.autostop.reset();
  Autostop autostop;
  const Scalar scalar = resolve(*node);
  if (node->kind == YamlNode::Kind::kMap) {
    FieldReader inner(*node, fields.path_of("autostop"), fields.problems());
    int minutes = 5;
    if (inner.integer("idle_minutes", minutes, 0, 10'000'000)) autostop.idle = std::chrono::minutes(minutes);
    inner.boolean("down", autostop.down);
    if (auto wait = inner.choice("wait_for", {"jobs_and_ssh", "jobs", "none"})) autostop.wait_for = static_cast<IdleWait>(*wait);
    inner.finish();
  } else if (node->kind == YamlNode::Kind::kScalar && scalar.type == Scalar::Type::kBool) {
    if (!scalar.boolean) return;
  } else {
    const auto idle =
        node->kind == YamlNode::Kind::kScalar ? parse_duration(node->text, std::chrono::minutes(1)) : Result<Duration>(invalid(""));
    if (!idle.ok()) {
      fields.report("autostop",
                    fmt::format("expected true, false, minutes, a duration such as 2h, or {{idle_minutes, down, wait_for}}, got {}",
                                describe_node(*node)));
      return;
    }
    autostop.idle = *idle;
  }
  request.autostop = autostop;
}

const std::vector<std::string> kStrategies = {"EAGER_NEXT_REGION", "FAILOVER", "NONE"};

void read_job_recovery(FieldReader& fields, ResourceRequest& request) {
  const YamlNode* node = fields.get("job_recovery");
  if (!node) return;
  JobRecovery recovery;
  if (node->kind == YamlNode::Kind::kMap) {
    FieldReader inner(*node, fields.path_of("job_recovery"), fields.problems());
    inner.boolean("replace_lost_nodes", recovery.replace_lost_nodes);
    recovery.is_of_managed_jobs = !recovery.replace_lost_nodes || node->fields.size() > 1;
    if (auto strategy = inner.choice("strategy", kStrategies)) recovery.strategy = kStrategies[*strategy];
    inner.integer("max_restarts_on_errors", recovery.restarts_on_errors_max, 0, INT32_MAX);
    std::vector<std::string> codes;
    inner.text_list("recover_on_exit_codes", codes);
    for (const auto& code : codes) {
      int value = -1;
      const auto [end, failure] = std::from_chars(code.data(), code.data() + code.size(), value);
      if (failure != std::errc() || end != code.data() + code.size() || value < 0 || value > 255)
        inner.report("recover_on_exit_codes", fmt::format("expected exit codes from 0 to 255, got '{}'", code));
      else recovery.recover_on_exit_codes.push_back(value);
    }
    inner.finish();
  } else if (auto strategy = fields.choice("job_recovery", kStrategies)) {
    recovery.strategy = kStrategies[*strategy];
  }
  request.job_recovery = recovery;
}

void read_vm_volumes(FieldReader& fields, ResourceRequest& request) {
  const YamlNode* node = fields.get("volumes");
  if (!node) return;
  if (node->kind != YamlNode::Kind::kSequence) {
    fields.report("volumes", fmt::format("expected a list of volumes, got {}", describe_node(*node)));
    return;
  }
  request.volumes.clear();
  for (std::size_t i = 0; i < node->items.size(); ++i) {
    FieldReader inner(node->items[i], fmt::format("{}[{}]", fields.path_of("volumes"), i), fields.problems());
    VmVolume volume;
    inner.text("name", volume.name);
    if (!inner.text("path", volume.path)) inner.report("path", "a volume needs the path to mount it at");
    volume.disk_size_gb = read_gigabytes(inner, "disk_size");
    if (auto tier = inner.choice("disk_tier", {"low", "medium", "high", "ultra", "best"})) inner.text("disk_tier", volume.disk_tier);
    if (inner.choice("storage_type", {"network", "instance"})) inner.text("storage_type", volume.storage_type);
    if (inner.choice("attach_mode", {"read_only", "read_write"})) inner.text("attach_mode", volume.attach_mode);
    inner.boolean("auto_delete", volume.auto_delete);
    inner.finish();
    request.volumes.push_back(std::move(volume));
  }
}

void read_plain_fields(FieldReader& fields, ResourceRequest& request) {
  read_place(fields, request);
  read_cpus(fields, request);
  read_memory(fields, request);
  std::string text;
  if (fields.text("instance_type", text)) request.instance_type = text;
  fields.boolean("use_spot", request.use_spot);
  fields.text_map("accelerator_args", request.accelerator_args);
  read_disks(fields, request);
  double cost = 0;
  if (fields.number("max_hourly_cost", cost, 0)) {
    if (cost > 0) request.hourly_cost_max = cost;
    else fields.report("max_hourly_cost", "expected a number above 0");
  }
  if (const YamlNode* ports = fields.get("ports")) request.ports = read_ports(*ports, fields.path_of("ports"), fields.problems());
  read_image(fields, request);
  fields.text_map("labels", request.labels);
  read_autostop(fields, request);
  read_job_recovery(fields, request);
  int priority = 0;
  if (fields.integer("priority", priority, -1000, 1000)) request.priority = priority;
  if (fields.text("priority_class", text)) request.priority_class = text;
  read_vm_volumes(fields, request);
}

// The alternatives of one section without any_of and ordered.
ResourceChoice expand(const ResourceRequest& request, const std::vector<AcceleratorRequest>& accelerators, Preference preference) {
  ResourceChoice choice{{}, preference};
  for (const auto& accelerator : accelerators) {
    choice.alternatives.push_back(request);
    choice.alternatives.back().accelerator = accelerator;
  }
  if (choice.alternatives.empty()) choice.alternatives.push_back(request);
  return choice;
}

// `any_of` and `ordered`: each entry is laid over the outer fields; all alternatives are pooled in order.
ResourceChoice read_nested(FieldReader& fields, std::string_view key, const YamlNode& list, const ResourceChoice& outer) {
  ResourceChoice choice{{}, key == "ordered" ? Preference::kOrdered : Preference::kAny};
  if (list.kind != YamlNode::Kind::kSequence || list.items.empty()) {
    fields.report(key, fmt::format("expected a list of resource maps, got {}", list.items.empty() ? "an empty one" : describe_node(list)));
    return outer;
  }
  for (std::size_t i = 0; i < list.items.size(); ++i) {
    const std::string path = fmt::format("{}[{}]", fields.path_of(key), i);
    for (const auto& base : outer.alternatives) {
      auto nested = read_resources(list.items[i], path, base, fields.problems());
      choice.alternatives.insert(choice.alternatives.end(), nested.alternatives.begin(), nested.alternatives.end());
      // An entry that names its accelerators replaces the outer set instead of multiplying with it.
      if (list.items[i].find("accelerators")) break;
    }
  }
  return choice;
}

}  // namespace

std::vector<PortRange> read_ports(const YamlNode& node, const std::string& path, Problems& problems) {
  std::vector<PortRange> ports;
  const auto read_one = [&](const YamlNode& entry) {
    int first = 0, last = 0;
    const std::string& text = entry.text;
    const auto dash = text.find('-');
    const auto number = [](std::string_view digits, int& into) {
      const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), into);
      return failure == std::errc() && end == digits.data() + digits.size() && into >= 1 && into <= 65535;
    };
    const bool read = entry.kind == YamlNode::Kind::kScalar && number(std::string_view(text).substr(0, dash), first) &&
                      (dash == std::string::npos ? (last = first, true) : number(std::string_view(text).substr(dash + 1), last)) &&
                      first <= last;
    if (read) ports.push_back({static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)});
    else
      problems.add(entry.mark, path,
                   fmt::format("expected a port from 1 to 65535 or a range such as 8000-8010, got {}", describe_node(entry)));
  };
  if (node.kind == YamlNode::Kind::kSequence) std::for_each(node.items.begin(), node.items.end(), read_one);
  else read_one(node);
  return ports;
}

ResourceChoice read_resources(const YamlNode& node, const std::string& path, const ResourceRequest& base, Problems& problems) {
  FieldReader fields(node, path, problems);
  ResourceRequest request = base;
  read_plain_fields(fields, request);
  Preference preference = Preference::kAny;
  const auto accelerators = read_accelerators(fields, preference);
  const YamlNode* any_of = fields.get("any_of");
  const YamlNode* ordered = fields.get("ordered");
  fields.finish();
  if (!accelerators.empty()) request.accelerator.reset();
  const ResourceChoice outer = expand(request, accelerators, preference);
  if (any_of && ordered) {
    fields.report("ordered", "any_of and ordered do not go together; use one of them");
    return outer;
  }
  if (any_of) return read_nested(fields, "any_of", *any_of, outer);
  if (ordered) return read_nested(fields, "ordered", *ordered, outer);
  return outer;
}

}  // namespace isobar::broker
