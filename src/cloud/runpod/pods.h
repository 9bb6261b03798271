#pragma once

/// What RunPod's API is asked and answers, as values; and where its key is. Pure. The Errors of parsers of answers are kDataLoss.
/// Source   RunPod REST API, v1 (docs.runpod.io/api-reference)

#include <string>
#include <string_view>
#include <vector>

#include "cloud/cloud_machine.h"
#include "cloud/rest_client.h"

namespace isobar::cloud::runpod {

/// "2x_A100-80GB_SECURE"
struct PodType {
  std::uint64_t gpu_count = 0;
  std::string gpu_id;      ///< as RunPod names it: "NVIDIA A100 80GB PCIe"
  std::string cloud_type;  ///< "SECURE" or "COMMUNITY"
};
/// Errors   kInvalidArgument: not of this form, or a GPU whose name at RunPod is not known
Result<PodType> parse_type(std::string_view instance_type);

/// Errors   kInvalidArgument: what RunPod does not take (the message names it)
Status check_order(const CreateOrder& order);

/// One pod, with its mark in its environment. What it runs is an SSH server, which is installed if the image has none; its host key
/// and home lie on the volume, which outlives a stop.
std::string create_body(const CreateOrder& order, const Mark& mark, const std::string& public_key_line);

/// GET /pods
Result<std::vector<CloudMachine>> parse_pods(std::string_view json);
/// POST /pods: the pod's id.
Result<std::string> parse_created(std::string_view json);
/// RunPod says no in sentences; the code is made from them.
RestRefusal parse_refusal(int status, std::string_view body);

/// The key of the default profile in the text of ~/.runpod/config.toml, or the one that older versions wrote at its top.
/// Errors   kInvalidArgument: it holds none; values are never quoted
Result<std::string> parse_config(std::string_view text);

}  // namespace isobar::cloud::runpod
