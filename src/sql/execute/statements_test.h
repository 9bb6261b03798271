#pragma once

/// Draws schemas, rows and statements of all shapes. Statements are such that PostgreSQL's answer is the only right one, the order of rows
/// aside: nothing divides or overflows, and LIMIT comes with an order of all columns.

#include <string>
#include <vector>

#include "base/random.h"

namespace isobar::sql {

/// i int4, l int8, t text, b bool, n numeric, d date
struct DrawnColumn {
  std::string name;
  char type;
};
struct DrawnTable {
  std::string name;
  std::vector<DrawnColumn> columns;
  bool has_key = false, is_view = false;
  std::vector<std::string> unique;  ///< columns besides the key
  int next_id = 1;
};

class StatementDraw {
 public:
  explicit StatementDraw(std::uint64_t seed) : random_(seed) {}
  /// CREATE TABLE, INDEX, VIEW, and rows.
  std::vector<std::string> schema();
  std::string statement();
  const std::vector<DrawnTable>& tables() const { return tables_; }

 private:
  using Columns = std::vector<DrawnColumn>;
  struct From {
    std::string text;
    Columns columns;
  };
  struct Query {
    std::string text;
    std::vector<char> types;
    bool sortable = true;
  };

  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_.below(bound)); }
  bool chance(double probability) { return random_.chance(probability); }
  template <class T>
  const T& pick(const std::vector<T>& from) {
    return from[below(from.size())];
  }
  std::string one_of(std::initializer_list<const char*> from) { return *(from.begin() + below(from.size())); }
  char type() { return "iiiltttbnd"[below(10)]; }

  std::string literal(char type);
  std::string value(char type, const Columns& scope, int depth);
  std::string integer(char type, const Columns& scope, int depth);
  std::string text(const Columns& scope, int depth);
  std::string condition(const Columns& scope, int depth);
  std::string comparison(const Columns& scope, int depth);
  std::string subquery_condition(const Columns& scope, int depth);
  std::string column(char type, const Columns& scope);

  const DrawnTable& stored();
  From item(const Columns& outer, int depth);
  From from(const Columns& outer, int depth);
  From join(From left, const Columns& outer, int depth);
  Query query(const Columns& outer, int depth, std::vector<char> types = {});
  Query core(const Columns& outer, int depth, std::vector<char> types);
  Query grouped(const Columns& outer, int depth, std::vector<char> types);
  Query windowed(const Columns& outer, int depth);
  Query set_operation(const Columns& outer, int depth, std::vector<char> types);
  Query with(const Columns& outer, int depth);
  std::string aggregate(char& type, const Columns& scope, int depth);
  std::string ordered(Query query);
  std::string insert();
  std::string update();
  std::string erase();
  std::string row(DrawnTable& table, const std::vector<DrawnColumn>& columns);
  std::string returning(const DrawnTable& table);
  std::string alias() { return "q" + std::to_string(++aliases_); }

  Random random_;
  std::vector<DrawnTable> tables_;
  int aliases_ = 0;
};

}  // namespace isobar::sql
