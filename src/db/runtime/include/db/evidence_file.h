#pragma once

/// evidence.log in a member's folder: the contradictions of others that it came across. Each line is the time, in seconds since 1970, and
/// the canonical encoding in base64; it proves itself to whoever has cluster.yaml.

#include <map>
#include <set>
#include <vector>

#include "base/file.h"
#include "base/time.h"
#include "db/evidence.h"

namespace isobar::db {

struct KeptEvidence {
  Instant seen;
  Evidence evidence;
};

/// Of one process at a time. One who lies in everything is kept of the first 16 times: that is enough, and the disk is not theirs to fill.
class EvidenceFile {
 public:
  /// Errors   those of reading it
  static Result<EvidenceFile> open(const fs::path& file);
  /// Appended and flushed, if it is new. Errors   those of the disk; then it is still wanted
  Status add(const Evidence& evidence, Instant now);

 private:
  explicit EvidenceFile(fs::path file) : file_(std::move(file)) {}
  bool wants(const Evidence& evidence) const;
  void note(const Evidence& evidence);

  fs::path file_;
  std::map<std::string, std::size_t> of_accused_;
  std::set<std::pair<std::string, TxId>> known_;
};

/// All of it; none when there is no such file. A line that a crash cut off is left out.
/// Errors   kDataLoss: another line is none, which is named
Result<std::vector<KeptEvidence>> read_evidence(const fs::path& file);

}  // namespace isobar::db
