#pragma once

/// Packs bytes and unpacks them again: zstd and lz4, whose headers are seen by this module's source alone.

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"

namespace isobar::compression {

enum class Codec { kNone, kZstd, kLz4 };

/// The working memory of one thread, kept from chunk to chunk.
class Compressor {
 public:
  Compressor();
  Compressor(Compressor&&) noexcept;
  Compressor& operator=(Compressor&&) noexcept;
  ~Compressor();
  /// How many bytes were written; none: `into` does not hold the packed bytes.
  std::optional<std::size_t> pack(Codec codec, std::string_view raw, std::span<char> into);
  /// Fills `into` exactly, whatever `packed` is, and never writes past it.
  /// Errors   kDataLoss: these are not the packed form of so many bytes
  Status unpack(Codec codec, std::string_view packed, std::span<char> into);

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

}  // namespace isobar::compression
