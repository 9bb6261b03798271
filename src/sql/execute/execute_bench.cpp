// How fast do plans run over rows that are at hand? A scan with a filter and a sum is to go through 5 million rows a second, and a row by
// its key is to take less than 5 microseconds from values to the row, once prepared.

#include <benchmark/benchmark.h>

#include "sql/prepared.h"

namespace isobar::sql {
namespace {

constexpr std::int64_t kRows = 200000;

/// One table, in the order of its key, which counts from 0.
class Rows final : public Catalog, public Storage {
 public:
  Rows() {
    auto table = std::make_shared<Table>();
    table->id = 1, table->schema = "public", table->name = "t", table->rows_estimated = kRows;
    for (const auto& [name, kind] :
         {std::pair{"id", Kind::kInt4}, std::pair{"x", Kind::kInt4}, std::pair{"y", Kind::kInt4}, std::pair{"s", Kind::kText}}) {
      table->columns.emplace_back();
      table->columns.back().name = name, table->columns.back().type = type_of(kind);
    }
    Index key;
    key.id = 2, key.name = "t_pkey", key.columns = {0}, key.descending = {false}, key.unique = key.primary = true;
    table->indexes.push_back(key);
    table_ = std::move(table);
    for (std::int64_t i = 0; i < kRows; ++i)
      rows_.push_back(
          {std::to_string(i), {Value(i), Value(i * 7 % 1000), Value(i % 10), Value("a text of some length " + std::to_string(i % 100))}});
  }
  SqlResult<std::shared_ptr<const Table>> find_table(std::string_view, std::string_view) override { return table_; }
  SqlResult<std::shared_ptr<const Table>> table_of(Oid) override { return table_; }
  SqlResult<std::optional<Sequence>> find_sequence(std::string_view, std::string_view) override { return std::optional<Sequence>(); }
  SqlResult<bool> has_schema(std::string_view) override { return true; }
  std::vector<std::string> search_path() const override { return {"public"}; }

  SqlResult<std::unique_ptr<RowCursor>> scan(const Table&, const Index*, const IndexRange& range, const ScanOrder&) override {
    std::size_t from = 0, to = rows_.size();
    if (!range.equal.empty()) from = static_cast<std::size_t>(range.equal[0].integer()), to = std::min(from + 1, to);
    return std::unique_ptr<RowCursor>(std::make_unique<Cursor>(rows_.data() + from, rows_.data() + to));
  }
  SqlResult<std::optional<StoredRow>> find(const Table&, const RowKey&) override { return std::optional<StoredRow>(); }
  SqlResult<std::optional<StoredRow>> conflicting(const Table&, const Index&, const Row&) override { return std::optional<StoredRow>(); }
  SqlStatus insert(const Table&, Row) override { return {}; }
  SqlStatus update(const Table&, const StoredRow&, Row) override { return {}; }
  SqlStatus erase(const Table&, const StoredRow&) override { return {}; }
  SqlStatus end_statement() override { return {}; }
  SqlResult<std::int64_t> next_value(const Sequence&) override { return std::int64_t{0}; }
  SqlResult<std::int64_t> current_value(const Sequence&) override { return std::int64_t{0}; }
  SqlStatus set_value(const Sequence&, std::int64_t, bool) override { return {}; }
  SqlResult<std::int64_t> last_value() override { return std::int64_t{0}; }

 private:
  class Cursor final : public RowCursor {
   public:
    Cursor(const StoredRow* at, const StoredRow* end) : at_(at), end_(end) {}
    SqlResult<const StoredRow*> next() override { return at_ == end_ ? nullptr : at_++; }

   private:
    const StoredRow *at_, *end_;
  };
  std::shared_ptr<const Table> table_;
  std::vector<StoredRow> rows_;
};

struct World {
  Rows rows;
  FunctionSet functions = FunctionSet::built_in();
  SessionValues session;
  std::unique_ptr<Prepared> prepare(std::string_view sql) {
    const auto parsed = parse(sql);
    auto made = sql::prepare(parsed->front(), rows, functions, session, {});
    CHECK(made.ok(), made.ok() ? "" : made.error().message());
    return std::move(made).value();
  }
};
World& world() {
  static World made;
  return made;
}

std::int64_t drain(Prepared& statement, std::vector<Value> values) {
  auto stream = statement.execute(std::move(values), world().rows, world().session, {});
  CHECK(stream.ok(), stream.ok() ? "" : stream.error().message());
  std::int64_t rows = 0;
  while (true) {
    const auto row = (*stream)->next();
    CHECK(row.ok());
    if (*row == nullptr) return rows;
    ++rows;
  }
}

/// items_per_second: rows of the table.
void scans(benchmark::State& state, std::string_view sql) {
  const auto statement = world().prepare(sql);
  for (auto _ : state) benchmark::DoNotOptimize(drain(*statement, {}));
  state.SetItemsProcessed(state.iterations() * kRows);
}
BENCHMARK_CAPTURE(scans, filter_and_sum, std::string_view("SELECT sum(x) FROM t WHERE y > 3"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(scans, group_by, std::string_view("SELECT y, count(*), sum(x) FROM t GROUP BY y"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(scans, group_by_text, std::string_view("SELECT s, count(*) FROM t GROUP BY s"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(scans, expression, std::string_view("SELECT count(*) FROM t WHERE x * 2 + y < 1000 AND s LIKE '%9'"))
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(scans, sort_with_limit, std::string_view("SELECT id, s FROM t ORDER BY x, id LIMIT 10"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(scans, sort, std::string_view("SELECT id, s FROM t ORDER BY x, id"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(scans, hash_join, std::string_view("SELECT count(*) FROM t a JOIN t b ON a.x = b.id"))->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(scans, all_rows, std::string_view("SELECT * FROM t"))->Unit(benchmark::kMillisecond);

void by_key(benchmark::State& state) {
  const auto statement = world().prepare("SELECT s FROM t WHERE id = $1");
  std::int64_t at = 0;
  for (auto _ : state) benchmark::DoNotOptimize(drain(*statement, {Value(at = (at + 7919) % kRows)}));
}
BENCHMARK(by_key)->Unit(benchmark::kMicrosecond);

void prepares(benchmark::State& state) {
  const auto parsed = parse("SELECT s FROM t WHERE id = $1");
  for (auto _ : state) benchmark::DoNotOptimize(prepare(parsed->front(), world().rows, world().functions, world().session, {}));
}
BENCHMARK(prepares)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace isobar::sql

BENCHMARK_MAIN();
