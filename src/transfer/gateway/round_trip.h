#pragma once

// How long a byte takes to a peer and back, as the kernel has seen it.

#include <optional>

#include "base/time.h"

namespace isobar::transfer {

// The least round trip of a TCP connection in the last five minutes, its handshake included: what waits in queues behind the data that
// we send ourselves is not in it. None: the kernel does not tell it.
std::optional<Duration> least_round_trip(int socket);

}  // namespace isobar::transfer
