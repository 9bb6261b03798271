#pragma once

/// What a context had when it was last looked at: plans are made from it without asking, and `isobar check` shows it.

#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/time.h"
#include "cloud/offer.h"

namespace isobar::cloud {

struct KubePicture {
  Instant at;
  std::string problem;             ///< why it cannot be used; the rest is then as it was before that
  std::vector<std::string> facts;  ///< a sentence on each
  std::vector<Offer> offers;
};

class KubePictures {
 public:
  explicit KubePictures(fs::path folder) : folder_(std::move(folder)) {}
  /// None: it was never looked at, or what was noted cannot be read.
  std::optional<KubePicture> find(const std::string& context) const;
  Status put(const std::string& context, const KubePicture& picture) const;

 private:
  fs::path file_of(const std::string& context) const;
  fs::path folder_;
};

}  // namespace isobar::cloud
