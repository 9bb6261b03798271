#pragma once

/// All sources of a definition that are read from elsewhere, each by a thread of its own, for as long as the runner lives.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "features/source_reader.h"

namespace isobar::features {

struct SourceProgress {
  std::string source;
  std::string kind;
  bool at_end = false;        ///< of files: all that is there was read
  std::uint64_t refused = 0;  ///< records that are no rows of the source
  std::string problem;        ///< what is in the way, or of the last record that was refused; "": nothing
};

class SourceRunner {
 public:
  struct Options {
    Duration patience = 500ms;  ///< how long a source is waited for at once; a file that grows is looked at this often
    Duration back_off = 5s;     ///< the longest wait before a source that fails is tried again; the first is a twentieth of it
  };
  /// engine   outlives it
  SourceRunner(Engine& engine, Options options);
  explicit SourceRunner(Engine& engine) : SourceRunner(engine, Options()) {}
  ~SourceRunner();
  SourceRunner(const SourceRunner&) = delete;
  SourceRunner& operator=(const SourceRunner&) = delete;

  /// Reads the sources of the definition that is there now, and no others. Those that are the same go on.
  void follow_definition();
  std::vector<SourceProgress> progress() const;
  /// Waits until each file source has been read to its end.
  /// Errors   kDeadlineExceeded; kUnavailable: what is in the way of one
  Status wait_for_files(Duration most) const;

 private:
  class Running;
  Engine& engine_;
  const Options options_;
  mutable Mutex mutex_;
  std::map<std::string, std::unique_ptr<Running>> running_ GUARDED_BY(mutex_);
};

}  // namespace isobar::features
