#include <fmt/format.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/text.h"
#include "cloud/host_client.h"
#include "crypto/digest.h"
#include "crypto/encoding.h"

namespace isobar::cloud {

namespace {

constexpr std::uint64_t kProgramBytesMax = 512 << 20;

Result<std::string> gzip(std::string_view bytes) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16, kMemoryLevel = 8, kLevel = 4;
  if (deflateInit2(&stream, kLevel, Z_DEFLATED, kGzipWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK)
    return Error(Code::kExhausted, "no memory to compress isobar-node");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int done = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  CHECK(done == Z_STREAM_END, done);
  return out;
}

/// Which content a file has, as far as can be told without reading it.
std::string signature_of(const struct stat& file) {
  return fmt::format("{} {} {}.{}", file.st_ino, file.st_size, file.st_mtim.tv_sec, file.st_mtim.tv_nsec);
}

}  // namespace

NodeProgram::NodeProgram(fs::path file, fs::path cache, std::string sha256)
    : file_(std::move(file)), cache_(std::move(cache)), sha256_(std::move(sha256)), name_("isobar-node-" + sha256_.substr(0, 16)) {}

Result<NodeProgram> NodeProgram::open(const fs::path& file, const fs::path& cache) {
  struct stat there {};
  if (::stat(file.c_str(), &there) != 0) return errno_error("isobar-node is what runs on machines: " + file.string());
  const auto signature = signature_of(there);
  const auto noted = cache / "isobar-node.hash";
  if (const auto before = read_file(noted); before.ok()) {
    const auto lines = split(*before, '\n');
    if (lines.size() >= 3 && lines[0] == file.string() && lines[1] == signature && lines[2].size() == 64)
      return NodeProgram(file, cache, std::string(lines[2]));
  }
  TRY_ASSIGN(const auto bytes, read_file(file, kProgramBytesMax));
  NodeProgram program(file, cache, crypto::to_hex(crypto::sha256(bytes)));
  // A note that cannot be kept is made again the next time.
  if (make_folders(cache).ok())
    (void)write_file(noted, fmt::format("{}\n{}\n{}\n", file.string(), signature, program.sha256_), Durability::kCache).ok();
  return program;
}

Result<std::string> NodeProgram::compressed() const {
  const MutexLock lock(*packing_);
  const auto kept = cache_ / (name_ + ".gz");
  if (auto before = read_file(kept, kProgramBytesMax); before.ok()) return before;
  TRY_ASSIGN(const auto bytes, read_file(file_, kProgramBytesMax));
  TRY_ASSIGN(auto packed, gzip(bytes));
  if (make_folders(cache_).ok()) (void)write_file(kept, packed, Durability::kCache).ok();
  return packed;
}

}  // namespace isobar::cloud
