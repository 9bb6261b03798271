// Files of rows as somebody who is wrong or hostile may hand them to us: any bytes, in CSV or JSON Lines. They are read or refused; what
// the parser of whole texts reads of CSV is read in pieces, too, and the same.

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <string>

#include "features/csv.h"
#include "features/table.h"

using namespace isobar;
using namespace isobar::features;

namespace {

const std::vector<TableColumn>& wanted() {
  static const std::vector<TableColumn> columns{{"a", {Kind::kInt64}, ""}, {"b", {Kind::kString}, ""}, {"c", {Kind::kTimestamp}, ""}};
  return columns;
}

Result<std::vector<Row>> read(const TableFile& file, const ReadOptions& options) {
  TRY_ASSIGN(const auto table, read_table(file, wanted(), options));
  std::vector<Row> rows;
  Row row;
  while (true) {
    TRY_ASSIGN(const bool more, table->next(row));
    if (!more) break;
    rows.push_back(row);
  }
  CHECK(table->columns().size() <= 100'000);
  return rows;
}

void compare_with_whole(std::string_view text, const Result<std::vector<Row>>& pieces) {
  static const Schema schema = *Schema::create({{"a", {Kind::kInt64}}, {"b", {Kind::kString}}, {"c", {Kind::kTimestamp}}});
  const auto whole = rows_from_csv("f", text, schema);
  if (whole.ok() && pieces.ok()) CHECK(*whole == *pieces);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const Fd memory(::memfd_create("table", MFD_CLOEXEC));
  CHECK(::ftruncate(memory.get(), 0) == 0 && ::lseek(memory.get(), 0, SEEK_SET) == 0);
  CHECK(write_all(memory.get(), text).ok());
  const fs::path path = "/proc/self/fd/" + std::to_string(memory.get());
  const TableFormat format = data[0] % 2 == 0 ? TableFormat::kCsv : TableFormat::kJsonLines;
  const auto rows = read({path, format}, {.missing_is_null = data[0] % 4 < 2, .infer = data[0] % 8 < 4});
  if (format == TableFormat::kCsv) compare_with_whole(text, rows);
  return 0;
}
