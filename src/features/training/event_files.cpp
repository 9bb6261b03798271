#include "features/event_files.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "features/key_codec.h"
#include "features/source_files.h"
#include "record_versions.h"

namespace isobar::features {

namespace {

/// A source, and where its events are.
struct SourceFiles {
  std::size_t source = 0;
  std::vector<TableFile> files;
  std::vector<TableColumn> wanted;         ///< of the files
  std::optional<std::size_t> file_column;  ///< among the source's: the file's name is its value
};

class FileEvents final : public EventStream {
 public:
  FileEvents(const Project& project, std::vector<SourceFiles> sources, const EventFileOptions& options)
      : project_(project), sources_(std::move(sources)), options_(options) {}

  bool removes() const override {
    return std::ranges::any_of(sources_, [&](const SourceFiles& of) { return !source_of(of).key.empty(); });
  }

  Status each(const std::function<Status(const TrainingEvent&)>& visit) const override {
    std::uint64_t sequence = 0;
    for (const SourceFiles& of : sources_) {
      if (source_of(of).key.empty()) {
        TRY(each_row(of, sequence, [&](const EventOrder& order, const Row& row, const TableReader&) {
          return visit({of.source, order, order.created, false, {}, row});
        }));
      } else {
        TRY(each_version(of, sequence, visit));
      }
    }
    return {};
  }

 private:
  const Source& source_of(const SourceFiles& of) const { return *project_.sources()[of.source].source; }

  template <class Visit>
  Status each_row(const SourceFiles& of, std::uint64_t& sequence, const Visit& visit) const {
    const std::size_t columns = project_.sources()[of.source].schema.columns().size();
    for (const TableFile& file : of.files) {
      TRY_ASSIGN(const auto table, read_table(file, of.wanted).context(fmt::format("source '{}'", source_of(of).name)));
      Row row;
      while (true) {
        if (of.file_column && row.size() == columns) row.erase(row.begin() + static_cast<std::ptrdiff_t>(*of.file_column));
        TRY_ASSIGN(const bool more, table->next(row));
        if (!more) break;
        if (of.file_column) row.insert(row.begin() + static_cast<std::ptrdiff_t>(*of.file_column), Value(file.path.stem().string()));
        const auto order = project_.order_of(of.source, row, ++sequence);
        if (!order.ok()) return order.error().context(table->place());
        TRY(visit(*order, row, *table));
      }
    }
    return {};
  }

  Status each_version(const SourceFiles& of, std::uint64_t& sequence, const std::function<Status(const TrainingEvent&)>& visit) const {
    const Schema& schema = project_.sources()[of.source].schema;
    RecordVersions versions(of.source, schema.columns().size(), options_.memory_bytes, options_.temporary);
    std::vector<std::size_t> key;
    for (const std::string& column : source_of(of).key) key.push_back(*schema.find(column));
    std::string bytes;
    TRY(each_row(of, sequence, [&](const EventOrder& order, const Row& row, const TableReader& table) -> Status {
      bytes.clear();
      for (const std::size_t place : key) {
        if (row[place].is_null())
          return invalid(fmt::format("{}: column '{}' is empty, and it is of the key that names the record", table.place(),
                                     schema.columns()[place].name));
        append_key_value(bytes, row[place]);
      }
      return versions.add(bytes, order, row);
    }));
    return versions.each(visit);
  }

  const Project& project_;
  std::vector<SourceFiles> sources_;
  EventFileOptions options_;
};

std::string_view field(const Source& source, const std::string& name) {
  const auto known = source.place.find(name);
  return known == source.place.end() ? std::string_view() : std::string_view(known->second);
}

Result<SourceFiles> files_of(const Project& project, std::size_t index, const EventFileOptions& options) {
  const Source& source = *project.sources()[index].source;
  const auto given = options.files.find(source.name);
  const bool is_given = given != options.files.end();
  if (!is_given && source.kind != SourceKind::kFile)
    return invalid(fmt::format(
        "the events of source '{}' come by {}, and are in no file that is known: name one with --events {}=FILE, take them from "
        "a store with --data FOLDER, or do without them with --without {}",
        source.name, name_of(source.kind), source.name, source.name));
  if (options.as_of_knowledge && source.created.empty())
    return invalid(
        fmt::format("as of knowledge, and nothing says when a record of source '{}' was known: name the column with 'created' in the "
                    "definition, or take events from a store with --data, which knows when they came",
                    source.name));
  const fs::path path = is_given ? given->second : fs::path(field(source, "path"));
  SourceFiles files{.source = index, .files = {}, .wanted = to_table_columns(source.columns), .file_column = {}};
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  if (!fs::exists(path, ignored))
    return not_found(
        fmt::format("source '{}': there is no {} (from {}); paths of a definition are taken from the working folder, and --events "
                    "{}=FILE names another",
                    source.name, path.string(), fs::current_path(ignored).string(), source.name));
  TRY_ASSIGN(files.files, source_files(source, is_given ? path : fs::path()));
  const std::string_view file_column = field(source, "file_column");
  if (is_folder && !file_column.empty()) {
    files.file_column = project.sources()[index].schema.find(file_column);
    files.wanted.erase(files.wanted.begin() + static_cast<std::ptrdiff_t>(*files.file_column));
  }
  return files;
}

/// Those that feed a view of the plan.
std::vector<std::size_t> sources_of(const RequestPlan& plan) {
  std::vector<std::size_t> sources;
  for (std::size_t source = 0; source < plan.project().sources().size(); ++source)
    for (const auto& part : plan.parts())
      if (std::ranges::count(plan.project().sources()[source].views, part.view) > 0) {
        sources.push_back(source);
        break;
      }
  return sources;
}

Status check_given(const RequestPlan& plan, const std::vector<std::size_t>& used, const std::string& name) {
  std::vector<std::string> names;
  for (const std::size_t source : used) names.push_back(plan.project().sources()[source].source->name);
  if (std::ranges::count(names, name) > 0) return {};
  const auto near = closest(name, names);
  return invalid(fmt::format("'{}' is no source of the features that are asked for; {}", name,
                             near ? "did you mean '" + *near + "'?" : "those are " + join(names, ", ")));
}

}  // namespace

Result<std::unique_ptr<EventStream>> open_event_files(const RequestPlan& plan, const EventFileOptions& options) {
  const std::vector<std::size_t> used = sources_of(plan);
  for (const auto& [name, file] : options.files) TRY(check_given(plan, used, name));
  for (const auto& name : options.without) TRY(check_given(plan, used, name));
  std::vector<SourceFiles> sources;
  for (const std::size_t source : used) {
    if (options.without.contains(plan.project().sources()[source].source->name)) continue;
    TRY_ASSIGN(SourceFiles files, files_of(plan.project(), source, options));
    sources.push_back(std::move(files));
  }
  return std::unique_ptr<EventStream>(std::make_unique<FileEvents>(plan.project(), std::move(sources), options));
}

}  // namespace isobar::features
