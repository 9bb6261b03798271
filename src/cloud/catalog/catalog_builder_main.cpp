// Compiles the price lists under catalog/ into the one catalog file that is linked into the programs.
// Usage: isobar_catalog_builder FOLDER OUTPUT, where FOLDER/sources.csv names the clouds and the dates of their prices.

#include <fmt/format.h>

#include <charconv>

#include "base/file.h"
#include "catalog_file.h"
#include "csv.h"
#include "price_list.h"

namespace isobar::cloud {

namespace {

/// "2025-03-02" → 20250302; a date that is not known is empty.
Result<std::uint32_t> parse_date(std::string text) {
  std::erase(text, '-');
  std::uint32_t date = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), date);
  if (!text.empty() && (code != std::errc() || end != text.data() + text.size() || text.size() != 8))
    return invalid(text + " is not a date; write YYYY-MM-DD");
  return date;
}

Result<std::map<std::string, std::uint32_t>> read_sources(const fs::path& path) {
  TRY_ASSIGN(const std::string text, read_file(path));
  CsvReader csv(text, path.string());
  std::map<std::string, std::uint32_t> dates;
  std::vector<CsvField> fields;
  for (bool header = true;; header = false) {
    TRY_ASSIGN(const bool more, csv.next(fields));
    if (!more) return dates;
    if (header) continue;
    if (fields.size() != 3) return csv.error_at(fields[0], "a source needs Cloud, Date and Source");
    TRY_ASSIGN(dates[std::string(fields[0].text)], parse_date(std::string(fields[1].text)));
  }
}

Status build(const fs::path& folder, const fs::path& output) {
  TRY_ASSIGN(const auto dates, read_sources(folder / "sources.csv"));
  std::vector<Offer> offers;
  for (const auto& [cloud, date] : dates) {
    const fs::path path = folder / (cloud + ".csv");
    TRY_ASSIGN(const std::string text, read_file(path));
    TRY_ASSIGN(PriceList list, read_price_list(text, cloud, path.string()));
    for (const auto& [reason, rows] : list.dropped)
      return invalid(fmt::format("{}: {} rows to be left out ({}); the built-in lists hold offers alone", path.string(), rows, reason));
    offers.insert(offers.end(), std::make_move_iterator(list.offers.begin()), std::make_move_iterator(list.offers.end()));
  }
  return write_file(output, encode_catalog(std::move(offers), dates), Durability::kCache);
}

}  // namespace

}  // namespace isobar::cloud

int main(int argc, char** argv) {
  if (argc != 3) return fmt::print(stderr, "usage: {} FOLDER OUTPUT\n", argv[0]), 2;
  const auto done = isobar::cloud::build(argv[1], argv[2]);
  if (!done.ok()) return fmt::print(stderr, "{}\n", done.error().message()), 1;
  return 0;
}
