// File to shapes. The bytes may be anything: a crash, a bad disk or a stranger wrote them. One pass proves, before
// anything is used, that the sections fill the file exactly, that every index points into its table and that every
// number is a possible one. The pass reads the whole file, which the checksum does anyway.

#include "catalog_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstddef>

#include "base/text.h"
#include "catalog_layout.h"

namespace isobar::cloud {

namespace {

Error damaged(std::string_view what) {
  return {Code::kDataLoss, fmt::format("{}; import the cloud's price list again with `isobar catalog import`, or remove the file", what)};
}

template <class T>
T load(std::string_view image, std::uint64_t column, std::size_t i) {
  T value;
  std::memcpy(&value, image.data() + column + i * sizeof(T), sizeof(T));
  return value;
}

std::uint32_t largest(std::string_view image, std::uint64_t column, std::size_t count) {
  std::uint32_t most = 0;
  for (std::size_t i = 0; i < count; ++i) most = std::max(most, load<std::uint32_t>(image, column, i));
  return most;
}

/// A column of offsets rises from 0 to `end`.
bool rises_to(std::string_view image, std::uint64_t column, std::size_t count, std::uint32_t end) {
  std::uint32_t before = 0;
  if (load<std::uint32_t>(image, column, 0) != 0) return false;
  for (std::size_t i = 1; i <= count; ++i) {
    const auto here = load<std::uint32_t>(image, column, i);
    if (here < before) return false;
    before = here;
  }
  return before == end;
}

/// Numbers are finite and not negative; a price may also be NaN, for "not sold".
bool possible(std::string_view image, std::uint64_t column, std::size_t count, bool nan_allowed) {
  bool good = true;
  for (std::size_t i = 0; i < count; ++i) {
    const double value = load<double>(image, column, i);
    good &= (value >= 0 && value <= 1e12) || (nan_allowed && std::isnan(value));
  }
  return good;
}

bool printable(std::string_view text) {
  return is_utf8(text) && std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

Result<CatalogHeader> verify_header(std::string_view image) {
  CatalogHeader header;
  if (image.size() < sizeof header)
    return damaged(fmt::format("it is cut short: {} bytes, and the header alone takes {}", image.size(), sizeof header));
  std::memcpy(&header, image.data(), sizeof header);
  if (std::string_view(header.magic, sizeof header.magic) != kCatalogMagic) return damaged("it is not a catalog file");
  if (header.version != kCatalogVersion)
    return damaged(fmt::format("its format is version {}, and this program reads version {}", header.version, kCatalogVersion));
  if (header.file_bytes != image.size()) return damaged(fmt::format("it holds {} bytes instead of {}", image.size(), header.file_bytes));
  if (CatalogLayout(header).end != image.size()) return damaged("its sections do not fill it");
  if (catalog_checksum(image) != header.checksum) return damaged("its checksum does not match its content");
  return header;
}

}  // namespace

std::uint64_t catalog_checksum(std::string_view image) {
  constexpr std::size_t kFrom = offsetof(CatalogHeader, checksum) + sizeof(CatalogHeader::checksum);
  return XXH3_64bits(image.data() + kFrom, image.size() - kFrom);
}

Status CatalogFile::verify(std::string_view image) {
  TRY_ASSIGN(const CatalogHeader header, verify_header(image));
  const CatalogLayout at(header);
  if (header.strings == 0 || !rises_to(image, at.string_offsets, header.strings, header.string_bytes))
    return damaged("its table of names is out of order");
  if (!printable(image.substr(at.string_bytes, header.string_bytes)))
    return damaged("a name in it holds control characters or is not UTF-8");
  for (const auto column : at.shape_strings)
    if (largest(image, column, header.shapes) >= header.strings) return damaged("a machine type points outside the table of names");
  for (const auto column : {at.regions, at.zones})
    if (largest(image, column, header.rows) >= header.strings) return damaged("a place points outside the table of names");
  if (!rises_to(image, at.first_rows, header.shapes, header.rows)) return damaged("a machine type points outside the table of places");
  for (const auto column : at.shape_numbers)
    if (!possible(image, column, header.shapes, false)) return damaged("a size in it is not a possible number");
  for (const auto column : {at.prices, at.spot_prices})
    if (!possible(image, column, header.rows, true)) return damaged("a price in it is not a possible number");

  const char* base = image.data();
  columns_ = {base + at.string_offsets, base + at.string_bytes, base + at.regions,
              base + at.zones,          base + at.prices,       base + at.spot_prices};
  return decode_shapes(image);
}

Status CatalogFile::decode_shapes(std::string_view image) {
  CatalogHeader header;
  std::memcpy(&header, image.data(), sizeof header);
  const CatalogLayout at(header);
  const auto text = [&](std::uint64_t column, std::size_t i) {
    const auto index = load<std::uint32_t>(image, column, i);
    const auto from = load<std::uint32_t>(image, at.string_offsets, index);
    return image.substr(at.string_bytes + from, load<std::uint32_t>(image, at.string_offsets, index + 1) - from);
  };
  const auto number = [&](ShapeNumber column, std::size_t i) { return load<double>(image, at.shape_numbers[column], i); };
  shapes_.reserve(header.shapes);
  for (std::size_t i = 0; i < header.shapes; ++i) {
    const auto first = load<std::uint32_t>(image, at.first_rows, i);
    shapes_.push_back(Shape{text(at.shape_strings[kCloud], i), text(at.shape_strings[kInstanceType], i),
                            text(at.shape_strings[kAccelerator], i), text(at.shape_strings[kArchitecture], i), number(kVcpus, i),
                            number(kMemoryGib, i), number(kAcceleratorCount, i), number(kAcceleratorMemoryGib, i), number(kLocalDiskGib, i),
                            load<std::uint32_t>(image, at.dates, i),
                            Places(&columns_, first, load<std::uint32_t>(image, at.first_rows, i + 1) - first)});
    if (i > 0 && shapes_[i].cloud < shapes_[i - 1].cloud) return damaged("its clouds are out of order");
  }
  return {};
}

Result<std::shared_ptr<const CatalogFile>> CatalogFile::view(std::string_view image, std::string_view name) {
  std::shared_ptr<CatalogFile> file(new CatalogFile);
  TRY(file->verify(image).context(fmt::format("catalog file {}", name)));
  return std::shared_ptr<const CatalogFile>(std::move(file));
}

Result<std::shared_ptr<const CatalogFile>> CatalogFile::hold(std::string image, std::string_view name) {
  std::shared_ptr<CatalogFile> file(new CatalogFile);
  file->held_ = std::move(image);
  TRY(file->verify(file->held_).context(fmt::format("catalog file {}", name)));
  return std::shared_ptr<const CatalogFile>(std::move(file));
}

Result<std::shared_ptr<const CatalogFile>> CatalogFile::map(const fs::path& path) {
  const std::string intent = "catalog file " + path.string();
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return errno_error(intent);
  struct stat facts {};
  if (::fstat(fd.get(), &facts) != 0) return errno_error(intent);
  if (facts.st_size == 0) return damaged("it is empty").context(intent);
  const auto bytes = static_cast<std::size_t>(facts.st_size);
  void* address = ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (address == MAP_FAILED) return errno_error(intent);
  std::shared_ptr<CatalogFile> file(new CatalogFile);
  file->mapped_ = {static_cast<const char*>(address), bytes};
  TRY(file->verify(file->mapped_).context(intent));
  return std::shared_ptr<const CatalogFile>(std::move(file));
}

CatalogFile::~CatalogFile() {
  if (!mapped_.empty()) ::munmap(const_cast<char*>(mapped_.data()), mapped_.size());
}

}  // namespace isobar::cloud
