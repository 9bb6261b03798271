#include "storage/open.h"

#include "storage/http_source.h"

namespace isobar::storage {

StoreOpener::StoreOpener(StoreOptions options, Surroundings surroundings, net::HttpTransport& transport, const Clock& clock)
    : options_(std::move(options)), surroundings_(std::move(surroundings)), transport_(transport), clock_(clock) {}

Result<AwsAccess> StoreOpener::aws() {
  const std::scoped_lock lock(mutex_);
  if (!aws_) {
    TRY_ASSIGN(aws_, find_aws_access(surroundings_, options_.aws_profile, transport_, clock_));
    if (options_.anonymous) aws_->credentials = SecretSource<AwsCredentials>::of({});
  }
  return *aws_;
}

Result<GcsAccess> StoreOpener::gcs() {
  const std::scoped_lock lock(mutex_);
  if (!gcs_) {
    // Without credentials only where the service is matters, which a key that cannot be read does not change.
    auto found = find_gcs_access(surroundings_, transport_, clock_);
    if (!found.ok() && !options_.anonymous) return found.error();
    gcs_ = found.ok() ? std::move(*found) : GcsAccess();
    if (options_.anonymous) gcs_->credentials = SecretSource<GcsCredentials>::of({});
  }
  return *gcs_;
}

Result<AzureAccess> StoreOpener::azure(const std::string& account) {
  const std::scoped_lock lock(mutex_);
  const auto known = azure_.find(account);
  if (known != azure_.end()) return known->second;
  TRY_ASSIGN(AzureAccess access, find_azure_access(surroundings_, account, transport_, clock_));
  if (options_.anonymous) access.credentials = SecretSource<AzureCredentials>::of({});
  return azure_.emplace(account, std::move(access)).first->second;
}

Result<std::unique_ptr<Store>> StoreOpener::open(const Location& location) {
  switch (location.kind) {
    case Kind::kLocal: return std::unique_ptr<Store>(LocalStore::open(location.key, options_.local));
    case Kind::kHttp: return make_http_source(location.bucket, transport_, clock_);
    case Kind::kS3: {
      TRY_ASSIGN(const AwsAccess access, aws());
      S3Options options = options_.s3;
      if (options.endpoint.empty()) options.endpoint = access.endpoint;
      if (options.region.empty()) options.region = access.region;
      return make_s3_store(location.bucket, std::move(options), access.credentials, transport_, clock_);
    }
    case Kind::kGcs: {
      TRY_ASSIGN(const GcsAccess access, gcs());
      GcsOptions options = options_.gcs;
      if (options.endpoint.empty()) options.endpoint = access.endpoint;
      if (options.project.empty()) options.project = access.project;
      return make_gcs_store(location.bucket, std::move(options), access.credentials, transport_, clock_);
    }
    case Kind::kAzure: {
      TRY_ASSIGN(const AzureAccess access, azure(location.account));
      AzureOptions options = options_.azure;
      if (options.endpoint.empty()) options.endpoint = access.endpoint;
      return make_azure_store(location.account, location.bucket, std::move(options), access.credentials, transport_, clock_);
    }
  }
  return invalid("no such store");
}

Result<std::unique_ptr<Store>> open_store(const Location& location, const StoreOptions& options, net::HttpTransport& transport,
                                          const Clock& clock) {
  return StoreOpener(options, Surroundings::of_process(), transport, clock).open(location);
}

}  // namespace isobar::storage
