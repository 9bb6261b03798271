// A program that makes features: docs/formats/feature-command.md has what is said to it and by it.

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/mutex.h"
#include "child_program.h"
#include "features/json_text.h"
#include "features/json_value.h"
#include "made_outside.h"

namespace isobar::features {

namespace {

namespace json = boost::json;
using Steady = std::chrono::steady_clock;

constexpr Duration kPauseLeast = 1s, kPauseMost = 60s;
constexpr int kDoublingsMost = 6;

std::string request_line(std::uint64_t batch, std::span<const std::span<const Row>> keys) {
  std::string line = fmt::format(R"({{"batch":{},"inputs":)", batch);
  const auto list = [&](const auto& all, const auto& each) {
    line += '[';
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i > 0) line += ',';
      each(all[i]);
    }
    line += ']';
  };
  list(keys, [&](const auto& events) {
    list(events, [&](const Row& event) { list(event, [&](const Value& value) { append_json(line, value); }); });
  });
  line += "}\n";
  return line;
}

class Command final : public OutsideFeaturizer {
 public:
  Command(const OutsideParameters& parameters, const fs::path& file, Type type, ChildProgram::Said said)
      : words_(parameters.command), timeout_(parameters.timeout), column_{"a value", type}, said_(std::move(said)) {
    words_.front() = file.string();
  }

  Result<MadeOutside> make(std::span<const std::span<const Row>> keys, const std::stop_token& stop) override {
    const MutexLock lock(mutex_);
    if (Steady::now() < not_before_) return problem_.error();
    auto made = ask(keys, stop);
    if (made.ok()) {
      failures_ = 0;
      problem_ = Status();
      return made;
    }
    program_.reset();
    Error failed = made.error().context(words_[0]);
    if (!stop.stop_requested()) pause_after(failed);
    return failed;
  }
  Duration pause() const override {
    const MutexLock lock(mutex_);
    return std::max(Duration(0), std::chrono::duration_cast<Duration>(not_before_ - Steady::now()));
  }

  Status problem() const override {
    const MutexLock lock(mutex_);
    return problem_;
  }

 private:
  void pause_after(const Error& failed) REQUIRES(mutex_) {
    const Duration pause = std::min<Duration>(kPauseLeast * (1 << std::min(failures_++, kDoublingsMost)), kPauseMost);
    not_before_ = Steady::now() + pause;
    problem_ = failed;
    if (said_) said_(fmt::format("{}; it is begun again in {}", failed.message(), format_duration(pause)));
  }

  Result<MadeOutside> ask(std::span<const std::span<const Row>> keys, const std::stop_token& stop) REQUIRES(mutex_) {
    if (!program_) {
      TRY_ASSIGN(program_, ChildProgram::start(words_, said_));
      spent_ = 0;
    }
    const auto began = Steady::now();
    TRY_ASSIGN(const std::string said, program_->converse(request_line(++batch_, keys), timeout_, stop));
    MadeOutside made;
    TRY_ASSIGN(made.values, read(said, keys.size()));
    if (const auto spent = program_->cpu_seconds()) made.cpu_seconds = std::max(0.0, *spent - std::exchange(spent_, *spent));
    else made.cpu_seconds = std::chrono::duration<double>(Steady::now() - began).count();
    return made;
  }

  Result<std::vector<Result<Value>>> read(const std::string& line, std::size_t keys) const REQUIRES(mutex_) {
    const auto parsed = parse_json(line);
    const json::object* answer = parsed.ok() ? parsed->if_object() : nullptr;
    if (answer == nullptr) return unavailable(fmt::format("its answer is no JSON object: {:.80}", line));
    const json::value* batch = answer->if_contains("batch");
    if (batch == nullptr || !batch->is_int64() || static_cast<std::uint64_t>(batch->get_int64()) != batch_)
      return unavailable(fmt::format("its answer does not say \"batch\":{}: {:.80}", batch_, line));
    const json::value* values = answer->if_contains("values");
    const json::array* list = values == nullptr ? nullptr : values->if_array();
    if (list == nullptr || list->size() != keys) return unavailable(fmt::format("its answer has no \"values\", a list of {}", keys));
    std::vector<Result<Value>> read;
    for (const auto& one : *list) {
      const json::object* object = one.if_object();
      const json::value* why = object == nullptr ? nullptr : object->if_contains("error");
      if (why != nullptr) read.emplace_back(invalid(fmt::format("{}: {}", words_[0], json::serialize(*why))));
      else read.push_back(value_from_json(one, column_).context(words_[0]));
    }
    return read;
  }

  std::vector<std::string> words_;
  const Duration timeout_;
  const Column column_;
  const ChildProgram::Said said_;
  mutable Mutex mutex_;
  std::unique_ptr<ChildProgram> program_ GUARDED_BY(mutex_);
  double spent_ GUARDED_BY(mutex_) = 0;
  std::uint64_t batch_ GUARDED_BY(mutex_) = 0;
  int failures_ GUARDED_BY(mutex_) = 0;
  Steady::time_point not_before_ GUARDED_BY(mutex_){};
  Status problem_ GUARDED_BY(mutex_);
};

}  // namespace

Result<std::shared_ptr<OutsideFeaturizer>> make_command(const OutsideParameters& parameters, const fs::path& file, Type type,
                                                        const OutsidePrograms& programs) {
  ChildProgram::Said said;
  if (programs.said) said = [told = programs.said, name = file.filename().string()](std::string_view line) { told(name, line); };
  return std::shared_ptr<OutsideFeaturizer>(std::make_shared<Command>(parameters, file, type, std::move(said)));
}

}  // namespace isobar::features
