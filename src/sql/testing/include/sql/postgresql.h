#pragma once

/// A PostgreSQL server for one test: in a folder of its own under /tmp, on a Unix socket there, without fsync. It ends with the object.

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isobar::sql {

/// What one statement gave.
struct Answer {
  std::string sqlstate;  ///< empty: it succeeded
  std::string message, detail, hint;
  std::string tag;                                            ///< "SELECT 3"
  std::vector<std::string> columns;                           ///< names
  std::vector<std::uint32_t> types;                           ///< oids
  std::vector<std::vector<std::optional<std::string>>> rows;  ///< texts; none: null
};

class Postgresql {
 public:
  /// None where there is none, or it does not start; says why in one line.
  static std::unique_ptr<Postgresql> start();
  /// The one of the whole test program, started when it is first asked for; null as above.
  static Postgresql* shared();
  ~Postgresql();
  Postgresql(const Postgresql&) = delete;
  Postgresql& operator=(const Postgresql&) = delete;

  /// Runs one statement, its result in text form. Settings last.
  Answer ask(const std::string& statement);
  /// The value of each expression as text; "null"; or "!" and its SQLSTATE. A thousand take some tens of milliseconds.
  std::vector<std::string> evaluate(std::span<const std::string> expressions);
  const std::string& folder() const { return folder_; }

 private:
  struct Connection;
  Postgresql();
  std::string folder_, bin_;
  std::unique_ptr<Connection> connection_;
  bool prepared_ = false;
};

}  // namespace isobar::sql
