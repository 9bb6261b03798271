// Files of credentials and what token services answer. A file that holds a marked secret where no value belongs must not have it
// quoted in a message.

#include <cstddef>
#include <cstdint>

#include "aws_documents.h"
#include "aws_profiles.h"
#include "base/check.h"
#include "google_key.h"
#include "storage/azure_access.h"

namespace {
template <class T>
void check_quiet(const isobar::Result<T>& result) {
  if (!result.ok()) CHECK(result.error().message().find("S3CR3T") == std::string::npos, result.error().message());
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isobar::storage;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  AwsProfiles profiles;
  (void)add_aws_profiles(profiles, AwsFile::kConfig, "config", text);
  (void)add_aws_profiles(profiles, AwsFile::kCredentials, "credentials", text);
  check_quiet(parse_azure_connection(text));
  if (const auto key = parse_google_key("key.json", text); key.ok())
    (void)token_request(*key, isobar::Instant::from_unix_seconds(1'400'000'000));
  (void)parse_token(text, {});
  (void)parse_sts_credentials(text);
  (void)parse_json_credentials(text);
  (void)parse_sso_credentials(text);
  (void)parse_sso_token(text, {});
  return 0;
}
