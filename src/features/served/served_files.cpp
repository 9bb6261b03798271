#include "features/served_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "features/json_text.h"
#include "served_line.h"

namespace isobar::features {

namespace json = boost::json;

namespace {

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    if (entry.path().extension() == kServedEnding) files.push_back(entry.path());
  std::ranges::sort(files);
  return files;
}

/// Lines that end; what stands behind the last of them is being written, or was when the process ended.
Status each_whole_line(const fs::path& file, const std::function<Status(const std::string& line)>& visit) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return unavailable(fmt::format("{}: it cannot be read", file.string()));
  std::string line;
  for (std::uint64_t number = 1; std::getline(in, line) && !in.eof(); ++number) {
    if (Status visited = visit(line); !visited.ok()) {
      if (visited.error().code() != Code::kDataLoss) return visited;
      return visited.error().context(fmt::format("{}:{}", file.string(), number));
    }
  }
  return {};
}

class FileReading {
 public:
  explicit FileReading(const std::function<Status(const ServedRequest&, ServedRow)>& visit) : visit_(visit) {}

  Status read(const fs::path& file) {
    project_ = nullptr;
    by_number_.clear();
    return each_whole_line(file, [this](const std::string& line) { return take(line); });
  }

 private:
  Status take(const std::string& text) {
    const auto parsed = parse_json(text);
    const json::object* line = parsed.ok() ? parsed->if_object() : nullptr;
    if (line == nullptr) return damaged("it is no JSON object");
    if (!project_) return take_head(*line);
    if (line->contains("request")) return take_request(*line);
    const json::value* of = line->if_contains("of");
    const auto known = of != nullptr && of->is_int64() ? by_number_.find(of->get_int64()) : by_number_.end();
    if (known == by_number_.end()) return damaged("it is of no request that the file has");
    TRY_ASSIGN(ServedRow row, read_served_row(*line, *known->second->plan));
    return visit_(*known->second, std::move(row));
  }

  Status take_head(const json::object& line) {
    TRY_ASSIGN(const std::string text, read_served_head(line));
    auto& known = projects_[text];
    if (!known) {
      auto definition = parse_definition(text, "its definition");
      if (!definition.ok()) return damaged(definition.error().message());
      TRY_ASSIGN(known, Project::create(std::move(*definition)));
    }
    project_ = known;
    return {};
  }

  Status take_request(const json::object& line) {
    TRY_ASSIGN(const ServedRequestLine read, read_served_request(line));
    auto& known = requests_[{project_.get(), read.service, read.features}];
    if (!known) {
      // A service may ask twice for one thing under two names; here names do not matter.
      const RequestSpec spec = read.service.empty() ? RequestSpec{.features = read.features, .full_names = true, .offline_too = true}
                                                    : RequestSpec{.service = read.service, .offline_too = true};
      auto plan = RequestPlan::create(project_, spec);
      if (!plan.ok()) return damaged(plan.error().message());
      known = std::make_shared<ServedRequest>(ServedRequest{std::move(*plan), read.service});
    }
    std::vector<std::string> inputs;
    for (const auto& input : known->plan->inputs()) inputs.push_back(input.name);
    if (inputs != read.inputs) return damaged("the inputs of the request are not those of its features");
    by_number_[static_cast<std::int64_t>(read.number)] = known;
    return {};
  }

  const std::function<Status(const ServedRequest&, ServedRow)>& visit_;
  std::map<std::string, std::shared_ptr<const Project>> projects_;
  std::map<std::tuple<const Project*, std::string, std::vector<std::string>>, std::shared_ptr<ServedRequest>> requests_;
  std::shared_ptr<const Project> project_;
  std::map<std::int64_t, std::shared_ptr<ServedRequest>> by_number_;
};

}  // namespace

Status each_served(const fs::path& folder, const std::function<Status(const ServedRequest& request, ServedRow row)>& visit) {
  FileReading reading(visit);
  for (const auto& file : files_of(folder)) TRY(reading.read(file));
  return {};
}

Result<std::uint64_t> count_served(const fs::path& folder) {
  std::uint64_t count = 0;
  for (const auto& file : files_of(folder))
    TRY(each_whole_line(file, [&](const std::string& line) -> Status {
      count += line.starts_with("{\"of\":") ? 1 : 0;
      return {};
    }));
  return count;
}

}  // namespace isobar::features
