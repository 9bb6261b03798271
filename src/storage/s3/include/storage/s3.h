#pragma once

/// Amazon S3 and everything that speaks its protocol.

#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "net/http.h"
#include "storage/secret_source.h"
#include "storage/sigv4.h"
#include "storage/store.h"

namespace isobar::storage {

struct S3Options {
  enum class Addressing { kAuto, kPath, kVirtualHosted };
  /// How a body is protected where TLS does not. kAuto signs its SHA-256 until the store has shown that it verifies the CRC-32C
  /// sent along (it echoes it), and leaves the body unsigned from then on.
  enum class Payload { kAuto, kUnsigned, kSigned };

  std::string region;                         ///< empty: us-east-1 is asked first, and the bucket's own region learnt from the answer
  std::string endpoint;                       ///< "http://127.0.0.1:9000"; empty: AWS
  Addressing addressing = Addressing::kAuto;  ///< kAuto: the bucket in the host's name at AWS, in the path elsewhere
  Payload payload = Payload::kAuto;
  bool checksums = true;        ///< send and ask for CRC-32C; off for stores that refuse the headers
  bool requester_pays = false;  ///< on every request
  std::string encryption;       ///< of what is written: "AES256", "aws:kms"; empty: the bucket's default
  std::string kms_key;          ///< with aws:kms; empty: the account's default key
  std::string acl;              ///< "bucket-owner-full-control"; empty: none is sent
};

/// transport, clock  must outlive the store, and the store every call on it
/// ObjectInfo::version is the ETag, followed by "@" and the version id where the bucket keeps versions and the response names it.
/// Errors   kInvalidArgument: the endpoint is no URL, the bucket's name none that S3 allows
Result<std::unique_ptr<Store>> make_s3_store(std::string bucket, S3Options options,
                                             std::shared_ptr<SecretSource<AwsCredentials>> credentials, net::HttpTransport& transport,
                                             const Clock& clock);

}  // namespace isobar::storage
