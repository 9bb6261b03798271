#pragma once

#include <memory>
#include <vector>

#include "db/pg_catalog.h"

namespace isobar::db {

struct CatalogTable {
  std::shared_ptr<const sql::Table> table;
  char kind = 'r';  ///< as pg_class.relkind
};
const std::vector<CatalogTable>& catalog_tables();

}  // namespace isobar::db
