#include "integer_program.h"

#include <CbcHeuristic.hpp>
#include <CbcModel.hpp>
#include <CglGomory.hpp>
#include <CglMixedIntegerRounding2.hpp>
#include <CglProbing.hpp>
#include <CoinPackedMatrix.hpp>
#include <OsiClpSolverInterface.hpp>
#include <algorithm>

namespace isobar::transfer {

namespace {

void silence(OsiClpSolverInterface& solver) {
  solver.messageHandler()->setLogLevel(0);
  solver.getModelPtr()->setLogLevel(0);
}

Error failure(const CoinError& error) { return unavailable("linear solver: " + error.methodName() + ": " + error.message()); }

}  // namespace

Column IntegerProgram::add(double least, double most, double objective, Domain domain) {
  least_.push_back(least);
  most_.push_back(most);
  objective_.push_back(objective);
  integer_.push_back(domain == Domain::kInteger);
  return static_cast<Column>(least_.size() - 1);
}

void IntegerProgram::require(std::vector<Term> terms, double least, double most) { rows_.push_back({std::move(terms), least, most}); }

Result<IntegerProgram::Answer> IntegerProgram::minimise(Duration time_limit, Branching branching) const try {
  std::vector<int> rows, columns;
  std::vector<double> factors, row_least, row_most;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    for (const Term& term : rows_[r].terms) {
      rows.push_back(static_cast<int>(r));
      columns.push_back(term.index);
      factors.push_back(term.factor);
    }
    row_least.push_back(rows_[r].least);
    row_most.push_back(rows_[r].most);
  }
  CoinPackedMatrix matrix(true, rows.data(), columns.data(), factors.data(), static_cast<CoinBigIndex>(rows.size()));
  matrix.setDimensions(static_cast<int>(rows_.size()), static_cast<int>(least_.size()));
  OsiClpSolverInterface solver;
  silence(solver);
  solver.loadProblem(matrix, least_.data(), most_.data(), objective_.data(), row_least.data(), row_most.data());
  bool any_integer = false;
  for (std::size_t c = 0; c < integer_.size(); ++c)
    if (integer_[c]) solver.setInteger(static_cast<int>(c)), any_integer = true;
  solver.initialSolve();
  Answer answer;
  if (!solver.isProvenOptimal()) {
    answer.proven = solver.isProvenPrimalInfeasible();
    return answer;
  }
  if (!any_integer) {
    answer.values.assign(solver.getColSolution(), solver.getColSolution() + solver.getNumCols());
    answer.objective = answer.bound = solver.getObjValue();
    answer.proven = true;
    return answer;
  }
  CbcModel search(solver);
  search.setLogLevel(0);
  search.messageHandler()->setLogLevel(0);
  search.solver()->messageHandler()->setLogLevel(0);
  search.setMaximumSeconds(to_seconds(time_limit));
  search.setAllowableGap(0);
  search.setAllowableFractionGap(0);
  CglProbing probing;
  CglMixedIntegerRounding2 rounding_cuts;
  CglGomory gomory;
  search.addCutGenerator(&probing, -1, "probing");
  search.addCutGenerator(&gomory, -98, "gomory");
  search.addCutGenerator(&rounding_cuts, -98, "rounding");
  CbcRounding rounding(search);
  search.addHeuristic(&rounding);
  if (branching == Branching::kByRule) {
    search.setNumberStrong(0);
    search.setNumberBeforeTrust(0);
  }
  search.branchAndBound();
  answer.proven = search.isProvenOptimal() || search.isProvenInfeasible();
  answer.bound = search.getBestPossibleObjValue();
  if (search.bestSolution()) {
    answer.values.assign(search.bestSolution(), search.bestSolution() + search.getNumCols());
    answer.objective = search.getObjValue();
  }
  return answer;
} catch (const CoinError& error) {
  return failure(error);
}

struct LinearProgram::State {
  OsiClpSolverInterface solver;
  bool solved = false;
};

LinearProgram::LinearProgram(const std::vector<std::pair<double, double>>& row_bounds) : state_(std::make_unique<State>()) {
  silence(state_->solver);
  for (const auto& [least, most] : row_bounds) state_->solver.addRow(0, nullptr, nullptr, least, most);
}
LinearProgram::~LinearProgram() = default;
LinearProgram::LinearProgram(LinearProgram&&) noexcept = default;

Column LinearProgram::add(const std::vector<Term>& terms, double least, double most, double objective) {
  std::vector<int> rows;
  std::vector<double> factors;
  for (const Term& term : terms) {
    rows.push_back(term.index);
    factors.push_back(term.factor);
  }
  state_->solver.addCol(static_cast<int>(rows.size()), rows.data(), factors.data(), least, most, objective);
  return state_->solver.getNumCols() - 1;
}

Result<std::optional<LinearProgram::Answer>> LinearProgram::minimise() try {
  OsiClpSolverInterface& solver = state_->solver;
  if (state_->solved) solver.resolve();
  else solver.initialSolve();
  state_->solved = true;
  if (!solver.isProvenOptimal()) return std::optional<Answer>();
  Answer answer;
  answer.values.assign(solver.getColSolution(), solver.getColSolution() + solver.getNumCols());
  answer.duals.assign(solver.getRowPrice(), solver.getRowPrice() + solver.getNumRows());
  answer.objective = solver.getObjValue();
  return std::optional(std::move(answer));
} catch (const CoinError& error) {
  return failure(error);
}

}  // namespace isobar::transfer
