#pragma once

#include "features/engine.h"
#include "http_message.h"

namespace isobar::features {

struct OnlineFeaturesOptions {
  std::size_t rows_most = 100'000;
};

/// Feast's POST /get-online-features: entities in columns, features out in columns. Every row of the request has its place in the answer,
/// also one that comes twice.
/// now   what ages are told against, where they are asked for ("include_age": true)
/// Errors, in Feast's form   404: no such service, view or feature; 422: anything that is wrong with the body
HttpAnswer online_features(Engine& engine, const OnlineFeaturesOptions& options, std::string_view body, Instant now);

}  // namespace isobar::features
