#pragma once

// From the URLs and paths that users write to opened stores and rules of naming.

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "context.h"
#include "net/http_client.h"
#include "storage/local_store.h"
#include "storage/open.h"
#include "storage/store.h"
#include "transfer/naming.h"

namespace CLI {
class App;
}

namespace isobar::app {

/// Options that say how stores are reached, shared by all commands that move data.
struct StoreOptions {
  std::string endpoint, profile, region, symlinks = "skip";
  std::string target_endpoint, target_profile, target_region;  ///< where they differ for DST
  std::string encryption, kms_key, acl;                        ///< of what is written to S3
  bool anonymous = false, requester_pays = false, keep_mode = false, raw = false;
  int parallel = 256;
};

/// two_ends   the command has a DST, which may be reached otherwise than SRC
void add_store_options(CLI::App& command, StoreOptions& options, bool two_ends);

/// Opens stores and keeps what they stand on. Must outlive every store it opened.
class StoreOpener {
 public:
  StoreOpener(Context& context, const StoreOptions& options) : context_(context), options_(options) {}
  /// The store of a location. Asking twice for one bucket gives one store.
  /// Errors   kInvalidArgument, kPermissionDenied: without credentials
  Result<std::shared_ptr<storage::Store>> open(const storage::Location& location, bool as_target);
  /// A folder. Local stores are told apart, as they report what their listings left out.
  std::shared_ptr<storage::LocalStore> open_folder(const fs::path& root);
  const StoreOptions& options() const { return options_; }
  const std::vector<std::shared_ptr<storage::LocalStore>>& folders() const { return folders_; }

 private:
  Result<storage::StoreOpener*> opener(bool as_target);
  Context& context_;
  StoreOptions options_;
  std::unique_ptr<net::HttpClient> transport_;
  std::unique_ptr<storage::StoreOpener> source_opener_, target_opener_;
  std::map<std::string, std::shared_ptr<storage::Store>> stores_;
  std::vector<std::shared_ptr<storage::LocalStore>> folders_;
};

struct SourceEnd {
  std::string text;  ///< as the user wrote it
  std::shared_ptr<storage::Store> store;
  transfer::SourceRule rule;
};

/// Finds out what SRC names: an object, all below a prefix or folder, or a pattern. Names that exist as they are written are no
/// patterns.
/// Errors   kNotFound: no such object or file; kInvalidArgument: a folder without --recursive
Result<SourceEnd> open_source(StoreOpener& opener, const std::string& text, bool recursive);

struct TargetEnd {
  std::string text;
  std::shared_ptr<storage::Store> store;
  transfer::TargetRule rule;
};

/// several   more than one object may go there, so that it must be a folder
Result<TargetEnd> open_target(StoreOpener& opener, const std::string& text, transfer::Shape shape, bool several);

}  // namespace isobar::app
