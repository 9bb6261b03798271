#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/random.h"
#include "base/text.h"
#include "crypto/crc32c.h"
#include "crypto/encoding.h"
#include "gcs_json.h"
#include "gcs_parts.h"
#include "gcs_store.h"
#include "storage/gather.h"

namespace isobar::storage::gcs {

namespace {

constexpr std::size_t kJoinedAtOnce = 32;  // the service's limit

// kGcsPartsPrefix + ID + "/marker" says, in its metadata, which key the upload is for; + "/part-00001" are its parts; + "/join-…" what
// was joined on the way.
std::string folder_of(std::string_view id) { return fmt::format("{}{}/", kGcsPartsPrefix, id); }
std::string part_name(std::string_view id, int number) { return fmt::format("{}part-{:05}", folder_of(id), number); }

// The number of "…/part-00012"; 0 when the name is another.
int number_of(std::string_view name) {
  const auto start = name.rfind("/part-");
  int number = 0;
  if (start != name.npos) std::from_chars(name.data() + start + 6, name.data() + name.size(), number);
  return number;
}

class ComposedParts final : public PartUploads {
 public:
  explicit ComposedParts(Client& client) : client_(client) {}

  void start(std::string key, Properties /*properties*/, Done<Upload> done) override {
    const std::string id = secure_random_hex(16);
    Properties marker;
    marker.metadata = {{"key", crypto::to_base64(key)}};
    client_.call(upload_call(client_, folder_of(id) + "marker", "", marker, {}),
                 [done, key, id](const Result<net::HttpResponse>& response) {
                   if (!response.ok()) return done(response.error());
                   done(Upload{key, id});
                 });
  }

  void put(Upload upload, int number, std::string_view body, Checksums checksums, Done<Part> done) override {
    checksums.crc32c = checksums.crc32c ? *checksums.crc32c : crypto::crc32c(body);
    Call call = upload_call(client_, part_name(upload.id, number), body, {}, checksums);
    call.doing = fmt::format("put part {} of {}", number, client_.text(upload.key));
    client_.call(std::move(call), [done, number](const Result<net::HttpResponse>& response) {
      if (!response.ok()) return done(response.error());
      const auto head = parse_object(response->body);
      if (!head.ok()) return done(head.error());
      done(Part{number, head->info.bytes, head->info.etag, head->info.checksums.crc32c});
    });
  }

  void list(Upload upload, int after, Done<PartPage> done) override {
    list_names(folder_of(upload.id), after == 0 ? "" : part_name(upload.id, after), "", [done, after](const Result<ObjectPage>& page) {
      if (!page.ok()) return done(page.error());
      PartPage parts;
      for (const ObjectHead& head : page->objects)
        if (const int number = number_of(head.info.key); number > after)
          parts.parts.push_back({number, head.info.bytes, head.info.etag, head.info.checksums.crc32c});
      if (!page->next.empty() && !parts.parts.empty()) parts.next = parts.parts.back().number;
      done(std::move(parts));
    });
  }

  void complete(Upload upload, std::vector<Part> parts, Properties properties, Done<void> done) override {
    std::vector<std::string> names;
    for (const Part& part : parts) names.push_back(part_name(upload.id, part.number));
    join(upload, std::move(names), 0, properties, done);
  }

  void abort(Upload upload, Done<void> done) override { remove_folder(folder_of(upload.id), done); }

  void list_all(std::string prefix, std::string page, Done<UploadPage> done) override {
    list_names(std::string(kGcsPartsPrefix), "", page, [done, prefix](const Result<ObjectPage>& objects) {
      if (!objects.ok()) return done(objects.error());
      UploadPage uploads;
      uploads.next = objects->next;
      for (const ObjectHead& head : objects->objects) {
        if (!head.info.key.ends_with("/marker")) continue;
        const auto encoded = head.properties.metadata.find("key");
        const auto key = crypto::from_base64(encoded == head.properties.metadata.end() ? "-" : encoded->second);
        if (!key.ok() || !key->starts_with(prefix)) continue;
        const std::size_t start = kGcsPartsPrefix.size(), end = head.info.key.size() - std::string_view("/marker").size();
        uploads.uploads.push_back({*key, head.info.key.substr(start, end - start), head.info.modified});
      }
      done(std::move(uploads));
    });
  }

 private:
  // Joins 32 names into one, all groups of a round at once, until at most 32 are left, which become the object.
  void join(const Upload& upload, std::vector<std::string> names, int round, const Properties& properties, const Done<void>& done) {
    if (names.size() <= kJoinedAtOnce) {
      return compose(names, upload.key, properties, [this, upload, done](const Status& composed) {
        if (!composed.ok()) return done(composed.error());
        remove_folder(folder_of(upload.id), done);
      });
    }
    std::vector<std::string> joined;
    std::vector<std::vector<std::string>> groups;
    for (std::size_t i = 0; i < names.size(); i += kJoinedAtOnce) {
      groups.emplace_back(names.begin() + static_cast<std::ptrdiff_t>(i),
                          names.begin() + static_cast<std::ptrdiff_t>(std::min(names.size(), i + kJoinedAtOnce)));
      joined.push_back(fmt::format("{}join-{}-{:05}", folder_of(upload.id), round, joined.size()));
    }
    const auto gather = Gather<Status>::create(groups.size(), [=, this](const Result<std::vector<Status>>& outcomes) {
      for (const Status& outcome : *outcomes)
        if (!outcome.ok()) return done(outcome.error());
      join(upload, joined, round + 1, properties, done);
    });
    for (std::size_t i = 0; i < groups.size(); ++i)
      compose(groups[i], joined[i], {}, [gather](Status outcome) { gather->add({std::move(outcome)}); });
  }

  void compose(const std::vector<std::string>& sources, const std::string& name, const Properties& properties, const Done<void>& done) {
    Call call = object_call(client_, "POST", "compose", name);
    call.path += "/compose";
    call.owned_body = write_compose(sources, properties);
    call.headers.add("Content-Type", "application/json");
    client_.call(std::move(call), [done](const Result<net::HttpResponse>& response) { done(response.ok() ? Status() : response.error()); });
  }

  void list_names(const std::string& prefix, const std::string& from, const std::string& token, const Done<ObjectPage>& done) {
    Call call;
    call.doing = "list " + client_.text(prefix);
    call.path = fmt::format("/storage/v1/b/{}/o", net::percent_encode(client_.bucket()));
    call.query = {{"prefix", prefix}, {"maxResults", "1000"}};
    if (!from.empty()) call.query.emplace_back("startOffset", from);
    if (!token.empty()) call.query.emplace_back("pageToken", token);
    client_.call(std::move(call), [done](const Result<net::HttpResponse>& response) {
      if (!response.ok()) return done(response.error());
      done(parse_list(response->body));
    });
  }

  // Page after page; the marker last, so that an interrupted removal is still found by list_all.
  void remove_folder(const std::string& folder, const Done<void>& done) {
    list_names(folder, "", "", [this, folder, done](const Result<ObjectPage>& page) {
      if (!page.ok()) return done(page.error());
      std::vector<std::string> names;
      const bool last_page = page->next.empty();
      for (const ObjectHead& head : page->objects)
        if (!head.info.key.ends_with("/marker")) names.push_back(head.info.key);
      if (names.empty() && last_page) return remove_names({folder + "marker"}, done);
      if (names.empty()) return done(Error(Code::kDataLoss, "the parts in " + folder + " are listed without end"));
      remove_names(names, [this, folder, done](const Status& removed) {
        if (!removed.ok()) return done(removed.error());
        remove_folder(folder, done);
      });
    });
  }

  void remove_names(const std::vector<std::string>& names, const Done<void>& done) {
    const auto gather = Gather<Status>::create(names.size(), [done](const Result<std::vector<Status>>& outcomes) {
      for (const Status& outcome : *outcomes)
        if (!outcome.ok() && outcome.error().code() != Code::kNotFound) return done(outcome.error());
      done({});
    });
    for (const std::string& name : names)
      client_.call(object_call(client_, "DELETE", "remove", name),
                   [gather](const Result<net::HttpResponse>& response) { gather->add({response.ok() ? Status() : response.error()}); });
  }

  Client& client_;
};

}  // namespace

std::unique_ptr<PartUploads> composed_parts(Client& client) { return std::make_unique<ComposedParts>(client); }

}  // namespace isobar::storage::gcs
