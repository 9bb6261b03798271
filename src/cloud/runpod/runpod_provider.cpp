#include "cloud/runpod_provider.h"

#include "runpod_cloud.h"

namespace isobar::cloud {

RunPodProvider::RunPodProvider(const MachineParts& parts, storage::Surroundings surroundings, net::HttpTransport& transport)
    : MachineProvider(std::make_unique<runpod::RunPodCloud>(
                          runpod::RunPodCloud::Parts{parts.owner, std::move(surroundings), transport, pace_of(parts)}),
                      parts) {}

}  // namespace isobar::cloud
