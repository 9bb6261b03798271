// The kernel's own header: the C library's knows fewer fields, and both cannot be read in one file.
#include "round_trip.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstddef>

namespace isobar::transfer {

std::optional<Duration> least_round_trip(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return std::nullopt;
  // Older kernels fill in less. All ones: none was measured.
  if (size < offsetof(tcp_info, tcpi_min_rtt) + sizeof info.tcpi_min_rtt || info.tcpi_min_rtt == 0 || info.tcpi_min_rtt == ~0U)
    return std::nullopt;
  return std::chrono::microseconds(info.tcpi_min_rtt);
}

}  // namespace isobar::transfer
