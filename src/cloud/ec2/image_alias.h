#pragma once

/// Names of images that hold in every region, and what they stand for in one: the public parameter in which the publisher keeps the
/// id of the newest image, and, where parameters cannot be read, the publisher's account and the pattern of the images' names.
/// Pure.
/// Source   the publishers' pages: Canonical ("Find Ubuntu images on AWS"), Debian wiki (Cloud/AmazonEC2Image), Amazon Linux 2023
///          User Guide, AWS Deep Learning AMIs Developer Guide

#include <string>
#include <string_view>
#include <vector>

#include "answers.h"
#include "base/result.h"

namespace isobar::cloud::ec2 {

struct ImageSource {
  std::string parameter;            ///< of SSM; its value is the image's id
  std::string owner, name_pattern;  ///< account id; "ubuntu/images/*/ubuntu-jammy-22.04-amd64-server-*"
  std::string login_user;
};

/// name          "ubuntu-24.04", "debian-12", …; empty: what suits the machine: Ubuntu 22.04, with NVIDIA's driver for its GPUs
/// architecture  "x86_64" or "arm64"
/// Errors        kInvalidArgument: no such alias (the message names the nearest), or none of it for this architecture
Result<ImageSource> find_image_source(std::string_view name, std::string_view architecture, std::string_view instance_type);

/// "ami-…": an image by its own id.
bool is_image_id(std::string_view name);

/// Whether machines of this type have GPUs that NVIDIA's driver drives: the families p and g, but for AMD's g4ad.
bool has_nvidia_gpus(std::string_view instance_type);

/// As whom one logs in to an image that was named by its id, as far as its name and description give the maker away; else
/// Amazon's own "ec2-user".
std::string guess_login_user(const Image& image);

std::vector<std::string> image_aliases();

}  // namespace isobar::cloud::ec2
