#pragma once

/// The store over the client: what each call of storage::Store says to Google Cloud Storage, and what the answer means.

#include "gcs_client.h"
#include "gcs_json.h"
#include "gcs_parts.h"

namespace isobar::storage::gcs {

class GcsStore final : public Store {
 public:
  explicit GcsStore(std::unique_ptr<Client> client);

  Location location() const override { return {Kind::kGcs, "", client_->bucket(), ""}; }
  Limits limits() const override;

  void list(ListRequest request, Done<ListPage> done) override;
  void head(std::string key, bool with_tags, Done<ObjectHead> done) override;
  void get(GetRequest request, Done<Got> done) override;
  void put(PutRequest request, Done<PutReceipt> done) override;

  void start_upload(std::string key, Properties properties, Done<Upload> done) override;
  void put_part(Upload upload, int number, std::uint64_t offset, std::string_view body, Checksums checksums, Done<Part> done) override;
  void list_parts(Upload upload, int after, Done<PartPage> done) override;
  void complete_upload(Upload upload, std::vector<Part> parts, std::uint64_t bytes, Properties properties, Checksums checksums,
                       Done<PutReceipt> done) override;
  void abort_upload(Upload upload, Done<void> done) override;
  void list_uploads(std::string prefix, std::string page, Done<UploadPage> done) override;

  bool can_copy_from(const Store& source) const override;
  void copy(const Store& source, std::string source_key, std::string source_version, std::string key, std::optional<Properties> properties,
            Done<PutReceipt> done) override;
  void copy_part(const Store& source, std::string source_key, std::string source_version, std::uint64_t offset, std::uint64_t bytes,
                 Upload upload, int number, Done<Part> done) override;

  void remove(std::vector<std::string> keys, Done<std::vector<RemoveFailure>> done) override;
  void set_tags(std::string key, std::map<std::string, std::string> tags, Done<void> done) override;

  void make_bucket(Done<void> done) override;
  void remove_bucket(Done<void> done) override;
  void list_buckets(Done<std::vector<BucketInfo>> done) override;
  void region(const Done<std::string>& done) override;

 private:
  void head_of(const std::string& key, const std::string& generation, const Done<ObjectHead>& done);
  void rewrite(Call call, const Done<PutReceipt>& done);
  void list_bucket_pages(const std::string& token, const std::vector<BucketInfo>& before, const Done<std::vector<BucketInfo>>& done);

  const std::unique_ptr<Client> client_;
  const std::unique_ptr<PartUploads> parts_;
};

/// Requests that several files build. `query` of each is the caller's to extend.
Call object_call(const Client& client, std::string method, std::string_view verb, std::string_view key);
/// An upload in one request, resource and content together. Errors  as write_object's names; checksums travel in the resource
Call upload_call(const Client& client, std::string_view key, std::string_view body, const Properties& properties,
                 const Checksums& checksums);
PutReceipt receipt_of(const ObjectHead& head);
Status check_key(std::string_view key);

}  // namespace isobar::storage::gcs
