#include "cloud/ec2_provider.h"

#include "ec2_cloud.h"

namespace isobar::cloud {

namespace {

MachineParts parts_of(const Ec2Provider::Parts& parts) {
  return {parts.settings.home, parts.settings.owner, parts.clock, parts.log, parts.setup, parts.sleep};
}

}  // namespace

Ec2Provider::Ec2Provider(Parts parts)
    : MachineProvider(std::make_unique<ec2::Ec2Cloud>(
                          ec2::Ec2Cloud::Parts{parts.settings, parts.surroundings, parts.transport, pace_of(parts_of(parts))}),
                      parts_of(parts)) {}

}  // namespace isobar::cloud
