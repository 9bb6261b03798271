#pragma once

/// Whatever lets this user into an account of Azure Storage: found where Azure's own tools look for it, and kept fresh.

#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"
#include "storage/azure_credentials.h"
#include "storage/secret_source.h"
#include "storage/surroundings.h"

namespace isobar::storage {

struct AzureAccess {
  std::shared_ptr<SecretSource<AzureCredentials>> credentials;
  std::string endpoint;  ///< empty: the account's own
};

/// What a connection string says.
struct AzureConnection {
  std::string account, key, sas, endpoint;  ///< key as raw bytes
};
/// "AccountName=…;AccountKey=…;BlobEndpoint=…", also with SharedAccessSignature, EndpointSuffix, or UseDevelopmentStorage=true.
/// Errors   kInvalidArgument: the field that is wrong; values are never quoted
Result<AzureConnection> parse_azure_connection(std::string_view text);

/// AZURE_STORAGE_CONNECTION_STRING; AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN; a client of Entra by AZURE_TENANT_ID, AZURE_CLIENT_ID
/// and AZURE_CLIENT_SECRET or AZURE_FEDERATED_TOKEN_FILE; the machine's managed identity. AZURE_STORAGE_ENDPOINT names another endpoint.
/// A key or string is used only for the account that it belongs to (AZURE_STORAGE_ACCOUNT).
/// transport, clock  must outlive what is returned, and every request under way
/// Errors     kInvalidArgument: a variable that is wrong, by name, with the mend. Never a secret
Result<AzureAccess> find_azure_access(const Surroundings& surroundings, const std::string& account, net::HttpTransport& transport,
                                      const Clock& clock);

/// Tokens of Entra for any of Azure's APIs: a client by AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET or
/// AZURE_FEDERATED_TOKEN_FILE; whoever `az login` signed in, by the CLI itself; the machine's managed identity. Nothing is asked of
/// anyone before the first use.
/// resource   "https://management.azure.com/"
std::shared_ptr<SecretSource<AzureCredentials>> find_entra_access(const Surroundings& surroundings, const std::string& resource,
                                                                  net::HttpTransport& transport, const Clock& clock);

}  // namespace isobar::storage
