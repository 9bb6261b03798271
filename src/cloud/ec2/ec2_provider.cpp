#include "cloud/ec2_provider.h"

#include <thread>

#include "ec2_cloud.h"

namespace isobar::cloud {

namespace {

std::function<void(Duration)> sleep_of(const Ec2Provider::Parts& parts) {
  return parts.sleep ? parts.sleep : [](Duration span) { std::this_thread::sleep_for(span); };
}

}  // namespace

Ec2Provider::Ec2Provider(Parts parts)
    : MachineProvider(std::make_unique<ec2::Ec2Cloud>(
                          ec2::Ec2Cloud::Parts{parts.settings, parts.surroundings, parts.transport, {parts.clock, sleep_of(parts)}}),
                      {parts.settings.home, parts.settings.owner, parts.clock, parts.log, parts.setup, sleep_of(parts)}) {}

}  // namespace isobar::cloud
