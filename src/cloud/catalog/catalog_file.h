#pragma once

/// The catalog's file format: encoding, mapping and verifying. docs/formats/catalog.md draws it.

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cloud/catalog.h"

namespace isobar::cloud {

/// Lays offers out as a catalog file. Equal offers in one place are kept once: the last one wins.
/// dates   of the prices by cloud, as yyyymmdd; a cloud that is not in it has none
std::string encode_catalog(std::vector<Offer> offers, const std::map<std::string, std::uint32_t>& dates);

/// A verified file: every index in it is in range and every number is one that an offer may hold, so that no reader
/// needs to look again. Immutable; safe from any thread.
class CatalogFile {
 public:
  /// Verifies `image`, which must outlive the result.
  /// name     what to call it in messages
  /// Errors   kDataLoss: what is wrong, and that importing again mends it
  static Result<std::shared_ptr<const CatalogFile>> view(std::string_view image, std::string_view name);
  /// Owns the bytes.
  static Result<std::shared_ptr<const CatalogFile>> hold(std::string image, std::string_view name);
  /// Maps a file, which is only ever replaced by renaming and never written in place.
  static Result<std::shared_ptr<const CatalogFile>> map(const fs::path& path);

  ~CatalogFile();
  CatalogFile(const CatalogFile&) = delete;
  CatalogFile& operator=(const CatalogFile&) = delete;

  std::span<const Shape> shapes() const { return shapes_; }

 private:
  CatalogFile() = default;
  Status verify(std::string_view image);
  Status decode_shapes(std::string_view image);

  std::string held_;
  std::string_view mapped_;
  PlaceColumns columns_;
  std::vector<Shape> shapes_;
};

}  // namespace isobar::cloud
