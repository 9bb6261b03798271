#include "cloud/lambda_provider.h"

#include "lambda_cloud.h"

namespace isobar::cloud {

LambdaProvider::LambdaProvider(const MachineParts& parts, storage::Surroundings surroundings, net::HttpTransport& transport)
    : MachineProvider(std::make_unique<lambda::LambdaCloud>(
                          lambda::LambdaCloud::Parts{parts.owner, std::move(surroundings), transport, pace_of(parts)}),
                      parts) {}

}  // namespace isobar::cloud
