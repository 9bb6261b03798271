#pragma once

/// Uploads in parts, in the two ways that Google Cloud Storage and its emulators allow.

#include <memory>

#include "gcs_client.h"
#include "storage/store.h"

namespace isobar::storage::gcs {

class PartUploads {
 public:
  virtual ~PartUploads() = default;
  virtual void start(std::string key, Properties properties, Done<Upload> done) = 0;
  virtual void put(Upload upload, int number, std::string_view body, Checksums checksums, Done<Part> done) = 0;
  virtual void list(Upload upload, int after, Done<PartPage> done) = 0;
  /// Done when the object is there; the store reads its head afterwards.
  virtual void complete(Upload upload, std::vector<Part> parts, Properties properties, Done<void> done) = 0;
  virtual void abort(Upload upload, Done<void> done) = 0;
  virtual void list_all(std::string prefix, std::string page, Done<UploadPage> done) = 0;
};

/// The XML interface's multipart uploads, with the same bearer token.
std::unique_ptr<PartUploads> xml_parts(Client& client);

/// Each part an object under kGcsPartsPrefix + UPLOAD + "/", beside a marker whose metadata holds the key; joined by compose, 32 at a
/// time, in as many rounds as it takes; then all of them are removed.
std::unique_ptr<PartUploads> composed_parts(Client& client);

}  // namespace isobar::storage::gcs
