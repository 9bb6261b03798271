#pragma once

// Where everything of a SQL database stands among the keys:
//
//   s/version                  the number of the schema: whoever changes the schema counts it up
//   s/next                     the next object number
//   s/o/ number                a table, view or sequence, with all that belongs to it
//   s/n/ name                  a schema            s/r/ name   a role
//   t storage row              a row of a table: `row` is its primary key, encoded, or a number of its own
//   i storage index values     an entry of an index. Of a unique one whose values are not null: the row's key is its value; else the row's
//                              key stands behind the values
//   q number                   how far a sequence's numbers are given out
//
// `storage` is the table's, and a new one when all its rows go at once.

#include <string>

#include "sql/catalog.h"
#include "sql/storage.h"

namespace isobar::db {

namespace key {
inline constexpr char kSchema[] = "s/", kSchemaEnd[] = "s0";
inline constexpr char kVersion[] = "s/version", kNext[] = "s/next";
std::string object(sql::Oid id);
std::string schema(const std::string& name);
std::string role(const std::string& name);
std::string sequence(sql::Oid id);
/// In front of all rows of a table, and of all entries of one of its indexes.
std::string rows(std::uint32_t storage);
std::string entries(std::uint32_t storage, sql::Oid index);
/// The first key that no longer begins with `prefix`.
std::string behind(std::string prefix);
}  // namespace key

/// A four-byte number whose bytes sort as it does.
void append_number(std::string& out, std::uint32_t number);

}  // namespace isobar::db
