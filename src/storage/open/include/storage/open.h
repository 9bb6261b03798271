#pragma once

/// From a location to its store, with whatever credentials this user has.

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"
#include "storage/aws_access.h"
#include "storage/azure.h"
#include "storage/azure_access.h"
#include "storage/gcs.h"
#include "storage/gcs_access.h"
#include "storage/local_store.h"
#include "storage/location.h"
#include "storage/s3.h"
#include "storage/store.h"

namespace isobar::storage {

/// What is set here goes before what the environment and the files say.
struct StoreOptions {
  S3Options s3;
  AzureOptions azure;
  GcsOptions gcs;
  LocalOptions local;
  std::string aws_profile;  ///< empty: AWS_PROFILE, else "default"
  bool anonymous = false;   ///< send no credentials: public buckets
};

/// Opens stores that share credentials, so that one can copy from another without the bytes coming here. Safe from any thread.
class StoreOpener {
 public:
  /// transport, clock  must outlive the opener and every store that it opened
  StoreOpener(StoreOptions options, Surroundings surroundings, net::HttpTransport& transport, const Clock& clock);

  /// A store of the location's bucket; for a local path, of the folder it names. Nothing is sent yet.
  /// Errors   kInvalidArgument: a name, an option, a variable or a file that is wrong, with the mend
  Result<std::unique_ptr<Store>> open(const Location& location);

 private:
  Result<AwsAccess> aws();
  Result<GcsAccess> gcs();
  Result<AzureAccess> azure(const std::string& account);

  const StoreOptions options_;
  const Surroundings surroundings_;
  net::HttpTransport& transport_;
  const Clock& clock_;
  std::mutex mutex_;
  // Found once, guarded by mutex_.
  std::optional<AwsAccess> aws_;
  std::optional<GcsAccess> gcs_;
  std::map<std::string, AzureAccess> azure_;
};

/// One store alone, in the surroundings of this process.
Result<std::unique_ptr<Store>> open_store(const Location& location, const StoreOptions& options, net::HttpTransport& transport,
                                          const Clock& clock);

}  // namespace isobar::storage
