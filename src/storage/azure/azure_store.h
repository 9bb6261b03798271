#pragma once

/// The store over the client: what each call of storage::Store says to Azure, and what the answer means.

#include "azure_client.h"
#include "azure_xml.h"

namespace isobar::storage::azure {

class AzureStore final : public Store {
 public:
  explicit AzureStore(std::unique_ptr<Client> client) : client_(std::move(client)) {}

  Location location() const override { return {Kind::kAzure, client_->account(), client_->container(), ""}; }
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

 private:
  Call call_of(std::string method, std::string_view verb, std::string key) const;
  void head_of(const std::string& key, const std::string& version, const Done<ObjectHead>& done);
  void get_tags(std::string key, const Done<std::map<std::string, std::string>>& done);
  void start_copy(const Store& source, std::string source_key, const std::string& source_version, const std::string& key,
                  const Properties& properties, bool replace, const Done<PutReceipt>& done);
  /// Goes on asking until Azure has copied; each question waits for the answer to the one before.
  void await_copy(const std::string& key, int questions_left, const Done<PutReceipt>& done);
  void set_properties(const std::string& key, const Properties& properties, const Done<PutReceipt>& done);
  void uncommitted(std::string key, const Done<std::vector<Block>>& done);
  void list_containers(const std::string& marker, const std::vector<BucketInfo>& before, const Done<std::vector<BucketInfo>>& done);

  const std::unique_ptr<Client> client_;
};

}  // namespace isobar::storage::azure
