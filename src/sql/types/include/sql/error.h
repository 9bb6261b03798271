#pragma once

/// An error of SQL as PostgreSQL's clients know it: a SQLSTATE that programs branch on, and a sentence for people.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isobar::sql {

/// SQLSTATE codes (appendix A of PostgreSQL's manual), by their condition names.
namespace state {
inline constexpr std::string_view kConnectionFailure = "08006", kProtocolViolation = "08P01";
inline constexpr std::string_view kFeatureNotSupported = "0A000";
inline constexpr std::string_view kCardinalityViolation = "21000";
inline constexpr std::string_view kDataException = "22000", kStringDataRightTruncation = "22001", kNumericValueOutOfRange = "22003";
inline constexpr std::string_view kNullValueNotAllowed = "22004", kInvalidDatetimeFormat = "22007", kDatetimeFieldOverflow = "22008";
inline constexpr std::string_view kInvalidTimeZone = "22009", kIntervalFieldOverflow = "22015", kSubstringError = "22011",
                                  kDivisionByZero = "22012";
inline constexpr std::string_view kInvalidRegularExpression = "2201B", kInvalidRowCountInLimitClause = "2201W";
inline constexpr std::string_view kInvalidArgumentForLogarithm = "2201E", kInvalidArgumentForPower = "2201F",
                                  kInvalidArgumentForNtile = "22014", kInvalidArgumentForNthValue = "22016",
                                  kInvalidArgumentForWidthBucket = "2201G";
inline constexpr std::string_view kInvalidParameterValue = "22023", kInvalidEscapeSequence = "22025";
inline constexpr std::string_view kUntranslatableCharacter = "22P05", kArraySubscriptError = "2202E", kArrayElementError = "2202E";
inline constexpr std::string_view kInvalidTextRepresentation = "22P02", kInvalidBinaryRepresentation = "22P03",
                                  kBadCopyFileFormat = "22P04";
inline constexpr std::string_view kCharacterNotInRepertoire = "22021";
inline constexpr std::string_view kNotNullViolation = "23502", kForeignKeyViolation = "23503", kUniqueViolation = "23505",
                                  kCheckViolation = "23514";
inline constexpr std::string_view kInvalidCursorState = "24000";
inline constexpr std::string_view kActiveSqlTransaction = "25001", kReadOnlySqlTransaction = "25006", kNoActiveSqlTransaction = "25P01";
inline constexpr std::string_view kInFailedSqlTransaction = "25P02";
inline constexpr std::string_view kInvalidSqlStatementName = "26000", kInvalidAuthorizationSpecification = "28000",
                                  kInvalidPassword = "28P01";
inline constexpr std::string_view kDependentObjectsStillExist = "2BP01", kInvalidSavepoint = "3B001", kInvalidCursorName = "34000";
inline constexpr std::string_view kInvalidCatalogName = "3D000", kInvalidSchemaName = "3F000";
inline constexpr std::string_view kSerializationFailure = "40001";
inline constexpr std::string_view kSyntaxError = "42601", kInsufficientPrivilege = "42501", kCannotCoerce = "42846",
                                  kGroupingError = "42803";
inline constexpr std::string_view kWindowingError = "42P20", kInvalidRecursion = "42P19", kInvalidForeignKey = "42830",
                                  kInvalidName = "42602";
inline constexpr std::string_view kNameTooLong = "42622", kDatatypeMismatch = "42804", kIndeterminateDatatype = "42P18",
                                  kWrongObjectType = "42809";
inline constexpr std::string_view kUndefinedColumn = "42703", kUndefinedFunction = "42883", kUndefinedTable = "42P01",
                                  kUndefinedParameter = "42P02";
inline constexpr std::string_view kUndefinedObject = "42704", kDuplicateColumn = "42701", kDuplicateCursor = "42P03",
                                  kDuplicateDatabase = "42P04";
inline constexpr std::string_view kDuplicatePreparedStatement = "42P05", kDuplicateSchema = "42P06", kDuplicateTable = "42P07",
                                  kDuplicateAlias = "42712";
inline constexpr std::string_view kDuplicateObject = "42710", kAmbiguousColumn = "42702", kAmbiguousFunction = "42725",
                                  kInvalidColumnReference = "42P10";
inline constexpr std::string_view kInvalidTableDefinition = "42P16", kInvalidObjectDefinition = "42P17";
inline constexpr std::string_view kInsufficientResources = "53000", kOutOfMemory = "53200", kTooManyConnections = "53300";
inline constexpr std::string_view kProgramLimitExceeded = "54000", kStatementTooComplex = "54001", kObjectNotInPrerequisiteState = "55000";
inline constexpr std::string_view kQueryCanceled = "57014", kAdminShutdown = "57P01", kCannotConnectNow = "57P03";
inline constexpr std::string_view kIoError = "58030", kInternalError = "XX000", kDataCorrupted = "XX001";
}  // namespace state

class SqlError {
 public:
  SqlError(std::string_view sqlstate, std::string message) : sqlstate_(sqlstate), message_(std::move(message)) {}
  /// position  where in the statement's text: the character's number, from 1; 0: nowhere
  SqlError at(int position) && {
    if (position_ == 0) position_ = position;
    return std::move(*this);
  }
  SqlError with_detail(std::string detail) && { return detail_ = std::move(detail), std::move(*this); }
  SqlError with_hint(std::string hint) && { return hint_ = std::move(hint), std::move(*this); }
  /// What it is about, for programs that branch on it: any may be empty.
  SqlError about(std::string schema, std::string table, std::string column, std::string constraint) && {
    schema_ = std::move(schema), table_ = std::move(table), column_ = std::move(column), constraint_ = std::move(constraint);
    return std::move(*this);
  }

  std::string_view sqlstate() const { return sqlstate_; }
  const std::string& message() const { return message_; }
  const std::string& detail() const { return detail_; }
  const std::string& hint() const { return hint_; }
  int position() const { return position_; }
  const std::string& schema() const { return schema_; }
  const std::string& table() const { return table_; }
  const std::string& column() const { return column_; }
  const std::string& constraint() const { return constraint_; }

 private:
  std::string_view sqlstate_;  // of the constants above
  std::string message_, detail_, hint_;
  std::string schema_, table_, column_, constraint_;
  int position_ = 0;
};

template <class T>
using SqlResult = Result<T, SqlError>;
using SqlStatus = SqlResult<void>;

}  // namespace isobar::sql
