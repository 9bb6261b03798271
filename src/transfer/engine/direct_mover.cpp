#include <unordered_map>

#include "buffer_pool.h"
#include "chunk_read.h"
#include "transfer/chunk_mover.h"

namespace isobar::transfer {

namespace {

class DirectMover final : public ChunkMover {
 public:
  DirectMover(std::shared_ptr<storage::Store> source, std::vector<std::shared_ptr<storage::Store>> targets, std::uint64_t bytes_most)
      : source_(std::move(source)), targets_(std::move(targets)), buffers_(bytes_most) {}

  void read(ChunkId chunk, ReadChunk what, ReadDone done) override {
    auto buffer = buffers_.take(what.bytes);
    const auto read = std::make_shared<ChunkRead>(std::move(what), std::move(buffer), std::move(done));
    chunks_[chunk] = read;
    read->start(*source_);
  }

  void read_again(ChunkId chunk) override { chunks_.at(chunk)->start_again(source_); }

  void put(ChunkId chunk, std::size_t target, std::string key, storage::Properties properties, std::uint32_t crc32c,
           storage::Done<storage::PutReceipt> done) override {
    storage::PutRequest request;
    request.key = std::move(key);
    request.body = bytes_of(chunk);
    request.properties = std::move(properties);
    request.checksums.crc32c = crc32c;
    targets_[target]->put(std::move(request), std::move(done));
  }

  void put_part(ChunkId chunk, std::size_t target, storage::Upload upload, int number, std::uint64_t offset, std::uint32_t crc32c,
                storage::Done<storage::Part> done) override {
    storage::Checksums checksums;
    checksums.crc32c = crc32c;
    targets_[target]->put_part(std::move(upload), number, offset, bytes_of(chunk), std::move(checksums), std::move(done));
  }

  void release(ChunkId chunk) override {
    const auto found = chunks_.find(chunk);
    buffers_.give_back(found->second->take_buffer());
    chunks_.erase(found);
  }

 private:
  std::string_view bytes_of(ChunkId id) const { return chunks_.at(id)->bytes(); }

  std::shared_ptr<storage::Store> source_;
  std::vector<std::shared_ptr<storage::Store>> targets_;
  BufferPool buffers_;
  std::unordered_map<ChunkId, std::shared_ptr<ChunkRead>> chunks_;
};

}  // namespace

std::unique_ptr<ChunkMover> make_direct_mover(std::shared_ptr<storage::Store> source, std::vector<std::shared_ptr<storage::Store>> targets,
                                              std::uint64_t bytes_most) {
  return std::make_unique<DirectMover>(std::move(source), std::move(targets), bytes_most);
}

}  // namespace isobar::transfer
