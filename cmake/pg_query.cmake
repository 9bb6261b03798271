# PostgreSQL's grammar, as archives: the parser, and the reader of the messages that it hands its trees over in.
find_library(PG_QUERY_STATIC libpg_query.a REQUIRED)
find_library(PROTOBUF_C_STATIC libprotobuf-c.a REQUIRED)
find_library(XXHASH_STATIC libxxhash.a REQUIRED)
isobar_library(pg_query "${PG_QUERY_STATIC};${PROTOBUF_C_STATIC};${XXHASH_STATIC};m;Threads::Threads" "pg_query;protobuf-c")
# What the library packs is looked at before it is packed: src/sql/syntax/capture.cpp.
target_link_options(isobar_pg_query INTERFACE -Wl,--wrap=pg_query__parse_result__get_packed_size -Wl,--wrap=pg_query__parse_result__pack)
