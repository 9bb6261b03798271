#include "statements_test.h"

#include <fmt/format.h>

#include <algorithm>

namespace isobar::sql {
namespace {

const char* name_of_type(char type) {
  switch (type) {
    case 'i': return "int4";
    case 'l': return "int8";
    case 't': return "text";
    case 'b': return "bool";
    case 'n': return "numeric(8,2)";
    default: return "date";
  }
}
const char* bare_type(char type) { return type == 'n' ? "numeric" : name_of_type(type); }

}  // namespace

std::string StatementDraw::literal(char type) {
  if (chance(0.08)) return fmt::format("NULL::{}", bare_type(type));
  switch (type) {
    case 'i': return std::to_string(static_cast<int>(below(14)) - 3);
    case 'l': return std::to_string(static_cast<int>(below(14)) - 3) + "::int8";
    case 't': return "'" + one_of({"", "a", "b", "ab", "abc", "B", "x y", "a%", "ü"}) + "'::text";
    case 'b': return one_of({"true", "false"});
    case 'n': return one_of({"0.50", "1.00", "2.25", "-3.10", "10.00"}) + "::numeric";
    default: return "'" + one_of({"2024-01-01", "2024-02-29", "2023-12-31", "1999-07-04"}) + "'::date";
  }
}

std::string StatementDraw::column(char type, const Columns& scope) {
  std::vector<std::string> known;
  for (const auto& column : scope)
    if (column.type == type) known.push_back(column.name);
  return known.empty() ? literal(type) : pick(known);
}

std::string StatementDraw::integer(char type, const Columns& scope, int depth) {
  const auto one = [&] { return value(type, scope, depth - 1); };
  switch (below(type == 'l' ? 7 : 6)) {
    case 0: return fmt::format("({} + {})", one(), one());
    case 1: return fmt::format("({} - {})", one(), one());
    case 2: return fmt::format("({} * {})", column(type, scope), literal(type));
    case 3: return fmt::format("abs({})", one());
    case 4:
      return type == 'i' ? fmt::format("length({})", value('t', scope, depth - 1))
                         : fmt::format("({})::int8", value('i', scope, depth - 1));
    case 5: return fmt::format("(-{})", column(type, scope));
    default: {
      const auto inner = from(scope, depth - 1);
      Columns all = inner.columns;
      all.insert(all.end(), scope.begin(), scope.end());
      return fmt::format("(SELECT count(*) FROM {} WHERE {})", inner.text, condition(all, depth - 2));
    }
  }
}

std::string StatementDraw::text(const Columns& scope, int depth) {
  const auto one = [&] { return value('t', scope, depth - 1); };
  switch (below(4)) {
    case 0: return fmt::format("({} || {})", one(), one());
    case 1: return fmt::format("{}({})", one_of({"lower", "upper"}), one());
    case 2: return fmt::format("substr({}, {})", one(), 1 + below(3));
    default: return fmt::format("({})::text", value(one_of({"i", "b", "l"})[0], scope, depth - 1));
  }
}

std::string StatementDraw::value(char type, const Columns& scope, int depth) {
  if (depth <= 0 || chance(0.35)) return chance(0.75) ? column(type, scope) : literal(type);
  const auto one = [&] { return value(type, scope, depth - 1); };
  switch (below(9)) {
    case 0: return fmt::format("coalesce({}, {})", one(), one());
    case 1: return fmt::format("nullif({}, {})", one(), one());
    case 2: return fmt::format("CASE WHEN {} THEN {} ELSE {} END", condition(scope, depth - 1), one(), one());
    case 3: {
      const char subject = this->type();
      return fmt::format("CASE {} WHEN {} THEN {} WHEN {} THEN {} END", value(subject, scope, depth - 1), literal(subject), one(),
                         literal(subject), one());
    }
    case 4:
      if (type != 'b') return fmt::format("{}({}, {})", one_of({"greatest", "least"}), one(), one());
      break;
    case 5:
      if (depth > 1 && type != 'b') {
        const auto inner = from(scope, depth - 2);
        Columns all = inner.columns;
        all.insert(all.end(), scope.begin(), scope.end());
        return fmt::format("(SELECT {}({}) FROM {} WHERE {})", one_of({"max", "min"}), column(type, inner.columns), inner.text,
                           condition(all, depth - 2));
      }
      break;
    default: break;
  }
  if (type == 'i' || type == 'l') return integer(type, scope, depth);
  if (type == 't') return text(scope, depth);
  if (type == 'b') return "(" + condition(scope, depth) + ")";
  if (type == 'n') return fmt::format("({} {} {})", one(), one_of({"+", "-"}), one());
  return column(type, scope);
}

std::string StatementDraw::comparison(const Columns& scope, int depth) {
  const char of = type();
  const auto one = [&] { return value(of, scope, depth - 1); };
  switch (below(9)) {
    case 0: return fmt::format("{} IS {}NULL", one(), one_of({"", "NOT "}));
    case 1: return fmt::format("{} {}IN ({}, {}, {})", one(), one_of({"", "NOT "}), literal(of), literal(of), one());
    case 2: return fmt::format("{} {}BETWEEN {} AND {}", one(), one_of({"", "NOT ", "NOT ", ""}), literal(of), one());
    case 3: return fmt::format("{} IS {}DISTINCT FROM {}", one(), one_of({"", "NOT "}), one());
    case 4:
      return fmt::format("{} {}LIKE {}", value('t', scope, depth - 1), one_of({"", "NOT "}),
                         "'" + one_of({"%", "a%", "%b%", "_", "a_c", "%y"}) + "'");
    case 5: return fmt::format("{} {} ANY (ARRAY[{}, {}])", one(), one_of({"=", "<", ">="}), literal(of), literal(of));
    case 6: {
      const char other = type();
      return fmt::format("({}, {}) {} ({}, {})", one(), column(other, scope), one_of({"=", "<>", "<", ">="}), literal(of),
                         value(other, scope, depth - 1));
    }
    default: return fmt::format("{} {} {}", column(of, scope), one_of({"=", "=", "=", "<", "<=", ">", ">=", "<>"}), one());
  }
}

std::string StatementDraw::subquery_condition(const Columns& scope, int depth) {
  const char of = type();
  const auto inner = from(scope, depth - 2);
  Columns all = inner.columns;
  const bool correlated = chance(0.6);
  if (correlated) all.insert(all.end(), scope.begin(), scope.end());
  const auto where = condition(all, depth - 2);
  // Often equal columns, so that it can become a join.
  const auto key = pick(inner.columns);
  const auto equal = correlated && chance(0.7) ? fmt::format(" AND {} = {}", key.name, column(key.type, scope)) : std::string();
  switch (below(4)) {
    case 0:
      return fmt::format("{} {}IN (SELECT {} FROM {} WHERE {})", column(of, scope), one_of({"", "NOT "}), column(of, inner.columns),
                         inner.text, where);
    case 1:
      return fmt::format("{} {} {} (SELECT {} FROM {} WHERE {})", column(of, scope), one_of({"=", "<", ">", "<>"}), one_of({"ANY", "ALL"}),
                         value(of, inner.columns, 1), inner.text, where);
    default: return fmt::format("{}EXISTS (SELECT 1 FROM {} WHERE ({}){})", one_of({"", "NOT "}), inner.text, where, equal);
  }
}

std::string StatementDraw::condition(const Columns& scope, int depth) {
  if (depth > 0 && chance(0.45)) {
    switch (below(4)) {
      case 0: return fmt::format("({} AND {})", condition(scope, depth - 1), condition(scope, depth - 1));
      case 1: return fmt::format("({} OR {})", condition(scope, depth - 1), condition(scope, depth - 1));
      case 2: return fmt::format("NOT ({})", condition(scope, depth - 1));
      default: return fmt::format("({}) IS {}{}", condition(scope, depth - 1), one_of({"", "NOT "}), one_of({"TRUE", "FALSE", "UNKNOWN"}));
    }
  }
  if (depth > 1 && chance(0.25)) return subquery_condition(scope, depth);
  if (chance(0.1)) return column('b', scope);
  return comparison(scope, depth);
}

const DrawnTable& StatementDraw::stored() {
  while (true) {
    const auto& table = pick(tables_);
    if (!table.is_view) return table;
  }
}

StatementDraw::From StatementDraw::item(const Columns& outer, int depth) {
  const auto name = alias();
  if (depth <= 0 || chance(0.7)) {
    const auto& table = pick(tables_);
    From made{table.name + " " + name, {}};
    for (const auto& column : table.columns) made.columns.push_back({name + "." + column.name, column.type});
    return made;
  }
  if (chance(0.2)) {
    From made{fmt::format("(VALUES ({}, {}), ({}, {})) {} (v1, v2)", literal('i'), literal('t'), literal('i'), literal('t'), name), {}};
    made.columns = {{name + ".v1", 'i'}, {name + ".v2", 't'}};
    return made;
  }
  const auto inner = query(outer, depth - 1);
  From made{"(" + inner.text + ") " + name + " (", {}};
  for (std::size_t i = 0; i < inner.types.size(); ++i) {
    const auto column = "c" + std::to_string(i);
    made.text += (i == 0 ? "" : ", ") + column;
    made.columns.push_back({name + "." + column, inner.types[i]});
  }
  made.text += ")";
  return made;
}

StatementDraw::From StatementDraw::join(From left, const Columns& outer, int depth) {
  const bool lateral = depth > 0 && chance(0.15);
  Columns sight = outer;
  if (lateral) sight.insert(sight.end(), left.columns.begin(), left.columns.end());
  auto right = item(lateral ? sight : outer, depth - 1);
  if (right.text.starts_with('(') && !right.text.starts_with("(VALUES") && lateral) right.text = "LATERAL " + right.text;
  const bool comma = chance(0.15);
  const auto kind = comma ? std::string(",")
                          : one_of({"JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", lateral ? "LEFT JOIN" : "RIGHT JOIN",
                                    lateral ? "JOIN" : "FULL JOIN", "CROSS JOIN"});
  From made{left.text + " " + kind + " " + right.text, left.columns};
  made.columns.insert(made.columns.end(), right.columns.begin(), right.columns.end());
  if (comma || kind == "CROSS JOIN") return made;
  const auto key = pick(left.columns);
  std::string on = "true";
  const auto other = column(key.type, right.columns);
  if (other.starts_with('q') || kind == "FULL JOIN") on = fmt::format("{} = {}", key.name, other.starts_with('q') ? other : "NULL");
  if (kind != "FULL JOIN" && chance(0.4)) on += " AND " + condition(made.columns, 1);
  if (kind == "FULL JOIN" && !other.starts_with('q')) on = "true";
  made.text += " ON " + on;
  return made;
}

StatementDraw::From StatementDraw::from(const Columns& outer, int depth) {
  auto made = item(outer, depth - 1);
  while (chance(0.35) && made.columns.size() < 14) made = join(std::move(made), outer, depth - 1);
  return made;
}

std::string StatementDraw::aggregate(char& type, const Columns& scope, int depth) {
  const auto filter = chance(0.2) ? fmt::format(" FILTER (WHERE {})", condition(scope, 1)) : std::string();
  switch (below(6)) {
    case 0: return type = 'l', "count(*)" + filter;
    case 1: return type = 'l', fmt::format("count({}{})", one_of({"", "DISTINCT "}), value(this->type(), scope, depth)) + filter;
    case 2: return type = 'l', fmt::format("sum({}{})", one_of({"", "DISTINCT "}), value('i', scope, depth)) + filter;
    default:
      type = one_of({"i", "l", "t", "n"})[0];
      return fmt::format("{}({})", one_of({"max", "min"}), value(type, scope, depth)) + filter;
  }
}

StatementDraw::Query StatementDraw::grouped(const Columns& outer, int depth, std::vector<char> types) {
  auto source = from(outer, depth - 1);
  Columns scope = source.columns;
  scope.insert(scope.end(), outer.begin(), outer.end());
  const auto where = chance(0.6) ? " WHERE " + condition(scope, depth - 1) : std::string();
  std::vector<std::string> keys;
  Columns visible;
  for (std::size_t i = below(3); i > 0; --i) {
    const auto& key = pick(source.columns);
    keys.push_back(key.name);
    visible.push_back(key);
  }
  Query made;
  std::string list;
  const std::size_t count = types.empty() ? 1 + below(3) : types.size();
  for (std::size_t i = 0; i < count; ++i) {
    char type = 0;
    std::string one;
    if (!types.empty()) one = value(type = types[i], visible, 1);
    else if (!keys.empty() && chance(0.4)) one = visible[0].name, type = visible[0].type;
    else one = aggregate(type, source.columns, 1);
    list += (i == 0 ? "" : ", ") + one;
    made.types.push_back(type);
  }
  made.text = fmt::format("SELECT {} FROM {}{}", list, source.text, where);
  if (!keys.empty()) {
    const auto all = fmt::format("{}", fmt::join(keys, ", "));
    // PostgreSQL 15 sorts wrongly by a grouping set's column that WHERE makes equal a constant: nulls that the sets make come where they
    // like.
    made.sortable = !chance(0.15);
    made.text += " GROUP BY " + (made.sortable ? all : one_of({"ROLLUP", "CUBE"}) + " (" + all + ")");
  }
  char ignored = 0;
  if (chance(0.3)) made.text += fmt::format(" HAVING {} IS NOT NULL", aggregate(ignored, source.columns, 1));
  else if (keys.empty() && !types.empty()) made.text += " HAVING count(*) > 0";
  return made;
}

StatementDraw::Query StatementDraw::windowed(const Columns& outer, int depth) {
  auto source = item(outer, depth - 1);
  std::string order;
  for (const auto& column : source.columns) order += (order.empty() ? "" : ", ") + column.name + one_of({"", " DESC", " NULLS FIRST", ""});
  const auto partition = chance(0.6) ? "PARTITION BY " + pick(source.columns).name + " " : std::string();
  const auto frame = one_of({"", " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING", " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
                             " GROUPS BETWEEN 1 PRECEDING AND CURRENT ROW", " RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
                             " ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING EXCLUDE TIES"});
  const auto call = one_of({"row_number()", "rank()", "rank()", "count(*)"});
  const bool own = call != "count(*)";
  Query made;
  const auto sum = fmt::format("sum({}) OVER ({}ORDER BY {}{})", column('i', source.columns), partition, pick(source.columns).name,
                               frame.find("ROWS") != std::string::npos ? "" : frame);
  made.text = fmt::format("SELECT {} OVER ({}ORDER BY {}{}), {}, {} FROM {}", call, partition, order, own ? "" : frame, sum,
                          pick(source.columns).name, source.text);
  made.types = {'l', 'l', 'x'};
  return made;
}

StatementDraw::Query StatementDraw::core(const Columns& outer, int depth, std::vector<char> types) {
  auto source = from(outer, depth);
  Columns scope = source.columns;
  scope.insert(scope.end(), outer.begin(), outer.end());
  Query made;
  std::string list;
  const std::size_t count = types.empty() ? 1 + below(4) : types.size();
  for (std::size_t i = 0; i < count; ++i) {
    const char type = types.empty() ? this->type() : types[i];
    list += (i == 0 ? "" : ", ") + value(type, scope, depth - 1);
    made.types.push_back(type);
  }
  made.text = fmt::format("SELECT {}{} FROM {}", chance(0.2) ? "DISTINCT " : "", list, source.text);
  if (chance(0.75)) made.text += " WHERE " + condition(scope, depth);
  return made;
}

StatementDraw::Query StatementDraw::set_operation(const Columns& outer, int depth, std::vector<char> types) {
  if (types.empty())
    for (std::size_t i = 1 + below(3); i > 0; --i) types.push_back(type());
  // Of equal decimals that are written differently either side's may come.
  std::ranges::replace(types, 'n', 'l');
  const auto left = core(outer, depth - 1, types), right = core(outer, depth - 1, types);
  return {fmt::format("({}) {} ({})", left.text, one_of({"UNION", "UNION ALL", "INTERSECT", "EXCEPT", "INTERSECT ALL", "EXCEPT ALL"}),
                      right.text),
          types};
}

StatementDraw::Query StatementDraw::with(const Columns& outer, int depth) {
  const auto name = "w" + std::to_string(++aliases_);
  if (chance(0.3)) {
    const auto body = fmt::format("SELECT {} UNION {}SELECT n + {} FROM {} WHERE n < {}", below(3), one_of({"ALL ", ""}), 1 + below(2),
                                  name, 4 + below(4));
    return {fmt::format("WITH RECURSIVE {} (n) AS ({}) SELECT a.n, b.n FROM {} a JOIN {} b ON a.n {} b.n", name, body, name, name,
                        one_of({"=", "<"})),
            {'i', 'i'}};
  }
  const auto inner = query(outer, depth - 1);
  std::string columns;
  for (std::size_t i = 0; i < inner.types.size(); ++i) columns += (i == 0 ? "c" : ", c") + std::to_string(i);
  const bool twice = chance(0.4);
  const auto body = fmt::format("WITH {} ({}) AS {}({}) SELECT x.* FROM {} x", name, columns,
                                one_of({"", "", "MATERIALIZED ", "NOT MATERIALIZED "}), inner.text, name);
  return {twice ? body + fmt::format(" WHERE EXISTS (SELECT 1 FROM {} y WHERE y.c0 = x.c0)", name) : body, inner.types};
}

StatementDraw::Query StatementDraw::query(const Columns& outer, int depth, std::vector<char> types) {
  if (depth <= 0 || chance(0.5)) return core(outer, std::max(depth, 1), std::move(types));
  if (chance(0.4)) return grouped(outer, depth, std::move(types));
  if (types.empty() && chance(0.25)) return with(outer, depth);
  return set_operation(outer, depth, std::move(types));
}

/// Sorted by all its columns; then there may be a limit.
std::string StatementDraw::ordered(Query query) {
  if (!query.sortable || chance(0.4)) return query.text;
  std::string order;
  for (std::size_t i = 0; i < query.types.size(); ++i)
    order += (i == 0 ? "" : ", ") + std::to_string(i + 1) + one_of({"", " DESC", " NULLS FIRST", " DESC NULLS LAST"});
  auto made = query.text + " ORDER BY " + order;
  if (chance(0.5)) made += fmt::format(" LIMIT {}", below(8));
  if (chance(0.2)) made += fmt::format(" OFFSET {}", below(4));
  return made;
}

std::vector<std::string> StatementDraw::schema() {
  std::vector<std::string> all;
  for (int number = 0; number < 3; ++number) {
    DrawnTable table;
    table.name = "t" + std::to_string(number);
    table.has_key = chance(0.8);
    if (table.has_key) table.columns.push_back({"id", 'i'});
    for (std::size_t i = 2 + below(4); i > 0; --i) table.columns.push_back({"c" + std::to_string(i), type()});
    std::string text = "CREATE TABLE " + table.name + " (";
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      text += fmt::format("{}{} {}{}", i == 0 ? "" : ", ", table.columns[i].name, name_of_type(table.columns[i].type),
                          table.has_key && i == 0 ? " PRIMARY KEY" : "");
    all.push_back(text + ")");
    for (std::size_t i = below(3); i > 0; --i)
      all.push_back(fmt::format("CREATE INDEX ON {} ({}{}, {})", table.name, pick(table.columns).name, one_of({"", " DESC"}),
                                pick(table.columns).name));
    tables_.push_back(table);
    auto& there = tables_.back();
    for (std::size_t rows = below(25); rows > 0; --rows)
      all.push_back(fmt::format("INSERT INTO {} VALUES {}", there.name, row(there, there.columns)));
  }
  if (chance(0.7)) {
    const auto& base = stored();
    DrawnTable view{"v0", {}, false, true, {}, 1};
    std::string list;
    for (const auto& column : base.columns) list += (list.empty() ? "" : ", ") + column.name, view.columns.push_back(column);
    Columns scope = base.columns;
    all.push_back(fmt::format("CREATE VIEW v0 AS SELECT {} FROM {} WHERE {}", list, base.name, condition(scope, 0)));
    tables_.push_back(std::move(view));
  }
  return all;
}

std::string StatementDraw::row(DrawnTable& table, const std::vector<DrawnColumn>& columns) {
  std::string text = "(";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const bool key = table.has_key && columns[i].name == "id";
    text += (i == 0 ? "" : ", ") + (key ? std::to_string(table.next_id++) : literal(columns[i].type));
  }
  return text + ")";
}

std::string StatementDraw::returning(const DrawnTable& table) {
  if (chance(0.5)) return "";
  return " RETURNING " + (chance(0.5) ? std::string("*") : value(type(), table.columns, 2));
}

std::string StatementDraw::insert() {
  auto& table = tables_[below(3)];
  if (!table.has_key || chance(0.5)) {
    std::string text = fmt::format("INSERT INTO {} VALUES {}", table.name, row(table, table.columns));
    if (chance(0.3)) text += ", " + row(table, table.columns);
    return text + returning(table);
  }
  // One that is there, or is not.
  Columns none;
  std::string values;
  for (const auto& column : table.columns)
    values += (values.empty() ? "" : ", ") +
              (column.name == "id" ? std::to_string(1 + below(static_cast<std::size_t>(table.next_id) + 2)) : value(column.type, none, 1));
  const auto& set = table.columns[1 + below(table.columns.size() - 1)];
  const auto update = fmt::format("UPDATE SET {} = {}{}", set.name, chance(0.5) ? "excluded." + set.name : literal(set.type),
                                  chance(0.3) ? fmt::format(" WHERE {}.{} IS NOT NULL", table.name, set.name) : "");
  return fmt::format("INSERT INTO {} VALUES ({}) {}{}", table.name, values,
                     chance(0.7) ? "ON CONFLICT (id) DO " + (chance(0.5) ? update : "NOTHING") : "", returning(table));
}

std::string StatementDraw::update() {
  const auto& table = tables_[below(3)];
  const std::size_t first = table.has_key ? 1 : 0;
  const auto& set = table.columns[first + below(table.columns.size() - first)];
  const auto target = literal(set.type);
  if (table.has_key && chance(0.3)) {
    const auto& other = stored();
    const auto name = alias();
    if (other.has_key)
      return fmt::format("UPDATE {0} SET {1} = {2}.{3} FROM {4} {2} WHERE {2}.id = {0}.id{5}", table.name, set.name, name, "id", other.name,
                         set.type == 'i' || set.type == 'l' || set.type == 'n' ? "" : " AND false");
  }
  const auto value = chance(0.4) ? target : this->value(set.type, table.columns, 2);
  return fmt::format("UPDATE {} SET {} = {} WHERE {}{}", table.name, set.name, set.type == 'n' ? "(" + value + ") * 0.1" : value,
                     condition(table.columns, 2), returning(table));
}

std::string StatementDraw::erase() {
  const auto& table = tables_[below(3)];
  return fmt::format("DELETE FROM {} WHERE {} AND {}{}", table.name, condition(table.columns, 2), comparison(table.columns, 1),
                     returning(table));
}

std::string StatementDraw::statement() {
  switch (below(12)) {
    case 0: return insert();
    case 1: return update();
    case 2: return chance(0.5) ? erase() : insert();
    case 3: return ordered(windowed({}, 2));
    default: return ordered(query({}, 1 + static_cast<int>(below(4))));
  }
}

}  // namespace isobar::sql
