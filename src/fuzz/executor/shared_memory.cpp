#include "shared_memory.h"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <climits>
#include <ctime>

namespace isobar::fuzz {

Result<std::unique_ptr<SharedMemory>> SharedMemory::create() {
  Fd descriptor(::memfd_create("isobar-fuzz", 0));
  if (!descriptor) return errno_error("make memory to share with the target");
  if (::ftruncate(descriptor.get(), static_cast<off_t>(ISOBAR_FUZZ_SHARED_BYTES)) != 0)
    return errno_error("size the memory shared with the target");
  void* memory = ::mmap(nullptr, ISOBAR_FUZZ_SHARED_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, descriptor.get(), 0);
  if (memory == MAP_FAILED) return errno_error("map the memory shared with the target");
  auto* shared = static_cast<isobar_fuzz_shared*>(memory);
  shared->magic = ISOBAR_FUZZ_MAGIC;
  shared->abi = ISOBAR_FUZZ_SHARED_ABI;
  return std::unique_ptr<SharedMemory>(new SharedMemory(std::move(descriptor), shared));
}

SharedMemory::~SharedMemory() { ::munmap(shared_, ISOBAR_FUZZ_SHARED_BYTES); }

std::uint32_t load(const std::uint32_t& word) { return __atomic_load_n(&word, __ATOMIC_ACQUIRE); }
void store(std::uint32_t& word, std::uint32_t value) { __atomic_store_n(&word, value, __ATOMIC_RELEASE); }
void wake(std::uint32_t& word) { ::syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0); }

void wait_while(std::uint32_t& word, std::uint32_t old, Duration at_most) {
  if (load(word) != old || at_most <= Duration(0)) return;
  const timespec limit{static_cast<time_t>(at_most.count() / 1'000'000'000), static_cast<long>(at_most.count() % 1'000'000'000)};
  ::syscall(SYS_futex, &word, FUTEX_WAIT, old, &limit, nullptr, 0);
}

std::uint64_t monotonic_nanoseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace isobar::fuzz
