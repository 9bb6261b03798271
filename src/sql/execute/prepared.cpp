// A plan is compiled once and run again and again. While a stream of one execution is open, another one gets a compiled plan of its own.

#include "sql/prepared.h"

#include <fmt/format.h>

#include "compiler.h"
#include "modify.h"
#include "sql/bind.h"

namespace isobar::sql {
namespace execute {
namespace {

/// One compiled plan, with all that it keeps while it runs.
class Instance {
 public:
  explicit Instance(const ph::Plan& plan) : compiler_(context_, plan) {
    compiler_.declare_columns();
    compiler_.subplans_and_ctes();
    for (std::size_t i = 0; i < plan.ctes.size(); ++i)
      if (const auto* modify = std::get_if<lg::ModifyPtr>(&plan.statement.ctes[i].query))
        writers_.push_back({std::make_unique<ModifyRunner>(compiler_, **modify, *plan.ctes[i].root), context_.ctes[i].all.get(), i});
    if (const auto* modify = std::get_if<lg::ModifyPtr>(&plan.statement.what)) {
      main_ = std::make_unique<ModifyRunner>(compiler_, **modify, *plan.root);
      returned_ = std::make_unique<RowStore>(context_, main_->width());
    } else {
      const auto& query = *std::get<lg::QueryPtr>(plan.statement.what);
      root_ = compiler_.node(*plan.root);
      output_ = compiler_.output_cells(query.output, query.columns.size());
    }
    row_.resize(main_ != nullptr ? main_->width() : output_.size());
  }

  SqlStatus begin(std::vector<Value> values, Storage& storage, const SessionValues& session, const ExecutionLimits& limits) {
    context_.storage = &storage, context_.session = &session, context_.limits = &limits_;
    limits_ = limits;
    context_.parameters = std::move(values);
    context_.budget.reset(limits.memory_bytes);
    context_.clear_error();
    context_.new_execution();
    at_ = count_ = 0;
    for (auto& cte : context_.ctes) cte.made = false;
    if (!start()) return context_.error();
    return {};
  }
  SqlResult<const Row*> next() {
    if (returned_ != nullptr) {
      if (at_ >= returned_->size()) return static_cast<const Row*>(nullptr);
      Value* from = returned_->row(at_++);
      for (std::size_t i = 0; i < row_.size(); ++i) row_[i] = std::move(from[i]);
      return &row_;
    }
    if (!root_->next()) {
      if (context_.failed()) return context_.error();
      return static_cast<const Row*>(nullptr);
    }
    for (std::size_t i = 0; i < row_.size(); ++i) row_[i] = **output_[i];
    ++count_;
    return &row_;
  }
  std::string tag() const { return main_ != nullptr ? main_->tag() : fmt::format("SELECT {}", count_); }
  void end() {
    if (root_ != nullptr) root_->close();
    if (returned_ != nullptr) returned_->clear();
    if (main_ != nullptr) main_->clear();
    for (auto& cte : context_.ctes) {
      if (cte.all != nullptr) cte.all->clear(), cte.working->clear();
      if (cte.root != nullptr) cte.root->close();
    }
    for (auto& [query, subplan] : context_.subplans) subplan.root->close();
    for (auto& writer : writers_) writer.runner->clear();
  }

 private:
  struct Writer {
    std::unique_ptr<ModifyRunner> runner;
    RowStore* rows;
    std::size_t cte;
  };
  /// What the parts of WITH and the statement itself write is written once all of them have read: they all see what was there before.
  bool start() {
    for (auto& writer : writers_) {
      writer.rows->clear();
      context_.ctes[writer.cte].made = true;
      if (!writer.runner->gather(writer.rows)) return false;
    }
    if (main_ == nullptr) {
      if (writers_.empty()) return root_->open();
      returned_ = std::make_unique<RowStore>(context_, output_.size());
      if (!root_->open()) return false;
      while (root_->next())
        if (!returned_->add(output_)) return false;
      if (context_.failed()) return false;
      count_ = returned_->size();
    } else {
      returned_->clear();
      if (!main_->gather(returned_.get())) return false;
    }
    for (auto& writer : writers_)
      if (!writer.runner->write()) return false;
    if (main_ != nullptr && !main_->write()) return false;
    if (auto status = context_.storage->end_statement(); !status.ok()) return context_.fail(status.error());
    return true;
  }

  Context context_;
  Compiler compiler_;
  ExecutionLimits limits_;
  std::vector<Writer> writers_;
  std::unique_ptr<ModifyRunner> main_;
  OperatorPtr root_;
  std::unique_ptr<RowStore> returned_;
  std::vector<Cell*> output_;
  Row row_;
  std::size_t at_ = 0, count_ = 0;
};

class PreparedPlan final : public Prepared {
 public:
  explicit PreparedPlan(ph::Plan plan) : plan_(std::move(plan)) {
    if (const auto* modify = std::get_if<lg::ModifyPtr>(&plan_.statement.what)) columns_ = (*modify)->columns;
    else columns_ = std::get<lg::QueryPtr>(plan_.statement.what)->columns;
  }
  const std::vector<Type>& parameters() const override { return plan_.statement.parameters; }
  const std::vector<lg::OutputColumn>& columns() const override { return columns_; }
  bool returns_rows() const override { return std::holds_alternative<lg::QueryPtr>(plan_.statement.what) || !columns_.empty(); }
  bool reads_only() const override { return !plan_.statement.writes; }
  std::string_view command() const override {
    const auto* modify = std::get_if<lg::ModifyPtr>(&plan_.statement.what);
    if (modify == nullptr) return "SELECT";
    static constexpr std::string_view kWords[] = {"INSERT", "UPDATE", "DELETE"};
    return kWords[static_cast<std::size_t>((*modify)->what)];
  }
  const std::vector<lg::Privilege>& privileges() const override { return plan_.statement.privileges; }
  const std::vector<std::shared_ptr<const Table>>& tables() const override { return plan_.statement.tables; }
  std::vector<std::string> explain(bool costs) const override { return ph::explain(plan_, costs); }

  SqlResult<std::unique_ptr<RowStream>> execute(std::vector<Value> values, Storage& storage, const SessionValues& session,
                                                const ExecutionLimits& limits) override {
    if (values.size() != plan_.statement.parameters.size())
      return SqlError(state::kProtocolViolation, fmt::format("bind message supplies {} parameters, but prepared statement requires {}",
                                                             values.size(), plan_.statement.parameters.size()));
    std::unique_ptr<Instance> instance;
    if (idle_.empty()) {
      instance = std::make_unique<Instance>(plan_);
    } else {
      instance = std::move(idle_.back());
      idle_.pop_back();
    }
    auto stream = std::make_unique<Stream>(*this, std::move(instance));
    TRY(stream->begin(std::move(values), storage, session, limits));
    return std::unique_ptr<RowStream>(std::move(stream));
  }

 private:
  class Stream final : public RowStream {
   public:
    Stream(PreparedPlan& owner, std::unique_ptr<Instance> instance) : owner_(owner), instance_(std::move(instance)) {}
    ~Stream() override {
      instance_->end();
      constexpr std::size_t kIdleMost = 2;
      if (owner_.idle_.size() < kIdleMost) owner_.idle_.push_back(std::move(instance_));
    }
    SqlStatus begin(std::vector<Value> values, Storage& storage, const SessionValues& session, const ExecutionLimits& limits) {
      return instance_->begin(std::move(values), storage, session, limits);
    }
    SqlResult<const Row*> next() override { return instance_->next(); }
    std::string tag() const override { return instance_->tag(); }

   private:
    PreparedPlan& owner_;
    std::unique_ptr<Instance> instance_;
  };

  ph::Plan plan_;
  std::vector<lg::OutputColumn> columns_;
  std::vector<std::unique_ptr<Instance>> idle_;
};

}  // namespace
}  // namespace execute

SqlResult<std::unique_ptr<Prepared>> prepare(const ast::Statement& statement, Catalog& catalog, const FunctionSet& functions,
                                             const SessionValues& session, std::span<const Type> parameters) {
  TRY_ASSIGN(auto bound, bind(statement, catalog, functions, session, parameters));
  TRY_ASSIGN(auto plan, physical::plan(std::move(bound), functions));
  return std::unique_ptr<Prepared>(std::make_unique<execute::PreparedPlan>(std::move(plan)));
}

SqlResult<Value> evaluate(const logical::ExprPtr& expr, const Row* row, Storage& storage, const SessionValues& session) {
  execute::Context context;
  const physical::Plan none;
  const ExecutionLimits limits;
  context.storage = &storage, context.session = &session, context.limits = &limits;
  context.budget.reset(limits.memory_bytes);
  context.new_execution();
  execute::Compiler compiler(context, none);
  const auto eval = compiler.expr(expr);
  for (const auto& [column, cell] : context.columns_of(0))
    if (row != nullptr && column < row->size()) *cell = &(*row)[column];
  const Value* value = eval->run();
  if (value == nullptr) return context.error();
  return *value;
}

}  // namespace isobar::sql
