#pragma once

/// What Azure Blob Storage says and hears in XML and headers, as values. Pure.

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/http.h"
#include "storage/property_headers.h"
#include "storage/store.h"

namespace isobar::storage::azure {

/// The Errors of all parsers are kDataLoss: what arrived is not what Azure sends.
Result<ListPage> parse_list(std::string_view xml);
struct ContainerPage {
  std::vector<BucketInfo> containers;
  std::string next;
};
Result<ContainerPage> parse_containers(std::string_view xml);
Result<std::map<std::string, std::string>> parse_tags(std::string_view xml);

/// A block that was sent and belongs to no blob yet.
struct Block {
  std::string upload;  ///< the id of the upload it belongs to
  int number = 0;
  std::uint64_t bytes = 0;
};
/// Blocks that are not named by our rule are left out.
Result<std::vector<Block>> parse_uncommitted(std::string_view xml);

std::string write_block_list(std::string_view upload, std::span<const Part> parts);
std::string write_tags(const std::map<std::string, std::string>& tags);

struct ErrorDocument {
  std::string code, message;
};
ErrorDocument parse_error(const net::HttpResponse& response);
Code code_of(std::string_view azure_code, int status);

/// The names that Azure keeps as they are. Errors  kInvalidArgument: empty, over 1,024 bytes; with a backslash, which Azure takes for a
/// slash, with "." or ".." between slashes, which it resolves, or with a dot at the end, which it drops
Status check_key(std::string_view key);

/// The name of a block: all names in one blob must have the same length.
std::string block_name(std::string_view upload, int number);

/// Metadata names must be what C# takes as an identifier. A byte that may not stand there is written "__xHH", and so is the
/// first underscore of what would otherwise read as such an escape; every other name is as it is. The inverse takes any name.
std::string metadata_name(std::string_view name);
std::string name_of_metadata(std::string_view azure_name);

/// Properties with metadata names in Azure's form, as the headers that Put Blob and Put Block List take.
Status add_blob_headers(net::Headers& headers, const Properties& properties);
ObjectHead read_head(std::string key, const net::HttpResponse& response, std::uint64_t bytes);

}  // namespace isobar::storage::azure
