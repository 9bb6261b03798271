#include "image_alias.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"

namespace isobar::cloud::ec2 {

namespace {

// In parameters and patterns "{arch}" is replaced by the publisher's own word for the architecture.
struct Row {
  std::string_view alias, parameter, owner, name_pattern, login_user;
  std::string_view x86_64, arm64;  // the publisher's words
};

constexpr std::string_view kCanonical = "099720109477", kDebian = "136693071363", kAmazon = "137112412989", kDeepLearning = "898082745236";

constexpr std::array kRows = {
    Row{"ubuntu-20.04", "/aws/service/canonical/ubuntu/server/20.04/stable/current/{arch}/hvm/ebs-gp2/ami-id", kCanonical,
        "ubuntu/images/*/ubuntu-focal-20.04-{arch}-server-*", "ubuntu", "amd64", "arm64"},
    Row{"ubuntu-22.04", "/aws/service/canonical/ubuntu/server/22.04/stable/current/{arch}/hvm/ebs-gp2/ami-id", kCanonical,
        "ubuntu/images/*/ubuntu-jammy-22.04-{arch}-server-*", "ubuntu", "amd64", "arm64"},
    Row{"ubuntu-24.04", "/aws/service/canonical/ubuntu/server/24.04/stable/current/{arch}/hvm/ebs-gp3/ami-id", kCanonical,
        "ubuntu/images/*/ubuntu-noble-24.04-{arch}-server-*", "ubuntu", "amd64", "arm64"},
    Row{"debian-12", "/aws/service/debian/release/12/latest/{arch}", kDebian, "debian-12-{arch}-*", "admin", "amd64", "arm64"},
    Row{"debian-13", "/aws/service/debian/release/13/latest/{arch}", kDebian, "debian-13-{arch}-*", "admin", "amd64", "arm64"},
    Row{"amazon-linux-2023", "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{arch}", kAmazon, "al2023-ami-2023.*-{arch}",
        "ec2-user", "x86_64", "arm64"},
    Row{"gpu-ubuntu-22.04", "/aws/service/deeplearning/ami/{arch}/base-oss-nvidia-driver-gpu-ubuntu-22.04/latest/ami-id", kDeepLearning,
        "Deep Learning*Base OSS Nvidia Driver GPU AMI (Ubuntu 22.04)*", "ubuntu", "x86_64", "arm64"},
    Row{"gpu-ubuntu-24.04", "/aws/service/deeplearning/ami/{arch}/base-oss-nvidia-driver-gpu-ubuntu-24.04/latest/ami-id", kDeepLearning,
        "Deep Learning*Base OSS Nvidia Driver GPU AMI (Ubuntu 24.04)*", "ubuntu", "x86_64", "arm64"},
};

std::string filled(std::string_view pattern, std::string_view architecture) {
  std::string text(pattern);
  if (const auto at = text.find("{arch}"); at != text.npos) text.replace(at, 6, architecture);
  return text;
}

}  // namespace

bool is_image_id(std::string_view name) { return name.starts_with("ami-"); }

bool has_nvidia_gpus(std::string_view instance_type) {
  if (instance_type.size() < 2 || instance_type.starts_with("g4ad")) return false;
  const char family = instance_type[0], next = instance_type[1];
  return ((family == 'p' || family == 'g') && next >= '0' && next <= '9') || instance_type.starts_with("gr");
}

std::vector<std::string> image_aliases() {
  std::vector<std::string> names;
  for (const Row& row : kRows) names.emplace_back(row.alias);
  return names;
}

Result<ImageSource> find_image_source(std::string_view name, std::string_view architecture, std::string_view instance_type) {
  const std::string_view wanted = !name.empty() ? name : has_nvidia_gpus(instance_type) ? "gpu-ubuntu-22.04" : "ubuntu-22.04";
  if (architecture != "x86_64" && architecture != "arm64")
    return invalid(fmt::format("the architecture '{}' is not one of x86_64 and arm64", architecture));
  for (const Row& row : kRows) {
    if (row.alias != wanted) continue;
    const std::string_view word = architecture == "arm64" ? row.arm64 : row.x86_64;
    return ImageSource{filled(row.parameter, word), std::string(row.owner), filled(row.name_pattern, word), std::string(row.login_user)};
  }
  const auto names = image_aliases();
  const auto nearest = closest(wanted, names);
  return invalid(fmt::format("there is no image '{}' on aws{}; write the id of one (ami-…), or one of {}", wanted,
                             nearest ? fmt::format(" (did you mean '{}'?)", *nearest) : "", join(names, ", ")));
}

std::string guess_login_user(const Image& image) {
  const std::string words = to_lower(image.name + " " + image.description);
  const auto holds = [&](std::string_view part) { return words.find(part) != words.npos; };
  if (holds("ubuntu")) return "ubuntu";
  if (holds("debian")) return "admin";
  if (holds("rocky")) return "rocky";
  if (holds("fedora")) return "fedora";
  if (holds("centos")) return "centos";
  return "ec2-user";
}

}  // namespace isobar::cloud::ec2
