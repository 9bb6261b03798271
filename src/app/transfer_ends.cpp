#include "transfer_ends.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "storage/local_names.h"
#include "storage/open.h"
#include "storage/patience.h"
#include "transfer/glob.h"

namespace isobar::app {

using storage::await_patiently;
using storage::Kind;
using transfer::Shape;

void add_store_options(CLI::App& command, StoreOptions& options, bool two_ends) {
  const std::string where = two_ends ? " (of SRC, and of DST unless --to-… says otherwise)" : "";
  command.add_option("--endpoint-url", options.endpoint, "Where the S3 store is, instead of at AWS" + where + ".");
  command.add_option("--profile", options.profile, "Profile of the AWS credentials" + where + ".");
  command.add_option("--region", options.region, "Region of the bucket" + where + "; found out by itself when not given.");
  if (two_ends) {
    command.add_option("--to-endpoint-url", options.target_endpoint, "The same for DST.");
    command.add_option("--sse", options.encryption, "Encryption that S3 is asked for: AES256 or aws:kms.")
        ->check(CLI::IsMember({"AES256", "aws:kms"}));
    command.add_option("--sse-kms-key-id", options.kms_key, "The key of aws:kms.");
    command.add_option("--acl", options.acl, "Access list that S3 is asked for: bucket-owner-full-control.");
    command.add_option("--to-profile", options.target_profile, "The same for DST.");
    command.add_option("--to-region", options.target_region, "The same for DST.");
  }
  command.add_flag("--no-sign-request", options.anonymous, "Ask without credentials, for public buckets.");
  command.add_flag("--request-payer", options.requester_pays, "Pay for what is read from buckets that let the reader pay.");
  command
      .add_option("--symlinks", options.symlinks, "Symbolic links in folders: skip them and say so, follow them, or store them as links.")
      ->transform(CLI::IsMember({"skip", "follow", "store"}));
  command.add_flag("--raw", options.raw, "Take * ? [ in names as they are.");
  command.add_option("--parallel", options.parallel, "Requests under way at once, at most.")->check(CLI::Range(1, 4096));
}

Result<storage::StoreOpener*> StoreOpener::opener(bool as_target) {
  if (!transport_) {
    net::HttpClient::Options options;
    options.connections_per_host = options_.parallel;
    const auto surroundings = storage::Surroundings::of_process();
    options.ca_bundle = surroundings.variable_or("AWS_CA_BUNDLE");
    options.proxies = net::ProxyRules::from(surroundings.variable);
    TRY_ASSIGN(transport_, net::HttpClient::create(std::move(options)));
  }
  // One opener where both ends are reached alike: stores that share credentials can copy between themselves.
  const bool apart = as_target && !(options_.target_endpoint.empty() && options_.target_profile.empty() && options_.target_region.empty());
  auto& opener = apart ? target_opener_ : source_opener_;
  if (!opener) {
    storage::StoreOptions reached;
    const auto chosen = [&](const std::string& target, const std::string& source) { return apart && !target.empty() ? target : source; };
    reached.s3.endpoint = chosen(options_.target_endpoint, options_.endpoint);
    reached.s3.region = chosen(options_.target_region, options_.region);
    reached.aws_profile = chosen(options_.target_profile, options_.profile);
    reached.s3.requester_pays = options_.requester_pays;
    reached.s3.encryption = options_.encryption;
    reached.s3.kms_key = options_.kms_key;
    reached.s3.acl = options_.acl;
    reached.anonymous = options_.anonymous;
    opener = std::make_unique<storage::StoreOpener>(reached, storage::Surroundings::of_process(), *transport_, context_.clock());
  }
  return opener.get();
}

std::shared_ptr<storage::LocalStore> StoreOpener::open_folder(const fs::path& root) {
  storage::LocalOptions local;
  local.symlinks = options_.symlinks == "follow"  ? storage::SymlinkRule::kFollow
                   : options_.symlinks == "store" ? storage::SymlinkRule::kStore
                                                  : storage::SymlinkRule::kSkip;
  local.keep_mode = options_.keep_mode;
  folders_.push_back(storage::LocalStore::open(root, local));
  return folders_.back();
}

Result<std::shared_ptr<storage::Store>> StoreOpener::open(const storage::Location& location, bool as_target) {
  TRY_ASSIGN(storage::StoreOpener * opener, this->opener(as_target));
  // Over plain HTTP each file is a place of its own, and the bucket is its server.
  const std::string name =
      fmt::format("{} {}/{}/{}", static_cast<const void*>(opener), name_of(location.kind), location.account, location.bucket);
  if (const auto known = stores_.find(name); known != stores_.end()) return known->second;
  TRY_ASSIGN(auto store, opener->open(location));
  return stores_[name] = std::move(store);
}

namespace {

Error folder_needs_recursive(const std::string& text) {
  return invalid(fmt::format("'{}' is a folder; add --recursive to take all that is below it", text));
}

Result<SourceEnd> local_source(StoreOpener& opener, const std::string& text, const std::string& path, bool recursive) {
  std::error_code failure;
  const auto status = fs::status(path, failure);
  if (fs::is_directory(status)) {
    if (!recursive) return folder_needs_recursive(text);
    return SourceEnd{text, opener.open_folder(path), transfer::source_rule("", Shape::kTree)};
  }
  if (fs::exists(status) || fs::is_symlink(fs::symlink_status(path, failure)) || opener.options().raw || !transfer::has_wildcard(path)) {
    if (!fs::exists(fs::symlink_status(path, failure))) return not_found(fmt::format("there is no file '{}'", path));
    const fs::path file(path);
    return SourceEnd{text, opener.open_folder(file.has_parent_path() ? file.parent_path() : "."),
                     transfer::source_rule(storage::key_of_path(file.filename().string()), Shape::kObject)};
  }
  const std::string literal = transfer::literal_prefix(path);
  const auto slash = literal.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : literal.substr(0, slash + 1);
  if (!fs::is_directory(folder, failure)) return not_found(fmt::format("there is no folder '{}'", folder));
  // The pattern is compared with keys below the folder; the folder's own name has no wildcards, but may have had escapes.
  std::size_t cut = 0;
  for (std::size_t i = 0, slashes = 0, wanted = static_cast<std::size_t>(std::count(literal.begin(), literal.end(), '/'));
       i < path.size() && slashes < wanted; ++i)
    if (path[i] == '/') {
      ++slashes;
      cut = i + 1;
    }
  auto rule = transfer::source_rule(path.substr(cut), Shape::kPattern);
  rule.below = recursive;
  return SourceEnd{text, opener.open_folder(folder), std::move(rule)};
}

}  // namespace

Result<SourceEnd> open_source(StoreOpener& opener, const std::string& text, bool recursive) {
  TRY_ASSIGN(const auto location, storage::parse_location(text));
  if (location.kind == Kind::kLocal) return local_source(opener, text, location.key, recursive);
  if (location.bucket.empty()) return invalid(fmt::format("'{}': the bucket is missing", text));
  TRY_ASSIGN(auto store, opener.open(location, false));
  const std::string& key = location.key;
  if (!opener.options().raw && transfer::has_wildcard(key)) {
    const auto literal = await_patiently<storage::ObjectHead>([&](auto done) { store->head(key, false, done); });
    if (!literal.ok()) {
      auto rule = transfer::source_rule(key, Shape::kPattern);
      rule.below = recursive;
      return SourceEnd{text, std::move(store), std::move(rule)};
    }
  }
  if (recursive) return SourceEnd{text, std::move(store), transfer::source_rule(key, Shape::kTree)};
  if (key.empty()) return folder_needs_recursive(text);
  // An object whose name ends in a slash is an object all the same.
  const auto head = await_patiently<storage::ObjectHead>([&](auto done) { store->head(key, false, done); });
  if (head.ok()) return SourceEnd{text, std::move(store), transfer::source_rule(key, Shape::kObject)};
  if (head.error().code() != Code::kNotFound) return head.error().context(text);
  const std::string below = key.ends_with('/') ? key : key + "/";
  const auto page = await_patiently<storage::ListPage>([&](auto done) { store->list({.prefix = below, .keys_max = 1}, done); });
  if (page.ok() && !page->objects.empty()) return folder_needs_recursive(text);
  return not_found(fmt::format("there is no object '{}'", text));
}

Result<TargetEnd> open_target(StoreOpener& opener, const std::string& text, Shape shape, bool several) {
  TRY_ASSIGN(const auto location, storage::parse_location(text));
  const bool one = shape == Shape::kObject && !several;
  if (location.kind == Kind::kHttp) return invalid(fmt::format("'{}': nothing can be written over plain HTTP; it can be a source", text));
  if (location.kind != Kind::kLocal) {
    if (location.bucket.empty()) return invalid(fmt::format("'{}': the bucket is missing", text));
    TRY_ASSIGN(auto store, opener.open(location, true));
    return TargetEnd{text, std::move(store), transfer::target_rule(location.key, shape, !one)};
  }
  std::error_code failure;
  const std::string& path = location.key;
  if (one && !path.ends_with('/') && !fs::is_directory(path, failure)) {
    const fs::path file(path);
    return TargetEnd{text, opener.open_folder(file.has_parent_path() ? file.parent_path() : "."),
                     transfer::target_rule(storage::key_of_path(file.filename().string()), shape, false)};
  }
  if (fs::exists(path, failure) && !fs::is_directory(path, failure))
    return invalid(fmt::format("'{}' is a file; more than one object cannot go there", text));
  return TargetEnd{text, opener.open_folder(path), transfer::target_rule("", shape, true)};
}

}  // namespace isobar::app
