#pragma once

/// Linear and mixed-integer programs, solved in process by Clp and CBC on the calling thread. The libraries print and throw;
/// neither leaves integer_program.cpp.

#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace isobar::transfer {

inline constexpr double kUnbounded = 1e30;

using Column = int;
using Row = int;
struct Term {
  int index = 0;  ///< a column (in a row) or a row (in a column)
  double factor = 0;
};

enum class Domain { kReal, kInteger };

/// How the search chooses what to branch on: by a rule, or by solving a few candidates on trial, which pays where many integers
/// stand for few decisions.
enum class Branching { kByRule, kByTrial };

/// Minimises the sum of objective · value, subject to the rows.
class IntegerProgram {
 public:
  struct Answer {
    std::vector<double> values;  ///< by column; empty: no solution was found
    double objective = 0;
    double bound = 0;     ///< no solution has a smaller objective
    bool proven = false;  ///< the search ended: the values are an optimum, or there is no solution
  };

  Column add(double least, double most, double objective, Domain domain = Domain::kReal);
  void require(std::vector<Term> terms, double least, double most);
  void set_objective(Column column, double factor) { objective_[static_cast<std::size_t>(column)] = factor; }

  /// Errors   kUnavailable: CBC failed
  Result<Answer> minimise(Duration time_limit, Branching branching = Branching::kByTrial) const;

 private:
  std::vector<double> least_, most_, objective_;
  std::vector<bool> integer_;
  struct Requirement {
    std::vector<Term> terms;
    double least, most;
  };
  std::vector<Requirement> rows_;
};

/// A linear program that grows by columns, for column generation.
class LinearProgram {
 public:
  explicit LinearProgram(const std::vector<std::pair<double, double>>& row_bounds);
  ~LinearProgram();
  LinearProgram(LinearProgram&&) noexcept;

  /// terms   rows and factors
  Column add(const std::vector<Term>& terms, double least, double most, double objective);
  struct Answer {
    std::vector<double> values, duals;  ///< by column, by row
    double objective = 0;
  };
  /// From where it last stopped. None: no solution. Errors   kUnavailable: Clp failed
  Result<std::optional<Answer>> minimise();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace isobar::transfer
