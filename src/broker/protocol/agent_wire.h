#pragma once

/// Between the values that several messages hold and their Protobuf form. Encoding cannot fail; decoding trusts nothing:
/// whatever passes here is in the bounds that the types promise, so that the agent need not ask again.

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

#include "agent.pb.h"
#include "broker/agent_messages.h"

namespace isobar::broker {

void put(const JobSpec& spec, wire::JobSpec* out);
void put(const JobRecord& job, wire::JobRecord* out);
void put(const Autostop& autostop, wire::Autostop* out);
void put(const NodeStatus& status, wire::NodeStatus* out);
void put(const RankKey& key, wire::RankKey* out);
void put(const RankOrder& order, wire::RankOrder* out);
void put(const MirrorManifest& manifest, wire::MirrorManifest* out);
void put_ids(const std::vector<JobId>& ids, google::protobuf::RepeatedField<std::uint64_t>* out);

Result<JobSpec> get(const wire::JobSpec& wire);
Result<JobRecord> get(const wire::JobRecord& wire);
Result<Autostop> get(const wire::Autostop& wire);
Result<NodeStatus> get(const wire::NodeStatus& wire);
Result<RankKey> get(const wire::RankKey& wire);
Result<RankOrder> get(const wire::RankOrder& wire);
Result<MirrorManifest> get(const wire::MirrorManifest& wire);
std::vector<JobId> get_ids(const google::protobuf::RepeatedField<std::uint64_t>& wire);

template <class Enum>
Result<Enum> enumerator(std::int32_t value, Enum last, std::string_view name) {
  if (value < 0 || value > static_cast<std::int32_t>(last)) return invalid(fmt::format("{}: {} is out of range", name, value));
  return static_cast<Enum>(value);
}

template <class Wire>
Result<Wire> parse(std::string_view bytes, std::string_view name) {
  Wire wire;
  if (!wire.ParseFromArray(bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT32_MAX))))
    return invalid(fmt::format("{}: not a well-formed message of {} bytes", name, bytes.size()));
  return wire;
}

}  // namespace isobar::broker
