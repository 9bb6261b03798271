#pragma once

/// The store over the client: what each call of storage::Store says to S3, and what the answer means.

#include "s3_client.h"

namespace isobar::storage::s3 {

class S3Store final : public Store {
 public:
  explicit S3Store(std::unique_ptr<Client> client) : client_(std::move(client)) {}

  Location location() const override { return {Kind::kS3, "", client_->bucket(), ""}; }
  Limits limits() const override { return {}; }

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
  void head_of(const std::string& key, const std::string& version, const Done<ObjectHead>& done);
  template <class T>
  void confirm_source(const Store& source, const std::string& key, const std::string& version, T outcome, Done<T> done);
  void get_tags(ObjectHead head, const Done<ObjectHead>& done);
  void remove_one(std::string key, const std::function<void(std::vector<RemoveFailure>)>& done);
  void remove_batch(std::vector<std::string> keys, const std::function<void(std::vector<RemoveFailure>)>& done);
  /// The headers that say what a new object is to be: properties, tags, encryption, ACL.
  Result<net::Headers> headers_of(const Properties& properties) const;
  bool tells_whole_checksum(const net::HttpResponse& response) const;
  Call call_of(std::string method, std::string_view verb, std::string key) const;

  const std::unique_ptr<Client> client_;
};

}  // namespace isobar::storage::s3
