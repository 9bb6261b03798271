#include "afl_pipes.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/text.h"
#include "shared_memory.h"

namespace isobar::fuzz {
namespace {

// Above the numbers that they get in the target, so that none is overwritten there before it is copied.
constexpr int kAbove = 256;

Result<Fd> moved_up(int descriptor) {
  Fd above(::fcntl(descriptor, F_DUPFD_CLOEXEC, kAbove));
  if (!above) return errno_error("make a pipe for the target");
  return above;
}

}  // namespace

Result<AflPipes> AflPipes::create() {
  int down[2];
  int up[2];
  if (::pipe2(down, O_CLOEXEC) != 0) return errno_error("make a pipe for the target");
  const Fd down_read(down[0]);
  Fd down_write(down[1]);
  if (::pipe2(up, O_CLOEXEC) != 0) return errno_error("make a pipe for the target");
  Fd up_read(up[0]);
  const Fd up_write(up[1]);
  AflPipes pipes;
  TRY_ASSIGN(pipes.target_hears_, moved_up(down_read.get()));
  TRY_ASSIGN(pipes.target_tells_, moved_up(up_write.get()));
  pipes.tells_ = std::move(down_write);
  pipes.hears_ = std::move(up_read);
  ::fcntl(pipes.hears_.get(), F_SETFL, O_NONBLOCK);
  return pipes;
}

void AflPipes::close_targets() {
  target_hears_.reset();
  target_tells_.reset();
}

bool AflPipes::say(std::uint32_t word) {
  // A reader that is gone is told by the result, not by a signal.
  struct sigaction ignored {};
  struct sigaction before {};
  ignored.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignored, &before);
  const bool said = ::write(tells_.get(), &word, 4) == 4;
  ::sigaction(SIGPIPE, &before, nullptr);
  broken_ = broken_ || !said;
  return said;
}

bool AflPipes::read_whole(void* into, std::size_t bytes, Duration at_most) {
  const std::uint64_t until = monotonic_nanoseconds() + static_cast<std::uint64_t>(std::max<std::int64_t>(at_most.count(), 0));
  for (std::size_t at = 0; at < bytes;) {
    const ssize_t got = ::read(hears_.get(), static_cast<std::uint8_t*>(into) + at, bytes - at);
    if (got > 0) {
      at += static_cast<std::size_t>(got);
      continue;
    }
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) return broken_ = true, false;
    const std::uint64_t now = monotonic_nanoseconds();
    if (now >= until) return false;
    pollfd waits{hears_.get(), POLLIN, 0};
    const timespec left{static_cast<time_t>((until - now) / 1'000'000'000), static_cast<long>((until - now) % 1'000'000'000)};
    ::ppoll(&waits, 1, &left, nullptr);
  }
  return true;
}

std::optional<std::uint32_t> AflPipes::hear(Duration at_most) {
  const std::uint64_t until = monotonic_nanoseconds() + static_cast<std::uint64_t>(std::max<std::int64_t>(at_most.count(), 0));
  while (part_bytes_ < 4) {
    const std::uint64_t now = monotonic_nanoseconds();
    if (!read_whole(part_ + part_bytes_, 1, Duration(static_cast<std::int64_t>(until > now ? until - now : 0)))) return std::nullopt;
    ++part_bytes_;
  }
  part_bytes_ = 0;
  std::uint32_t word;
  std::memcpy(&word, part_, 4);
  return word;
}

bool AflPipes::skip(std::uint32_t bytes, Duration at_most) {
  std::uint8_t room[4096];
  while (bytes > 0) {
    const auto some = std::min<std::uint32_t>(bytes, sizeof room);
    if (!read_whole(room, some, at_most)) return false;
    bytes -= some;
  }
  return true;
}

Result<SystemVMemory> SystemVMemory::create(std::size_t bytes) {
  const int id = ::shmget(IPC_PRIVATE, bytes, IPC_CREAT | IPC_EXCL | 0600);
  if (id < 0) return errno_error("make memory to share with the target");
  void* memory = ::shmat(id, nullptr, 0);
  // Marked now, gone with its last user: Linux lets a marked one still be attached by its id.
  ::shmctl(id, IPC_RMID, nullptr);
  if (memory == reinterpret_cast<void*>(-1)) return errno_error("attach the memory shared with the target");
  return SystemVMemory(id, static_cast<std::uint8_t*>(memory));
}

SystemVMemory& SystemVMemory::operator=(SystemVMemory&& other) noexcept {
  std::swap(id_, other.id_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

SystemVMemory::~SystemVMemory() {
  if (bytes_ != nullptr) ::shmdt(bytes_);
}

std::string program_in_path(const std::string& name) {
  const char* search = ::getenv("PATH");  // NOLINT(concurrency-mt-unsafe): read before there are threads
  if (name.find('/') != std::string::npos || search == nullptr) return name;
  for (const std::string_view folder : split(search, ':')) {
    const std::string path = std::string(folder) + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return name;
}

}  // namespace isobar::fuzz
