#pragma once

/// Volumes that were asked for by name: made, mounted and removed so that whatever happens to the process that does it, none is forgotten,
/// none is made or removed twice, and none goes while a cluster has it.

#include <string>
#include <vector>

#include "broker/broker.h"
#include "broker/volume_file.h"

namespace isobar::broker {

class Volumes {
 public:
  /// parts   outlive it
  explicit Volumes(const BrokerParts& parts) : parts_(parts) {}

  /// Makes a volume, or takes one that is there under its name; one that is so already stays as it is. Cut short, it is gone on with or
  /// undone by whoever next asks for volumes. Errors   kInvalidArgument: it is there, and otherwise; what cannot be made in that place
  Result<VolumeRecord> apply(const VolumeSpec& spec, const std::string& user);
  /// All there are, by name, after what was cut short was put in order, as far as it can be now.
  Result<std::vector<VolumeRecord>> list();
  /// Removes a volume with what is in it; one that was there before us is only forgotten.
  /// if_it_fails   kForget: the record goes also when the cloud cannot be asked; what is left there is said
  /// Errors        kInvalidArgument: a cluster, or somebody else's pod, has it mounted; kNotFound: no such volume
  Status remove(const std::string& name, IfItFails if_it_fails = IfItFails::kKeep);

  /// What the nodes of a cluster are to be made with.
  /// Errors   kNotFound, kUnavailable: a volume that is not there to be mounted
  Result<std::vector<cloud::VolumeUse>> resolve(const std::vector<VolumeMount>& mounts);

 private:
  Result<ClusterLock> hold(const std::string& name);
  Result<cloud::VolumeDriver*> driver_of(const std::string& cloud);
  Status settle(const VolumeRecord& record);
  Result<VolumeRecord> make(VolumeRecord record);
  Status finish_removal(const VolumeRecord& record);

  const BrokerParts& parts_;
};

/// A task placed where its volumes are: alternatives on their cloud are narrowed to their place. Those on other clouds stay, and are
/// refused by those. Errors   kInvalidArgument: the task, or another of its volumes, is elsewhere
Result<Task> placed_at_volumes(Task task, const std::vector<cloud::VolumeUse>& uses);

/// What a cloud without volumes says to a task that mounts some.
std::string no_volumes_here(const std::vector<cloud::VolumeUse>& uses);

/// Whether a cloud mounts what a task asks for. driver   of that cloud
/// Errors   kInvalidArgument, with the mend
Status check_volumes(cloud::Provider& driver, const std::vector<cloud::VolumeUse>& uses, int nodes);

}  // namespace isobar::broker
