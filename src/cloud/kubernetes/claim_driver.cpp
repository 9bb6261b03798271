#include "claim_driver.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>

#include "base/text.h"
#include "kube_json.h"
#include "pod_spec.h"
#include "volume_claim.h"

namespace isobar::cloud {

namespace json = boost::json;

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kLookLeast = std::chrono::milliseconds(100), kLookMost = std::chrono::milliseconds(1000);
/// What a pod has of its own there.
constexpr std::array<std::string_view, 6> kTaken = {"/", kPodHome, "/dev", "/dev/shm", "/proc", "/sys"};

std::string claims_in(const std::string& name_space) { return fmt::format("/api/v1/namespaces/{}/persistentvolumeclaims", name_space); }

KubeCall claim_call(std::string method, const Volume& volume, std::string_view verb) {
  return {.method = std::move(method),
          .path = claims_in(volume.name_space) + "/" + volume.id,
          .query = {},
          .body = {},
          .doing = fmt::format("{} persistentvolumeclaim {}", verb, volume.id)};
}

std::string where(const Volume& volume) {
  return fmt::format("claim {} in namespace {} of Kubernetes context {}", volume.id, volume.name_space, volume.region);
}

}  // namespace

Status ClaimDriver::check(const std::vector<VolumeUse>& uses, int nodes) const {
  for (const auto& use : uses) {
    if (std::find(kTaken.begin(), kTaken.end(), use.path) != kTaken.end())
      return invalid(fmt::format("a pod has {} for itself; mount the volume elsewhere, such as /mnt/data", use.path));
    if (!use.ephemeral && nodes > 1 && use.volume.access_mode.starts_with("ReadWriteOnce"))
      return invalid(
          fmt::format("volume '{}' is {}, which one node alone may mount, and the task has {}; one of access_mode ReadWriteMany or "
                      "ReadOnlyMany serves them all",
                      use.volume.name, use.volume.access_mode, nodes));
  }
  return {};
}

Result<Volume> ClaimDriver::plan(Volume wanted, Duration deadline) {
  if (wanted.region.empty()) {
    TRY_ASSIGN(const auto contexts, inner_.contexts());
    wanted.region = contexts.at(0);
  }
  TRY_ASSIGN(auto* client, inner_.client(wanted.region));
  if (wanted.name_space.empty()) wanted.name_space = client->access().name_space;
  wanted.id = wanted.use_existing ? wanted.name : claim_name(inner_.parts.owner, wanted.name);
  if (!wanted.use_existing) {
    TRY(check_class(*client, wanted.storage_class, deadline));
    return wanted;
  }
  TRY_ASSIGN(const auto there, find(wanted, deadline));
  if (!there) return not_found(fmt::format("there is no {}, which use_existing asks for", where(wanted)));
  if (there->deleting) return unavailable(fmt::format("{} is being deleted", where(wanted)));
  if (wanted.size_gib > there->size_gib)
    return invalid(
        fmt::format("{} has {} GiB, not {}; leave out `size` to take it as it is", where(wanted), there->size_gib, wanted.size_gib));
  wanted.size_gib = there->size_gib;
  wanted.storage_class = there->storage_class;
  wanted.access_mode = there->access_mode;
  return wanted;
}

/// A claim on a class that is not there is waited on for ever, so that is found now; where classes may not be listed, by whoever waits.
Status ClaimDriver::check_class(KubeClient& client, const std::string& wanted, Duration deadline) {
  const auto classes = client.list(
      {.method = "GET", .path = "/apis/storage.k8s.io/v1/storageclasses", .query = {}, .body = {}, .doing = "list storage classes"},
      deadline);
  if (!classes.ok()) return classes.error().code() == Code::kPermissionDenied ? Status() : Status(classes.error());
  return check_storage_class(*classes, wanted).context("Kubernetes context " + client.context());
}

Status ClaimDriver::make(const Volume& volume, Duration deadline) {
  if (volume.use_existing) return {};
  TRY_ASSIGN(auto* client, inner_.client(volume.region));
  const auto made = client->call({.method = "POST",
                                  .path = claims_in(volume.name_space),
                                  .query = {},
                                  .body = json::serialize(make_claim(inner_.parts.owner, volume)),
                                  .doing = "create persistentvolumeclaim " + volume.id},
                                 deadline);
  if (made.ok() || made.error().code() != Code::kAlreadyExists) return made.ok() ? Status() : Status(made.error());
  // Made before a crash, or by a request whose answer was lost; or somebody else's.
  TRY_ASSIGN(const auto there, find(volume, deadline));
  if (there && there->ours && !there->deleting) return {};
  return Error(Code::kAlreadyExists, fmt::format("{} is there already{}; give the volume another name", where(volume),
                                                 there && there->deleting ? ", and being deleted" : ""));
}

Result<std::optional<json::value>> ClaimDriver::claim_of(const Volume& volume, Duration deadline) {
  TRY_ASSIGN(auto* client, inner_.client(volume.region));
  auto found = client->call(claim_call("GET", volume, "read"), deadline);
  if (!found.ok() && found.error().code() == Code::kNotFound) return std::optional<json::value>();
  TRY_ASSIGN(auto claim, std::move(found));
  return std::optional(std::move(claim));
}

Result<std::optional<VolumeState>> ClaimDriver::find(const Volume& volume, Duration deadline) {
  TRY_ASSIGN(const auto claim, claim_of(volume, deadline));
  if (!claim) return std::optional<VolumeState>();
  return std::optional(state_of_claim(*claim, inner_.parts.owner, volume.token));
}

Result<std::vector<std::string>> ClaimDriver::users(const Volume& volume, Duration deadline) {
  TRY_ASSIGN(auto* client, inner_.client(volume.region));
  TRY_ASSIGN(const auto pods, client->list({.method = "GET",
                                            .path = fmt::format("/api/v1/namespaces/{}/pods", volume.name_space),
                                            .query = {},
                                            .body = {},
                                            .doing = "list pods"},
                                           deadline));
  return pods_with_claim(pods, volume.id);
}

/// The very claim that was looked at, and no other that has come in its place.
Status ClaimDriver::ask_to_go(const Volume& volume, const json::value& claim, Duration deadline) {
  TRY_ASSIGN(auto* client, inner_.client(volume.region));
  auto call = claim_call("DELETE", volume, "delete");
  const json::object options{{"apiVersion", "v1"},
                             {"kind", "DeleteOptions"},
                             {"preconditions", json::object{{"uid", std::string(text_in(claim, {"metadata", "uid"}))}}}};
  call.body = json::serialize(options);
  const auto asked = client->call(call, deadline);
  if (asked.ok() || asked.error().code() == Code::kNotFound || asked.error().code() == Code::kConflict) return {};
  return asked.error();
}

Status ClaimDriver::remove(const Volume& volume, Duration deadline) {
  if (volume.use_existing) return {};
  const auto end = SteadyClock::now() + deadline;
  Duration pause = kLookLeast;
  for (;;) {
    TRY_ASSIGN(const auto claim, claim_of(volume, kKubeCallDeadline));
    if (!claim) return {};
    const auto state = state_of_claim(*claim, inner_.parts.owner, volume.token);
    if (!state.ours) return {};
    if (!state.deleting) TRY(ask_to_go(volume, *claim, kKubeCallDeadline));
    if (SteadyClock::now() >= end)
      return Error(Code::kDeadlineExceeded,
                   fmt::format("{} was deleted and is not gone within {}: Kubernetes keeps it for as long as a pod mounts it",
                               where(volume), format_duration(deadline)));
    std::this_thread::sleep_for(pause);
    pause = std::min<Duration>(pause * 2, kLookMost);
  }
}

}  // namespace isobar::cloud
