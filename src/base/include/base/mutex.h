#pragma once

/// A mutex that clang's thread-safety analysis understands: `int depth_ GUARDED_BY(mutex_);`

#include <mutex>

#if defined(__clang__)
#define ISOBAR_ATTRIBUTE(x) __attribute__((x))
#else
#define ISOBAR_ATTRIBUTE(x)
#endif
#define GUARDED_BY(mutex) ISOBAR_ATTRIBUTE(guarded_by(mutex))
#define REQUIRES(mutex) ISOBAR_ATTRIBUTE(requires_capability(mutex))

namespace isobar {

class ISOBAR_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() ISOBAR_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void unlock() ISOBAR_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

class ISOBAR_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ISOBAR_ATTRIBUTE(acquire_capability(mutex)) : mutex_(mutex) { mutex_.lock(); }
  ~MutexLock() ISOBAR_ATTRIBUTE(release_capability()) { mutex_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace isobar
