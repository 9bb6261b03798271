#pragma once

// A campaign as the command line runs it: workers in threads, each with its own copy of the target, over one folder.

#include <atomic>
#include <memory>
#include <thread>

#include "base/mutex.h"
#include "fuzz/campaign.h"
#include "fuzz/sites.h"

namespace isobar::app {

struct FuzzSessionOptions {
  fuzz::ExecutorOptions target;
  fuzz::CampaignOptions campaign;
  fs::path folder;
  int workers = 1;
  bool pinned = true;  ///< each worker and its target share a processor
};

/// What one worker shows to others.
struct FuzzView {
  std::vector<fuzz::Progress> workers;
  std::string failure;  ///< why a worker ended, if one did
};

class FuzzSession {
 public:
  /// Starts the workers; returns when the first is at work.
  /// Errors   what starting the target or opening the folder say
  static Result<std::unique_ptr<FuzzSession>> begin(FuzzSessionOptions options, const fuzz::CampaignEvents& events);
  ~FuzzSession();

  FuzzView view() const;
  const fuzz::TargetShape& shape() const { return shape_; }
  const fuzz::SiteTable& sites() const { return sites_; }
  /// Lets each worker write down what it knows.
  Status end();

 private:
  struct Worker;
  explicit FuzzSession(FuzzSessionOptions options);
  Status start(int place, const fuzz::CampaignEvents& events);
  void work(Worker& worker);

  FuzzSessionOptions options_;
  fuzz::TargetShape shape_;
  fuzz::SiteTable sites_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<bool> ending_ = false;
};

/// Of the program's file: inputs that were found with another one are run again.
Result<std::string> fuzz_fingerprint(const std::string& program);

}  // namespace isobar::app
