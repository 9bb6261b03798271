#pragma once

#include <postgresql/libpq-fe.h>

#include "base/result.h"

namespace isobar::features {

/// The functions of libpq that we call; the library is the system's, loaded when the first PostgreSQL source is read.
struct PostgresLibrary {
  /// Errors   kUnavailable: it is not there; the message says how it is had
  static Result<const PostgresLibrary*> load();

#define ISOBAR_POSTGRES_FUNCTIONS(X) \
  X(PQconnectdbParams)               \
  X(PQstatus)                        \
  X(PQerrorMessage)                  \
  X(PQfinish)                        \
  X(PQexec)                          \
  X(PQresultStatus)                  \
  X(PQresultErrorMessage)            \
  X(PQntuples)                       \
  X(PQnfields)                       \
  X(PQgetvalue)                      \
  X(PQgetlength)                     \
  X(PQgetisnull)                     \
  X(PQclear)                         \
  X(PQescapeIdentifier)              \
  X(PQescapeLiteral)                 \
  X(PQfreemem)                       \
  X(PQsocket)                        \
  X(PQconsumeInput)                  \
  X(PQgetCopyData)                   \
  X(PQputCopyData)                   \
  X(PQflush)

#define ISOBAR_POSTGRES_MEMBER(name) decltype(&::name) name##_ = nullptr;
  ISOBAR_POSTGRES_FUNCTIONS(ISOBAR_POSTGRES_MEMBER)
#undef ISOBAR_POSTGRES_MEMBER
};

}  // namespace isobar::features
