#include "fuzz/corpus.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <charconv>

namespace isobar::fuzz {
namespace {

std::string_view text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// Folders of an AFL output that hold no inputs.
bool holds_no_inputs(const fs::path& folder) {
  const std::string name = folder.filename();
  return name == "crashes" || name == "hangs" || name.starts_with(".");
}
/// AFL's own files beside its queue.
bool is_no_input(const fs::path& file) {
  static constexpr std::string_view kNames[] = {"README.txt",  "fuzzer_stats", "fuzzer_setup", "plot_data",
                                                "fuzz_bitmap", "cmdline",      "state",        "lock"};
  const std::string name = file.filename();
  return name.starts_with(".") || std::ranges::find(kNames, name) != std::end(kNames);
}

}  // namespace

std::string InputHash::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

std::optional<InputHash> InputHash::parse(std::string_view hex) {
  InputHash hash;
  if (hex.size() != 32 || hex.find_first_not_of("0123456789abcdef") != std::string_view::npos) return std::nullopt;
  std::from_chars(hex.data(), hex.data() + 16, hash.high, 16);
  std::from_chars(hex.data() + 16, hex.data() + 32, hash.low, 16);
  return hash;
}

InputHash hash_of(ByteView bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.high64, hash.low64};
}

Result<CorpusFolder> CorpusFolder::open(const fs::path& path, int worker) {
  const std::string suffix = worker == 0 ? "" : fmt::format(".{}", worker + 1);
  for (const char* folder : {"inputs", "crashes"}) TRY(make_folders(path / folder));
  const std::string name = path / ("lock" + suffix);
  Fd lock(::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock) return errno_error("open " + name);
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0)
    return Error(Code::kConflict, fmt::format("a campaign runs in {} already; another folder is given with --out", path.string()));
  return CorpusFolder(path, path / ("state" + suffix), std::move(lock));
}

Status CorpusFolder::keep(const InputHash& hash, ByteView bytes) const {
  return write_file(inputs() / hash.hex(), text(bytes), Durability::kCache);
}

Result<Bytes> CorpusFolder::read(const InputHash& hash) const {
  TRY_ASSIGN(const auto content, read_file(inputs() / hash.hex()));
  return bytes_of(content);
}

Status CorpusFolder::forget(const InputHash& hash) const {
  std::error_code failed;
  fs::remove(inputs() / hash.hex(), failed);
  if (failed) return errno_error("remove an input", failed.value());
  return {};
}

Result<std::vector<InputHash>> CorpusFolder::list() const {
  std::vector<InputHash> all;
  std::error_code failed;
  for (const auto& file : fs::directory_iterator(inputs(), failed))
    if (const auto hash = InputHash::parse(file.path().filename().string())) all.push_back(*hash);
  if (failed) return errno_error("list " + inputs().string(), failed.value());
  std::ranges::sort(all);
  return all;
}

Result<fs::path> CorpusFolder::keep_ending(Ending ending, ByteView bytes) const {
  const fs::path path = path_ / "crashes" / fmt::format("{}-{}", name_of(ending), hash_of(bytes).hex());
  TRY(write_file(path, text(bytes), Durability::kCache));
  return path;
}

Status CorpusFolder::save(const CampaignState& state) const {
  return write_file(state_, encode(state), Durability::kCache).context("save the campaign");
}

Result<std::optional<CampaignState>> CorpusFolder::load() const {
  const auto bytes = read_file(state_, std::uint64_t{4} << 30);
  if (!bytes.ok()) {
    if (bytes.error().code() == Code::kNotFound) return std::optional<CampaignState>();
    return bytes.error();
  }
  TRY_ASSIGN(auto state, decode_state(*bytes).context("read " + state_.string()));
  return std::optional<CampaignState>(std::move(state));
}

Result<std::vector<Bytes>> read_inputs(const fs::path& path, std::size_t size_max) {
  std::error_code failed;
  if (!fs::exists(path, failed)) return not_found(fmt::format("there are no inputs at {}", path.string()));
  std::vector<fs::path> files;
  if (!fs::is_directory(path, failed)) {
    files.push_back(path);
  } else {
    fs::recursive_directory_iterator all(path, fs::directory_options::skip_permission_denied, failed);
    for (; !failed && all != fs::recursive_directory_iterator(); all.increment(failed)) {
      if (all->is_directory() && holds_no_inputs(all->path())) {
        all.disable_recursion_pending();
      } else if (all->is_regular_file() && !is_no_input(all->path())) {
        files.push_back(all->path());
      }
    }
    if (failed) return errno_error("list " + path.string(), failed.value());
  }
  std::ranges::sort(files);
  std::vector<Bytes> inputs;
  for (const fs::path& file : files) {
    TRY_ASSIGN(const auto content, read_file(file, std::uint64_t{1} << 32));
    inputs.push_back(bytes_of(std::string_view(content).substr(0, size_max)));
  }
  return inputs;
}

}  // namespace isobar::fuzz
