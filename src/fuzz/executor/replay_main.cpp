// What a folder of inputs reaches in a target, and how fast it is run: for benchmarks.
//
//   fuzz_replay rate SECONDS FOLDER TARGET…      runs all inputs in turn, in batches; {"runs_per_s": …}
//   fuzz_replay reached FOLDER TARGET…           runs each once, oldest first; a line for each that reaches more, {"at": seconds since
//   1970, "blocks": …,
//                                                "mem.largest": …}: how many blocks, and each domain's greatest value, are reached by then
#include <fmt/format.h>
#include <sched.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/file.h"
#include "fuzz/executor.h"
#include "shared_memory.h"

namespace isobar::fuzz {
namespace {

struct Input {
  double at;
  std::string bytes;
};

double modified(const fs::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return 0;
  return static_cast<double>(status.st_mtim.tv_sec) + static_cast<double>(status.st_mtim.tv_nsec) / 1e9;
}

std::vector<Input> inputs_of(const fs::path& folder) {
  std::vector<Input> inputs;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().filename() == "README.txt") continue;
    auto bytes = read_file(entry.path());
    if (bytes.ok() && bytes->size() <= (1U << 20)) inputs.push_back({modified(entry.path()), *std::move(bytes)});
  }
  std::ranges::sort(inputs, {}, &Input::at);
  return inputs;
}

std::vector<ByteView> views_of(const std::vector<Input>& inputs) {
  std::vector<ByteView> views;
  for (const Input& input : inputs) views.emplace_back(reinterpret_cast<const std::uint8_t*>(input.bytes.data()), input.bytes.size());
  return views;
}

Status measure_rate(Executor& executor, double seconds, const fs::path& folder) {
  const auto inputs = inputs_of(folder);
  if (inputs.empty()) return invalid("no inputs in " + folder.string());
  // What is novel costs more; a campaign's runs seldom are.
  Aggregates aggregates(executor.shape(), executor.aggregates());
  const auto views = views_of(inputs);
  TRY(executor.run(views, {}, [&](std::size_t, const Outcome& outcome) { aggregates.add(outcome.features); }));
  std::vector<ByteView> batch;
  while (batch.size() < executor.batch_size()) batch.insert(batch.end(), views.begin(), views.end());
  std::uint64_t runs = 0;
  const std::uint64_t began = monotonic_nanoseconds();
  std::uint64_t took = 0;
  while (static_cast<double>(took) < seconds * 1e9) {
    TRY(executor.run(batch, {}, [](std::size_t, const Outcome&) {}));
    runs += batch.size();
    took = monotonic_nanoseconds() - began;
  }
  fmt::print("{{\"runs_per_s\": {:.0f}}}\n", static_cast<double>(runs) * 1e9 / static_cast<double>(took));
  return {};
}

std::string reached_text(const Aggregates& aggregates) {
  std::string text = fmt::format("\"blocks\": {}", aggregates.reached(kCoverage));
  const auto& domains = aggregates.shape().domains;
  for (std::size_t i = 0; i < domains.size(); ++i)
    text += fmt::format(", \"{}\": {}", domains[i].name, aggregates.extreme(kFirstDomain + static_cast<Goal>(i)).first);
  return text;
}

Status tell_reached(Executor& executor, const fs::path& folder) {
  Aggregates aggregates(executor.shape(), executor.aggregates());
  std::string before;
  for (const Input& input : inputs_of(folder)) {
    const ByteView view(reinterpret_cast<const std::uint8_t*>(input.bytes.data()), input.bytes.size());
    TRY(executor.run({&view, 1}, {}, [&](std::size_t, const Outcome& outcome) { aggregates.add(outcome.features); }));
    if (std::string now = reached_text(aggregates); now != before) {
      fmt::print("{{\"at\": {:.3f}, {}}}\n", input.at, now);
      before = std::move(now);
    }
  }
  return {};
}

Status work(std::vector<std::string> words) {
  const bool rate = words.size() > 3 && words[0] == "rate";
  if (!rate && (words.size() < 3 || words[0] != "reached"))
    return invalid("fuzz_replay rate SECONDS FOLDER TARGET…, or fuzz_replay reached FOLDER TARGET…");
  ExecutorOptions options;
  options.command.assign(words.begin() + (rate ? 3 : 2), words.end());
  options.processor = rate ? ::sched_getcpu() : -1;
  options.memory_bytes = std::uint64_t{8} << 30;
  TRY_ASSIGN(const auto executor, start_target(options));
  if (!rate) return tell_reached(*executor, words[1]);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<unsigned>(options.processor), &one);
  ::sched_setaffinity(0, sizeof one, &one);
  return measure_rate(*executor, std::strtod(words[1].c_str(), nullptr), words[2]);
}

}  // namespace
}  // namespace isobar::fuzz

int main(int count, char** values) {
  const auto status = isobar::fuzz::work({values + 1, values + count});
  if (!status.ok()) fmt::print(stderr, "{}\n", status.error().message());
  return status.ok() ? 0 : 1;
}
