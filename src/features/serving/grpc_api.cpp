#include "grpc_api.h"

#include <fmt/format.h>

#include <algorithm>

#include "feast.pb.h"
#include "feast_api.h"
#include "features/cast.h"
#include "features/csv.h"
#include "ingestion.h"

namespace isobar::features {

namespace {

constexpr int kReplansMost = 3;

GrpcStatus status_of(Code code) {
  switch (code) {
    case Code::kInvalidArgument: return GrpcStatus::kInvalidArgument;
    case Code::kNotFound: return GrpcStatus::kNotFound;
    case Code::kAlreadyExists: return GrpcStatus::kAlreadyExists;
    case Code::kConflict: return GrpcStatus::kAborted;
    case Code::kPermissionDenied: return GrpcStatus::kPermissionDenied;
    case Code::kUnavailable: return GrpcStatus::kUnavailable;
    case Code::kDeadlineExceeded: return GrpcStatus::kDeadlineExceeded;
    case Code::kExhausted: return GrpcStatus::kResourceExhausted;
    case Code::kDataLoss: return GrpcStatus::kDataLoss;
  }
  return GrpcStatus::kInternal;
}

GrpcAnswer failed(const Error& error) { return {status_of(error.code()), error.message()}; }

template <class Message>
Result<Message> parsed(std::string_view bytes) {
  Message message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return invalid("the message is not of the call's type");
  return message;
}

template <class Message>
GrpcAnswer answered(const Message& message) {
  return {GrpcStatus::kOk, message.SerializeAsString()};
}

template <class T, class List>
Value list_of(const List& list) {
  return Value(isobar::features::List(std::vector<T>(list.val().begin(), list.val().end())));
}

Value time_of(std::int64_t seconds) { return Value(Instant::from_unix_seconds(seconds)); }

Value value_in(const feast::Value& value) {
  using V = feast::Value;
  switch (value.val_case()) {
    case V::kBytesVal: return Value(Bytes{value.bytes_val()});
    case V::kStringVal: return Value(value.string_val());
    case V::kInt32Val: return Value(value.int32_val());
    case V::kInt64Val: return Value(value.int64_val());
    case V::kDoubleVal: return Value(value.double_val());
    case V::kFloatVal: return Value(value.float_val());
    case V::kBoolVal: return Value(value.bool_val());
    case V::kUnixTimestampVal: return time_of(value.unix_timestamp_val());
    case V::kStringListVal: return list_of<std::string>(value.string_list_val());
    case V::kInt32ListVal: return list_of<std::int32_t>(value.int32_list_val());
    case V::kInt64ListVal: return list_of<std::int64_t>(value.int64_list_val());
    case V::kDoubleListVal: return list_of<double>(value.double_list_val());
    case V::kFloatListVal: return list_of<float>(value.float_list_val());
    case V::kBoolListVal: return list_of<std::uint8_t>(value.bool_list_val());
    case V::kBytesListVal: {
      std::vector<Bytes> all;
      for (const auto& one : value.bytes_list_val().val()) all.push_back(Bytes{one});
      return Value(List(std::move(all)));
    }
    case V::kUnixTimestampListVal: {
      std::vector<Instant> all;
      for (const std::int64_t one : value.unix_timestamp_list_val().val()) all.push_back(Instant::from_unix_seconds(one));
      return Value(List(std::move(all)));
    }
    default: return Value();
  }
}

std::int64_t seconds_of(Instant at) { return std::chrono::floor<std::chrono::seconds>(std::chrono::nanoseconds(at.unix_nanos())).count(); }

void put_list(const List& list, feast::Value& out) {
  std::visit(
      [&](const auto& elements) {
        using Element = typename std::decay_t<decltype(elements)>::value_type;
        const auto add_to = [&](auto* into) {
          for (const auto& one : elements) into->add_val(one);
        };
        if constexpr (std::is_same_v<Element, std::uint8_t>) {
          for (const auto one : elements) out.mutable_bool_list_val()->add_val(one != 0);
          out.mutable_bool_list_val();
        } else if constexpr (std::is_same_v<Element, std::int32_t>) {
          add_to(out.mutable_int32_list_val());
        } else if constexpr (std::is_same_v<Element, std::int64_t>) {
          add_to(out.mutable_int64_list_val());
        } else if constexpr (std::is_same_v<Element, float>) {
          add_to(out.mutable_float_list_val());
        } else if constexpr (std::is_same_v<Element, double>) {
          add_to(out.mutable_double_list_val());
        } else if constexpr (std::is_same_v<Element, std::string>) {
          add_to(out.mutable_string_list_val());
        } else if constexpr (std::is_same_v<Element, Bytes>) {
          for (const auto& one : elements) out.mutable_bytes_list_val()->add_val(one.data);
          out.mutable_bytes_list_val();
        } else {
          for (const Instant one : elements) out.mutable_unix_timestamp_list_val()->add_val(seconds_of(one));
          out.mutable_unix_timestamp_list_val();
        }
      },
      list);
}

/// What is null is a value of which nothing is set, as Feast's server has it.
void put(const Value& value, feast::Value& out) {
  if (value.is_null()) return;
  if (value.type().list) return put_list(value.as<List>(), out);
  switch (value.type().kind) {
    case Kind::kBool: return out.set_bool_val(value.as<bool>());
    case Kind::kInt32: return out.set_int32_val(value.as<std::int32_t>());
    case Kind::kInt64: return out.set_int64_val(value.as<std::int64_t>());
    case Kind::kFloat32: return out.set_float_val(value.as<float>());
    case Kind::kFloat64: return out.set_double_val(value.as<double>());
    case Kind::kString: return out.set_string_val(value.as<std::string>());
    case Kind::kBytes: return out.set_bytes_val(value.as<Bytes>().data);
    case Kind::kTimestamp: return out.set_unix_timestamp_val(seconds_of(value.as<Instant>()));
  }
}

using Columns = google::protobuf::Map<std::string, feast::RepeatedValue>;

Result<std::size_t> count_rows(const feast::OnlineFeaturesRequest& request, const RequestPlan& plan, std::size_t rows_most) {
  std::optional<std::size_t> count;
  for (const Columns* columns : {&request.entities(), &request.request_context()})
    for (const auto& [name, values] : *columns) {
      const auto size = static_cast<std::size_t>(values.val_size());
      if (count && *count != size)
        return invalid(fmt::format("\"{}\" has {} values, and another column {}: all have one for each row", name, size, *count));
      count = size;
    }
  const std::size_t rows = count.value_or(plan.inputs().empty() ? 1 : 0);
  if (rows > rows_most) return invalid(fmt::format("{} rows; ask for {} at once at most", rows, rows_most));
  return rows;
}

Result<std::vector<Row>> rows_of(const feast::OnlineFeaturesRequest& request, const RequestPlan& plan, std::size_t rows_most) {
  TRY_ASSIGN(const std::size_t count, count_rows(request, plan, rows_most));
  std::vector<Row> rows(count, Row(plan.inputs().size()));
  for (std::size_t input = 0; input < plan.inputs().size(); ++input) {
    const Column& column = plan.inputs()[input];
    const Columns& first = request.entities();
    const Columns& other = request.request_context();
    const auto* columns = first.contains(column.name) ? &first : other.contains(column.name) ? &other : nullptr;
    if (columns == nullptr)
      return not_found(fmt::format("'{}', {}, is needed for each row{}", column.name, name_of(column.type),
                                   input < plan.key_count() ? ", in entities" : ", in request_context or entities"));
    const auto& values = columns->at(column.name);
    for (std::size_t row = 0; row < count; ++row) {
      auto value = cast_into(column, value_in(values.val(static_cast<int>(row))));
      if (!value.ok()) return value.error().context(fmt::format("row {}", row + 1));
      rows[row][input] = std::move(*value);
    }
  }
  return rows;
}

int feast_status(FieldStatus status) {
  switch (status) {
    case FieldStatus::kInvalid: return 0;
    case FieldStatus::kPresent: return 1;
    case FieldStatus::kNullValue: return 2;
    case FieldStatus::kNotFound: return 3;
    case FieldStatus::kOutsideMaxAge: return 4;
  }
  return 0;
}

GrpcAnswer features_answer(const RequestPlan& plan, const std::vector<Row>& rows, std::span<const Answered> answers) {
  feast::OnlineFeaturesResponse response;
  response.set_status(true);
  auto* names = response.mutable_metadata()->mutable_feature_names();
  for (std::size_t key = 0; key < plan.key_count(); ++key) {
    names->add_val(plan.inputs()[key].name);
    auto* vector = response.add_results();
    for (const Row& row : rows) {
      put(row[key], *vector->add_values());
      vector->add_statuses(feast_status(FieldStatus::kPresent));
      vector->add_event_timestamps();
    }
  }
  for (std::size_t output = 0; output < plan.outputs().size(); ++output) {
    names->add_val(plan.outputs()[output].name);
    auto* vector = response.add_results();
    for (std::size_t row = 0; row < rows.size(); ++row) {
      const Answered& one = answers[row * plan.outputs().size() + output];
      put(one.value, *vector->add_values());
      vector->add_statuses(feast_status(one.status));
      auto* time = vector->add_event_timestamps();
      time->set_seconds(seconds_of(one.event_time));
      time->set_nanos(static_cast<std::int32_t>(one.event_time.unix_nanos() - seconds_of(one.event_time) * 1'000'000'000));
    }
  }
  return answered(response);
}

GrpcAnswer online_features(Engine& engine, std::size_t rows_most, std::string_view message) {
  const auto request = parsed<feast::OnlineFeaturesRequest>(message);
  if (!request.ok()) return failed(request.error());
  RequestSpec spec{.service = request->feature_service(), .full_names = request->full_feature_names()};
  spec.features.assign(request->features().val().begin(), request->features().val().end());
  for (int tried = 1;; ++tried) {
    const auto plan = engine.plan(spec);
    if (!plan.ok()) return failed(plan.error());
    const auto rows = rows_of(*request, **plan, rows_most);
    if (!rows.ok()) return failed(rows.error());
    const auto answers = engine.answer(**plan, *rows);
    if (answers.ok()) return features_answer(**plan, *rows, *answers);
    // The definition was replaced between the two.
    if (answers.error().code() != Code::kConflict || tried == kReplansMost) return failed(answers.error());
  }
}

/// A row of texts, as Feast's Push has it; what is not said is null.
Result<Row> row_of(const google::protobuf::Map<std::string, std::string>& features, const Project::SourceUse& source) {
  const auto& columns = source.schema.columns();
  Row row(columns.size());
  for (const auto& [name, text] : features) {
    std::string column = name;
    if (!source.schema.find(name) && name == "event_timestamp") column = columns[source.timestamp].name;
    if (!source.schema.find(name) && name == "created" && source.created) column = columns[*source.created].name;
    TRY_ASSIGN(const std::size_t at, source.schema.require(column));
    TRY_ASSIGN(row[at], value_from_csv({.text = text, .quoted = true}, columns[at]));
  }
  return row;
}

void take_row(Engine& engine, const Result<const Project::SourceUse*>& source,
              const google::protobuf::Map<std::string, std::string>& features, const GrpcDone& done) {
  if (!source.ok()) return done(failed(source.error()));
  auto row = row_of(features, **source);
  if (!row.ok()) return done(failed(row.error()));
  Arrival arrival{.source = (*source)->source->name};
  arrival.rows.push_back({std::move(*row), false});
  engine.push(std::move(arrival), [done](const Result<Taken>& taken) {
    feast::Done answer;
    answer.set_status(true);
    done(taken.ok() ? answered(answer) : failed(taken.error()));
  });
}

}  // namespace

void GrpcApi::handle(const GrpcCall& call, GrpcDone done) {
  outstanding_.begin();
  const GrpcDone counted = [this, done = std::move(done)](GrpcAnswer answer) {
    metrics_.grpc_calls.fetch_add(1, std::memory_order_relaxed);
    if (answer.status != GrpcStatus::kOk) metrics_.grpc_errors.fetch_add(1, std::memory_order_relaxed);
    done(std::move(answer));
    outstanding_.end();
  };
  if (!options_.token.empty() && !same_secret(call.authorization, "Bearer " + options_.token))
    return counted({GrpcStatus::kUnauthenticated, "send the server's token, as authorization: Bearer TOKEN"});
  const std::string_view path = call.path;
  if (path == "/feast.serving.ServingService/GetOnlineFeatures" || path == "/grpc.connector.GrpcFeatureServer/GetOnlineFeatures")
    return counted(online_features(engine_, static_cast<std::size_t>(options_.config.rows_most.value), call.message));
  if (path == "/feast.serving.ServingService/GetFeastServingInfo") {
    feast::ServingInfo info;
    info.set_version("isobar");
    return counted(answered(info));
  }
  if (path == "/grpc.connector.GrpcFeatureServer/Push") return push(call.message, counted);
  if (path == "/grpc.connector.GrpcFeatureServer/WriteToOnlineStore") return write(call.message, counted);
  counted({GrpcStatus::kUnimplemented, fmt::format("there is no {}", path)});
}

void GrpcApi::push(std::string_view message, const GrpcDone& done) {
  const auto request = parsed<feast::PushRequest>(message);
  if (!request.ok()) return done(failed(request.error()));
  if (const std::string& to = request->to(); !to.empty() && to != "online" && to != "online_and_offline")
    return done(failed(invalid(fmt::format("'{}' is no place to push to here: online, or online_and_offline", to))));
  const auto project = engine_.project();
  take_row(engine_, push_source(project.get(), request->stream_feature_view()), request->features(), done);
}

void GrpcApi::write(std::string_view message, const GrpcDone& done) {
  const auto request = parsed<feast::WriteRequest>(message);
  if (!request.ok()) return done(failed(request.error()));
  const auto project = engine_.project();
  take_row(engine_, push_source_of_view(project.get(), request->feature_view_name()), request->features(), done);
}

}  // namespace isobar::features
