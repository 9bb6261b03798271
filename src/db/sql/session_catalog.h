#pragma once

// What a session's statements can name: the schema as its transaction sees it, and the catalogs.

#include <functional>

#include "sql/catalog.h"
#include "sql_transaction.h"

namespace isobar::db {

/// Tables of pg_catalog and information_schema. None: there is no such one
using FindVirtual = std::function<std::shared_ptr<const sql::Table>(std::string_view schema, std::string_view name)>;

class SessionCatalog : public sql::Catalog {
 public:
  /// schema  as it is at each moment. path: as search_path has it, "$user" replaced. All outlive it
  SessionCatalog(const SchemaPtr& schema, const std::vector<std::string>& path, const FindVirtual& find_virtual)
      : schema_(schema), path_(path), find_virtual_(find_virtual) {}

  sql::SqlResult<std::shared_ptr<const sql::Table>> find_table(std::string_view schema, std::string_view name) override;
  sql::SqlResult<std::shared_ptr<const sql::Table>> table_of(sql::Oid id) override;
  sql::SqlResult<std::optional<sql::Sequence>> find_sequence(std::string_view schema, std::string_view name) override;
  sql::SqlResult<bool> has_schema(std::string_view name) override;
  std::vector<std::string> search_path() const override;

 private:
  const SchemaPtr& schema_;
  const std::vector<std::string>& path_;
  const FindVirtual& find_virtual_;
};

}  // namespace isobar::db
