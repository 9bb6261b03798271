#pragma once

/// Azure Blob Storage: block blobs in one container of one account.

#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"
#include "storage/azure_credentials.h"
#include "storage/secret_source.h"
#include "storage/store.h"

namespace isobar::storage {

struct AzureOptions {
  /// "http://127.0.0.1:10000/devstoreaccount1"; empty: https://ACCOUNT.blob.core.windows.net
  std::string endpoint;
};

/// transport, clock  must outlive the store, and the store every call on it
/// Metadata    Azure takes only names that C# would: others travel with each such byte as "__xHH" (see metadata_name).
/// Uploads     An upload's id is the prefix of the names of its blocks. Azure keeps blocks that nobody committed for a week, has no
///             way to list them for a blob that exists already, and none to abandon them there: they are left to expire.
/// Errors      kInvalidArgument: the endpoint is no URL, the container's name impossible
Result<std::unique_ptr<Store>> make_azure_store(std::string account, std::string container, AzureOptions options,
                                                std::shared_ptr<SecretSource<AzureCredentials>> credentials, net::HttpTransport& transport,
                                                const Clock& clock);

}  // namespace isobar::storage
