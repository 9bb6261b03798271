#pragma once

/// Whatever lets this user into Google Cloud: found where Google's own tools look for it, and kept fresh.

#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"
#include "storage/gcs_credentials.h"
#include "storage/secret_source.h"
#include "storage/surroundings.h"

namespace isobar::storage {

struct GcsAccess {
  std::shared_ptr<SecretSource<GcsCredentials>> credentials;
  std::string project;   ///< empty: none is set
  std::string endpoint;  ///< from STORAGE_EMULATOR_HOST, which takes no credentials; empty: Google's own
};

/// STORAGE_EMULATOR_HOST; the file in GOOGLE_APPLICATION_CREDENTIALS or the one `gcloud auth application-default login` writes, of a
/// service account or a user; the machine's own service account. Nothing is asked of anyone before the first use.
/// transport, clock  must outlive what is returned, and every request under way
/// Errors     kInvalidArgument: a file that is wrong, by name, with the mend. Never a secret
Result<GcsAccess> find_gcs_access(const Surroundings& surroundings, net::HttpTransport& transport, const Clock& clock);

/// The same for Google's other APIs: no emulator of its storage concerns them.
Result<GcsAccess> find_google_access(const Surroundings& surroundings, net::HttpTransport& transport, const Clock& clock);

}  // namespace isobar::storage
