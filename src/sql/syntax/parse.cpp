// libpg_query is PostgreSQL's own grammar as a library. It hands its tree over as a protobuf message, which protobuf-c unpacks into memory
// that is given back as a whole; the tree reader makes our statements of it.

#include "sql/ast.h"

#include <pg_query.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "capture.h"
#include "nesting.h"
#include "tree_reader.h"

namespace isobar::sql {
namespace {

/// Deeper statements are refused. Reading a level takes about 4 KiB of stack (measured with chains of operators).
constexpr int kNestingMost = 1000;

/// Memory that is given back all at once: a statement's tree has hundreds of small pieces.
class Arena {
 public:
  ProtobufCAllocator allocator() {
    return {&Arena::give, [](void*, void*) {}, this};
  }

 private:
  static void* give(void* self, std::size_t bytes) { return static_cast<Arena*>(self)->take(bytes); }
  void* take(std::size_t bytes) {
    bytes = (bytes + alignof(std::max_align_t) - 1) / alignof(std::max_align_t) * alignof(std::max_align_t);
    if (bytes > left_) {
      left_ = std::max<std::size_t>(bytes, blocks_.empty() ? 8192 : 65536);
      blocks_.push_back(std::make_unique_for_overwrite<std::byte[]>(left_));
      next_ = blocks_.back().get();
    }
    left_ -= bytes;
    return std::exchange(next_, next_ + bytes);
  }
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::byte* next_ = nullptr;
  std::size_t left_ = 0;
};

struct FreeTree {
  void operator()(PgQueryProtobufParseResult* result) const {
    pg_query_free_protobuf_parse_result(*result);
    delete result;
  }
};

/// The grammar's errors by their wording: libpg_query does not hand their SQLSTATE over. Most are 42601.
std::string_view state_of(std::string_view message) {
  struct Known {
    std::string_view part, sqlstate;
  };
  static constexpr Known kKnown[] = {{"is not implemented", state::kFeatureNotSupported},
                                     {"not supported", state::kFeatureNotSupported},
                                     {"not yet implemented", state::kFeatureNotSupported},
                                     {"invalid byte sequence", state::kCharacterNotInRepertoire},
                                     {"out of range", state::kNumericValueOutOfRange},
                                     {"invalid Unicode", state::kSyntaxError},
                                     {"invalid escape string", state::kInvalidEscapeSequence},
                                     {"frame start", state::kWindowingError},
                                     {"frame end", state::kWindowingError},
                                     {"invalid reference", state::kInvalidName}};
  for (const auto& known : kKnown)
    if (message.find(known.part) != std::string_view::npos) return known.sqlstate;
  return state::kSyntaxError;
}

/// The texts of definitions are written by the library, which is not to be called while it has a tree in its hands.
bool has_definitions(const PgQuery__ParseResult& tree) {
  for (std::size_t i = 0; i < tree.n_stmts; ++i)
    switch (tree.stmts[i]->stmt == nullptr ? PG_QUERY__NODE__NODE__NOT_SET : tree.stmts[i]->stmt->node_case) {
      case PG_QUERY__NODE__NODE_SELECT_STMT:
      case PG_QUERY__NODE__NODE_INSERT_STMT:
      case PG_QUERY__NODE__NODE_UPDATE_STMT:
      case PG_QUERY__NODE__NODE_DELETE_STMT:
      case PG_QUERY__NODE__NODE_TRANSACTION_STMT:
      case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
      case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
      case PG_QUERY__NODE__NODE_EXECUTE_STMT: break;
      default: return true;
    }
  return false;
}

SqlError too_deep() {
  return SqlError(state::kStatementTooComplex, "stack depth limit exceeded")
      .with_hint("The statement nests deeper than " + std::to_string(kNestingMost) + " levels.");
}

}  // namespace

SqlResult<std::vector<ast::Statement>> parse(std::string_view sql) {
  if (nesting_most(sql) > kNestingMost) return too_deep();
  if (sql.find('\0') != std::string_view::npos)
    return SqlError(state::kCharacterNotInRepertoire, "invalid byte sequence for encoding \"UTF8\": 0x00");
  const std::string terminated(sql);
  TreeReader reader(terminated);
  std::vector<ast::Statement> statements;
  const auto read = [&](const PgQuery__ParseResult& tree) {
    statements.reserve(tree.n_stmts);
    for (std::size_t i = 0; i < tree.n_stmts; ++i) statements.push_back(reader.statement(*tree.stmts[i]));
  };
  bool captured = false;
  const std::function<bool(const PgQuery__ParseResult&)> take = [&](const PgQuery__ParseResult& tree) {
    captured = !has_definitions(tree);
    if (captured) read(tree);
    return captured;
  };
  std::unique_ptr<PgQueryProtobufParseResult, FreeTree> result;
  {
    const CapturedTree capture(take);
    result.reset(new PgQueryProtobufParseResult(pg_query_parse_protobuf(terminated.c_str())));
  }
  if (const auto* error = result->error; error != nullptr) {
    const std::string_view message = error->message == nullptr ? "syntax error" : error->message;
    return SqlError(state_of(message), std::string(message)).at(std::max(error->cursorpos, 0));
  }
  if (!captured) {
    Arena arena;
    auto allocator = arena.allocator();
    const auto* tree =
        pg_query__parse_result__unpack(&allocator, result->parse_tree.len, reinterpret_cast<const std::uint8_t*>(result->parse_tree.data));
    if (tree == nullptr) return SqlError(state::kInternalError, "the parser's tree cannot be read");
    read(*tree);
  }
  if (reader.error()) return *reader.error();
  return statements;
}

SqlResult<ast::QueryPtr> parse_query(std::string_view text) {
  TRY_ASSIGN(auto statements, parse(text));
  auto* query = statements.size() == 1 ? std::get_if<ast::QueryPtr>(&statements[0].node) : nullptr;
  if (query == nullptr) return SqlError(state::kSyntaxError, "not one query: " + std::string(text));
  return std::move(*query);
}

SqlResult<ast::ExprPtr> parse_expression(std::string_view text) {
  TRY_ASSIGN(auto query, parse_query("SELECT " + std::string(text)));
  auto* select = std::get_if<ast::SelectCore>(&query->body);
  const bool alone = select != nullptr && select->targets.size() == 1 && select->from.empty() && select->where == nullptr &&
                     select->targets[0].name.empty() && query->order.empty();
  if (!alone) return SqlError(state::kSyntaxError, "not one expression: " + std::string(text));
  return std::move(select->targets[0].value);
}

}  // namespace isobar::sql
