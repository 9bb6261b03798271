#pragma once

/// What a request for features needs and gives, compiled once for each list of features or service: online answers and training sets are
/// both made by it.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "features/project.h"
#include "features/view_state.h"

namespace isobar::features {

/// A service, or features as VIEW:FEATURE, or FEATURE where one view alone has it.
struct RequestSpec {
  std::string service;
  std::vector<std::string> features;
  bool full_names = false;   ///< answers are called VIEW__FEATURE
  bool offline_too = false;  ///< views that are not online, which are learnt from alone, too
  friend auto operator<=>(const RequestSpec&, const RequestSpec&) = default;
};

struct Answered {
  Value value;
  FieldStatus status = FieldStatus::kNotFound;
  Instant event_time{};  ///< of the newest event of the key; 1970 where there is none
  /// Of an expensive feature that is served: how wrong its row has been since it was made, in all, by the loss of its schedule.
  std::optional<double> regret;
};

/// Immutable. Safe from any thread.
class RequestPlan : public std::enable_shared_from_this<RequestPlan> {
 public:
  /// Errors   kNotFound: no such service, view or feature (the message names the nearest); kInvalidArgument: a name that two views have,
  ///          two answers of one name (with the mend: full names), neither or both of service and features, a key of two types
  static Result<std::shared_ptr<const RequestPlan>> create(std::shared_ptr<const Project> project, const RequestSpec& spec);

  const Project& project() const { return *project_; }
  const RequestSpec& spec() const { return spec_; }
  /// What a row of the request has: the keys of all its views, each once, then the columns that features on demand ask for.
  const std::vector<Column>& inputs() const { return inputs_; }
  std::size_t key_count() const { return key_count_; }

  struct Output {
    std::string view, feature, name;
    Type type;
  };
  /// In the order of the request.
  const std::vector<Output>& outputs() const { return outputs_; }
  /// Whether the i-th of them stands on a feature that a schedule refreshes, and so may be of older inputs than the rest.
  bool scheduled(std::size_t output) const;

  /// A view that it reads, and which of the inputs make its key.
  struct Part {
    std::size_t view;  ///< among the project's
    std::vector<std::size_t> keys;
    std::vector<bool> wanted;  ///< of the view's stored features, which the answer needs
  };
  const std::vector<Part>& parts() const { return parts_; }
  /// inputs   a row as `inputs()`. Errors   as CompiledView::key_bytes
  Result<std::string> key(const Part& part, const Row& inputs) const;

  /// readings   one for each part, of the row's keys at the same instant
  /// out        one for each output
  void answer(const Row& inputs, std::span<const ViewReading> readings, std::span<Answered> out) const;

 private:
  RequestPlan() = default;
  struct Stored {
    std::size_t part, place;
  };
  struct OnDemand {
    std::size_t part;
    std::vector<std::size_t> request;  ///< among the inputs
    Expression expression;
  };
  using Source = std::variant<Stored, OnDemand>;
  Status add(const ServedFeature& served, bool offline_too);
  Result<std::size_t> part_of(std::size_t view);
  Result<std::size_t> input_of(const Column& column);
  Status take_keys();
  Result<Source> source_of(std::size_t part, const Feature& feature);
  Answered on_demand(const OnDemand& feature, const Row& inputs, const ViewReading& reading) const;

  std::shared_ptr<const Project> project_;
  RequestSpec spec_;
  std::vector<Column> inputs_;
  std::size_t key_count_ = 0;
  std::vector<Part> parts_;
  std::vector<Output> outputs_;
  std::vector<Source> sources_;
};

}  // namespace isobar::features
