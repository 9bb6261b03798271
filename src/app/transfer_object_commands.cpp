// ls, du, cat, rm, mb, rb and the comparing check: what needs no job.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <future>

#include "base/bytes.h"
#include "base/text.h"
#include "command.h"
#include "crypto/encoding.h"
#include "storage/patience.h"
#include "transfer/arrival.h"
#include "transfer/content_check.h"
#include "transfer/items.h"
#include "transfer_check.h"
#include "transfer_ends.h"

namespace isobar::app {

namespace {

namespace json = boost::json;
using storage::await_patiently;
using transfer::Shape;

json::value text_of(std::string_view bytes) {
  if (is_utf8(bytes)) return json::string(bytes);
  return json::object{{"base64", crypto::to_base64(bytes)}};
}

// On a terminal a key must not move the cursor or ring the bell.
std::string printable(std::string_view key) {
  std::string text;
  for (const char c : key) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else text += c;
  }
  return text;
}

struct ListOptions {
  StoreOptions stores;
  std::string place = ".", output;
  bool recursive = false, exact_bytes = false, uploads = false;
};

json::object object_json(const storage::ObjectInfo& info) {
  json::object object{
      {"key", text_of(info.key)}, {"bytes", info.bytes}, {"modified", format_instant(info.modified)}, {"version", info.version}};
  if (!info.storage_class.empty()) object["storage_class"] = info.storage_class;
  return object;
}

int list_buckets(Context& context, StoreOpener& opener, const storage::Location& location, const std::string& output) {
  const auto store = opener.open(location, false);
  if (!store.ok()) return context.console().fail(store.error());
  const auto buckets = await_patiently<std::vector<storage::BucketInfo>>([&](auto done) { (*store)->list_buckets(done); });
  if (!buckets.ok()) return context.console().fail("list buckets", buckets.error());
  json::array array;
  for (const auto& bucket : *buckets) {
    if (output == "json") array.push_back(json::object{{"bucket", bucket.name}, {"created", format_instant(bucket.created)}});
    else context.console().print(fmt::format("{}  {}\n", format_instant(bucket.created), bucket.name));
  }
  if (output == "json") context.console().print(json::serialize(array) + "\n");
  return kOk;
}

// What was begun to be written in parts and never completed: it costs money and shows nowhere else.
int list_unfinished(Context& context, storage::Store& store, const std::string& prefix, const std::string& output) {
  json::array array;
  std::string page;
  do {
    const auto uploads = await_patiently<storage::UploadPage>([&](auto done) { store.list_uploads(prefix, page, done); });
    if (!uploads.ok()) return context.console().fail("list unfinished uploads", uploads.error());
    for (const auto& upload : uploads->uploads) {
      if (output == "json")
        array.push_back(json::object{{"key", text_of(upload.key)}, {"id", upload.id}, {"started", format_instant(upload.started)}});
      else context.console().print(fmt::format("{:>19}  {}  {}\n", format_instant(upload.started), printable(upload.key), upload.id));
    }
    page = uploads->next;
  } while (!page.empty());
  if (output == "json") context.console().print(json::serialize(array) + "\n");
  return kOk;
}

// Objects and, unless recursive, folders, in the order of names; memory for a page.
int list(Context& context, const ListOptions& options) {
  const Console& console = context.console();
  const auto location = storage::parse_location(options.place);
  if (!location.ok()) return console.fail(location.error());
  StoreOpener opener(context, options.stores);
  if (location->kind != storage::Kind::kLocal && location->bucket.empty()) return list_buckets(context, opener, *location, options.output);
  std::shared_ptr<storage::Store> store;
  storage::ListRequest request;
  request.recursive = options.recursive;
  std::error_code failure;
  if (location->kind == storage::Kind::kLocal) {
    if (!fs::exists(location->key, failure)) return console.fail(not_found(fmt::format("there is no file or folder '{}'", location->key)));
    const bool folder = fs::is_directory(location->key, failure);
    store = opener.open_folder(folder ? fs::path(location->key) : fs::absolute(location->key).parent_path());
    if (!folder) request.prefix = fs::path(location->key).filename();
  } else {
    auto opened = opener.open(*location, false);
    if (!opened.ok()) return console.fail(opened.error());
    store = *opened;
    request.prefix = location->key;
  }
  if (options.uploads) return list_unfinished(context, *store, request.prefix, options.output);
  std::uint64_t shown = 0;
  bool first = true;
  if (options.output == "json") console.print("[");
  const auto item = [&](const json::object& object) {
    console.print(fmt::format("{}\n{}", first ? "" : ",", json::serialize(object)));
    first = false;
  };
  do {
    const auto page = await_patiently<storage::ListPage>([&](auto done) { store->list(request, done); });
    if (!page.ok()) return console.fail("list " + options.place, page.error());
    std::string text;
    auto object = page->objects.begin();
    auto prefix = page->prefixes.begin();
    while (object != page->objects.end() || prefix != page->prefixes.end()) {
      ++shown;
      const bool take_prefix = object == page->objects.end() || (prefix != page->prefixes.end() && *prefix < object->key);
      if (options.output == "json") {
        if (take_prefix) item({{"prefix", text_of(*prefix)}});
        else item(object_json(*object));
      } else if (take_prefix) {
        text += fmt::format("{:>19}  {:>12}  {}\n", "", "", printable(*prefix));
      } else {
        text += fmt::format("{:>19}  {:>12}  {}\n", format_instant(object->modified),
                            options.exact_bytes ? std::to_string(object->bytes) : format_bytes({object->bytes}), printable(object->key));
      }
      if (take_prefix) ++prefix;
      else ++object;
    }
    console.print(text);
    request.page = page->next;
  } while (!request.page.empty());
  if (options.output == "json") console.print(first ? "]\n" : "\n]\n");
  for (const auto& folder : opener.folders())
    for (const auto& skipped : folder->take_omissions().skipped) console.say(fmt::format("skipped {}: {}", skipped.key, skipped.why));
  if (shown == 0 && options.output != "json" && !request.prefix.empty())
    return console.fail(not_found(fmt::format("nothing begins with '{}'", options.place)));
  return kOk;
}

int disk_usage(Context& context, const ListOptions& options) {
  const Console& console = context.console();
  StoreOpener opener(context, options.stores);
  auto source = open_source(opener, options.place, true);
  if (!source.ok()) return console.fail(source.error());
  transfer::TreeItems items(*source->store, source->rule, {}, {});
  std::uint64_t bytes = 0, objects = 0;
  for (;;) {
    const auto item = items.next();
    if (!item.ok()) return console.fail("list " + options.place, item.error());
    if (!*item) break;
    ++objects;
    bytes += (*item)->source.bytes;
  }
  if (options.output == "json")
    console.print(json::serialize(json::object{{"place", options.place}, {"objects", objects}, {"bytes", bytes}}) + "\n");
  else
    console.print(fmt::format("{} in {} objects  {}\n", options.exact_bytes ? fmt::format("{} bytes", bytes) : format_bytes({bytes}),
                              objects, options.place));
  return kOk;
}

// Reads a few pieces ahead of what is written.
int cat(Context& context, const ListOptions& options, const std::vector<std::string>& places) {
  const Console& console = context.console();
  StoreOpener opener(context, options.stores);
  for (const auto& place : places) {
    const auto source = open_source(opener, place, false);
    if (!source.ok()) return console.fail(source.error());
    transfer::TreeItems items(*source->store, source->rule, {}, {});
    for (;;) {
      const auto item = items.next();
      if (!item.ok()) return console.fail(item.error());
      if (!*item) break;
      const auto& info = (*item)->source;
      constexpr std::uint64_t kPiece = 8 << 20;
      constexpr std::size_t kAhead = 4;
      struct Piece {
        std::string memory;
        std::future<Result<storage::Got>> got;
      };
      std::deque<Piece> ahead;
      std::uint64_t asked = 0;
      while (asked < info.bytes || !ahead.empty()) {
        while (asked < info.bytes && ahead.size() < kAhead) {
          auto& piece = ahead.emplace_back();
          piece.memory.resize(static_cast<std::size_t>(std::min(kPiece, info.bytes - asked)));
          piece.got = std::async(std::launch::async, [&store = *source->store, &info, asked, into = std::span(piece.memory)] {
            return transfer::read_piece(store, {info.key, asked, into, info.version});
          });
          asked += piece.memory.size();
        }
        const auto got = ahead.front().got.get();
        if (!got.ok()) return console.fail(place, got.error());
        if (std::fwrite(ahead.front().memory.data(), 1, ahead.front().memory.size(), stdout) != ahead.front().memory.size())
          return console.fail(errno_error("write"));
        ahead.pop_front();
      }
    }
  }
  return std::fflush(stdout) == 0 ? kOk : console.fail(errno_error("write"));
}

struct RemoveOptions {
  StoreOptions stores;
  std::vector<std::string> places;
  transfer::Filter filter;
  std::string output;
  bool recursive = false, dry_run = false, yes = false;
};

int remove(Context& context, const RemoveOptions& options) {
  const Console& console = context.console();
  StoreOpener opener(context, options.stores);
  std::uint64_t removed = 0;
  bool good = true;
  for (const auto& place : options.places) {
    auto source = open_source(opener, place, options.recursive);
    if (!source.ok()) return console.fail(source.error());
    if (source->rule.shape == Shape::kTree && source->rule.prefix.empty() && options.filter.rules.empty() && !options.yes &&
        !options.dry_run) {
      const auto sure = console.confirm(fmt::format("Remove everything in {}?", place));
      if (!sure.ok()) return console.fail(sure.error());
      if (!*sure) return kFailed;
    }
    transfer::TreeItems items(*source->store, source->rule, {}, options.filter);
    Status listing;
    const auto next = [&]() -> std::optional<std::string> {
      for (;;) {
        auto item = items.next();
        if (!item.ok()) listing = item.error();
        if (!item.ok() || !*item) return std::nullopt;
        if (!options.dry_run) return (*item)->source.key;
        console.print(fmt::format("remove {}\n", printable((*item)->source.key)));
      }
    };
    const auto summary = transfer::remove_all(*source->store, next, nullptr);
    removed += summary.removed;
    for (const auto& failure : summary.failures) console.say(fmt::format("isobar: {}: {}", failure.key, failure.error.message()));
    if (!listing.ok()) console.fail("list " + place, listing.error());
    good = good && listing.ok() && summary.failures.empty();
    if (items.matched() == 0) {
      console.say(fmt::format("isobar: {}: nothing matches", place));
      good = false;
    }
  }
  if (options.output == "json") console.print(json::serialize(json::object{{"removed", removed}}) + "\n");
  else if (!options.dry_run) console.print(fmt::format("removed {} {}\n", removed, removed == 1 ? "object" : "objects"));
  return good ? kOk : kFailed;
}

int with_bucket(Context& context, const ListOptions& options, bool make) {
  const Console& console = context.console();
  const auto location = storage::parse_location(options.place);
  if (!location.ok()) return console.fail(location.error());
  StoreOpener opener(context, options.stores);
  std::shared_ptr<storage::Store> store;
  if (location->kind == storage::Kind::kLocal) {
    store = opener.open_folder(location->key);
  } else {
    if (location->bucket.empty() || !location->key.empty())
      return console.fail(invalid(fmt::format("'{}': a bucket's name alone was expected", options.place)));
    auto opened = opener.open(*location, false);
    if (!opened.ok()) return console.fail(opened.error());
    store = *opened;
  }
  const Status done = await_patiently<void>([&](auto report) { make ? store->make_bucket(report) : store->remove_bucket(report); });
  if (!done.ok()) return console.fail(fmt::format("{} {}", make ? "make" : "remove", options.place), done.error());
  console.print(fmt::format("{} {}\n", make ? "made" : "removed", options.place));
  return kOk;
}

}  // namespace

void add_check_options(CLI::App& command, CheckOptions& options) {
  command.add_flag("--download,--checksum", options.download, "Read both sides where no checksum of one kind is told by both.");
  command.add_flag("--one-way", options.one_way, "What only DST has is no difference.");
  add_store_options(command, options.stores, true);
}

int check_places(Context& context, const CheckOptions& options, const std::string& output) {
  const Console& console = context.console();
  StoreOpener opener(context, options.stores);
  auto source = open_source(opener, options.places[0], true);
  if (!source.ok()) return console.fail(source.error());
  auto target = open_target(opener, options.places[1], source->rule.shape, true);
  if (!target.ok()) return console.fail(target.error());
  transfer::SyncItems::Rules rules{source->rule, target->rule, {}};
  rules.by_time = false;
  rules.bounds.at_once = std::max(1, options.stores.parallel / 2);
  if (options.download)
    rules.same_content = [&](const auto& a, const auto& b, const auto& stop) {
      return transfer::same_content(*source->store, a, *target->store, b, stop);
    };
  transfer::SyncItems items(*source->store, *target->store, std::move(rules));
  std::uint64_t differ = 0;
  json::array differences;
  const auto tell = [&](std::string_view what, const std::string& key) {
    ++differ;
    if (output == "json") differences.push_back(json::object{{"difference", what}, {"key", text_of(key)}});
    else console.print(fmt::format("{}: {}\n", what, printable(key)));
  };
  for (;;) {
    const auto item = items.next();
    if (!item.ok()) return console.fail(item.error());
    if (!*item) break;
    tell("missing or different", (*item)->source.key);
  }
  if (!options.one_way)
    for (const auto& extra : items.take_extras()) tell("only in DST", extra.key);
  for (const auto& folder : opener.folders())
    for (const auto& one : folder->take_omissions().failed) tell(one.why, one.key);
  const std::uint64_t same = items.same_objects(), by_size_alone = items.same_by_size_alone();
  if (output == "json") {
    console.print(json::serialize(json::object{
                      {"same", same}, {"different", differ}, {"compared_by_size_alone", by_size_alone}, {"differences", differences}}) +
                  "\n");
  } else {
    console.print(fmt::format("{} objects are the same, {} differ\n", same, differ));
    if (by_size_alone > 0)
      console.print(fmt::format("{} of them were compared by size alone, as the stores tell no common checksum; --download reads both\n",
                                by_size_alone));
  }
  return differ == 0 ? kOk : kFailed;
}

void add_object_commands(Commands& commands) {
  const auto output = [](CLI::App& command, std::string& text) {
    command.add_option("-o,--output", text, "table or json.")->check(CLI::IsMember({"table", "json"}));
  };
  const auto listing = [&](const std::string& name, const std::string& text, auto act) {
    const auto options = std::make_shared<ListOptions>();
    CLI::App& command = *commands.add(nullptr, name, text, [options, act](Context& context) { return act(context, *options); });
    output(command, options->output);
    add_store_options(command, options->stores, false);
    return std::pair(&command, options);
  };
  {
    auto [command, options] = listing("ls", "List objects, or buckets with s3:// alone.", list);
    command->add_option("PLACE", options->place, "s3://BUCKET/PREFIX or a folder.")->type_name("");
    command->add_flag("-r,--recursive", options->recursive, "All that is below, not only the next level.");
    command->add_flag("--uploads", options->uploads, "Uploads in parts that were never completed.");
    command->add_flag("--bytes", options->exact_bytes, "Sizes in bytes.");
  }
  {
    auto [command, options] = listing("du", "Count the objects and bytes below a place.", disk_usage);
    command->add_option("PLACE", options->place, "s3://BUCKET/PREFIX, a folder or a pattern.")->required()->type_name("");
    command->add_flag("--bytes", options->exact_bytes, "Sizes in bytes.");
  }
  {
    const auto places = std::make_shared<std::vector<std::string>>();
    auto [command, options] = listing("cat", "Write objects to standard output.",
                                      [places](Context& context, const ListOptions& it) { return cat(context, it, *places); });
    command->add_option("PLACE", *places, "Objects, files or patterns.")->required()->type_name("");
  }
  for (const bool make : {true, false}) {
    auto [command, options] = listing(make ? "mb" : "rb", make ? "Make a bucket." : "Remove an empty bucket.",
                                      [make](Context& context, const ListOptions& it) { return with_bucket(context, it, make); });
    command->add_option("BUCKET", options->place, "s3://BUCKET.")->required()->type_name("");
  }
  const auto options = std::make_shared<RemoveOptions>();
  CLI::App& command = *commands.add(nullptr, "rm", "Remove objects.", [options](Context& context) { return remove(context, *options); });
  command.add_option("PLACE", options->places, "Objects, files or patterns.")->required()->type_name("");
  command.add_flag("-r,--recursive", options->recursive, "Remove all that is below.");
  command.add_flag("-n,--dry-run", options->dry_run, "Say what would be removed.");
  command.add_flag("-y,--yes", options->yes, "Do not ask before a whole bucket is emptied.");
  output(command, options->output);
  add_store_options(command, options->stores, false);
}

}  // namespace isobar::app
