#pragma once

/// A folder of files for tests, and training sets made of them.

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/random.h"
#include "features/event_files.h"
#include "features/training_set.h"
#include "training_testing.h"

namespace isobar::features {

class TrainingFolder {
 public:
  TrainingFolder() : path_(fs::temp_directory_path() / ("isobar-training-" + secure_random_hex(8))) { fs::create_directories(path_); }
  ~TrainingFolder() { fs::remove_all(path_); }

  std::string put(const std::string& name, std::string_view text) const {
    fs::create_directories((path_ / name).parent_path());
    must(write_file(path_ / name, text, Durability::kCache));
    return (path_ / name).string();
  }
  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string text(const std::string& name) const { return must(read_file(path_ / name)); }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path_)) names.push_back(entry.path().filename().string());
    std::ranges::sort(names);
    return names;
  }

  /// What is asked, with what is usual.
  struct Asked {
    std::string definition;
    RequestSpec spec;
    std::string entities, out = "out.csv";
    std::string time = "t";
    bool statuses = false;
    JoinOptions join{};
    EventFileOptions files{};
  };
  /// The file's text, or what is wrong.
  std::string made(Asked asked) const {
    const auto report = make(asked);
    return report.ok() ? text(asked.out) : report.error().message();
  }
  Result<JoinReport> make(Asked& asked) const {
    const auto plan = plan_of(asked.definition, asked.spec);
    asked.join.temporary = asked.files.temporary = path_;
    asked.files.as_of_knowledge = asked.join.as_of_knowledge;
    TRY_ASSIGN(const auto events, open_event_files(*plan, asked.files));
    TrainingSetSpec spec{
        .entities = must(table_file(path_ / asked.entities)), .time_column = asked.time, .out = {}, .statuses = asked.statuses};
    spec.out = must(table_file(path_ / asked.out));
    return write_training_set(*plan, spec, *events, asked.join);
  }

 private:
  fs::path path_;
};

}  // namespace isobar::features
