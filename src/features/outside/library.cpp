// A shared library that makes features, by the C interface of features/isobar_featurizer.h.

#include <fmt/format.h>
#include <time.h>

#include <array>
#include <deque>

#include "base/mutex.h"
#include "base/shared_library.h"
#include "features/isobar_featurizer.h"
#include "features/json_value.h"
#include "made_outside.h"

namespace isobar::features {

namespace {

double thread_cpu_seconds() {
  timespec spent{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &spent);
  return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) / 1e9;
}

/// Values as the library reads them, with what they point to.
class Handed {
 public:
  explicit Handed(std::span<const Row> events) {
    for (const Row& event : events)
      for (const Value& value : event) values_.push_back(handed(value));
    history_ = {values_.data(), events.size(), events.empty() ? 0 : events.front().size()};
  }
  const isobar_history& history() const { return history_; }

 private:
  isobar_value handed(const Value& value) {
    isobar_value out{};
    if (value.is_null()) return out;
    if (value.type().list) return list(value);
    switch (value.type().kind) {
      case Kind::kBool: return out.kind = ISOBAR_INTEGER, out.integer = value.as<bool>() ? 1 : 0, out;
      case Kind::kInt32:
      case Kind::kInt64: return out.kind = ISOBAR_INTEGER, out.integer = value.as_integer(), out;
      case Kind::kFloat32:
      case Kind::kFloat64: return out.kind = ISOBAR_NUMBER, out.number = value.as_float(), out;
      case Kind::kTimestamp: return out.kind = ISOBAR_TIME, out.integer = value.as<Instant>().unix_nanos(), out;
      case Kind::kString: return text(ISOBAR_TEXT, value.as<std::string>());
      case Kind::kBytes: return text(ISOBAR_BYTES, value.as<Bytes>().data);
    }
    return out;
  }
  isobar_value list(const Value& value) {
    return std::visit(
        [&](const auto& elements) -> isobar_value {
          using Element = typename std::decay_t<decltype(elements)>::value_type;
          if constexpr (std::is_floating_point_v<Element>) {
            const auto& kept = numbers_.emplace_back(elements.begin(), elements.end());
            return {.kind = ISOBAR_NUMBERS, .data = kept.data(), .size = kept.size()};
          } else if constexpr (std::is_integral_v<Element>) {
            const auto& kept = integers_.emplace_back(elements.begin(), elements.end());
            return {.kind = ISOBAR_INTEGERS, .data = kept.data(), .size = kept.size()};
          } else {
            std::string& kept = texts_.emplace_back();
            append_json(kept, value);
            return text(ISOBAR_TEXT, kept);
          }
        },
        value.as<List>());
  }
  static isobar_value text(std::uint32_t kind, std::string_view bytes) {
    return {.kind = kind, .data = bytes.data(), .size = bytes.size()};
  }

  std::vector<isobar_value> values_;
  std::deque<std::vector<double>> numbers_;
  std::deque<std::vector<std::int64_t>> integers_;
  std::deque<std::string> texts_;
  isobar_history history_{};
};

template <class Element>
Value list_of(const isobar_value& given) {
  const auto* first = static_cast<const Element*>(given.data);
  return Value(List(std::vector<Element>(first, first + given.size)));
}

/// What a library gives, as the feature's type. None: it is of another kind.
std::optional<Value> taken(const isobar_value& given, Type type) {
  const auto of_kind = [&](std::uint32_t kind, const auto& make) {
    return given.kind == kind ? std::optional<Value>(make()) : std::nullopt;
  };
  const auto text = [&] { return std::string(static_cast<const char*>(given.data), given.size); };
  if (given.kind == ISOBAR_NULL) return Value();
  if (type.list && type.kind == Kind::kFloat64) return of_kind(ISOBAR_NUMBERS, [&] { return list_of<double>(given); });
  if (type.list) return of_kind(ISOBAR_INTEGERS, [&] { return list_of<std::int64_t>(given); });
  switch (type.kind) {
    case Kind::kBool: return of_kind(ISOBAR_INTEGER, [&] { return Value(given.integer != 0); });
    case Kind::kInt64: return of_kind(ISOBAR_INTEGER, [&] { return Value(given.integer); });
    case Kind::kFloat64: return of_kind(ISOBAR_NUMBER, [&] { return Value(given.number); });
    case Kind::kString: return of_kind(ISOBAR_TEXT, [&] { return Value(text()); });
    case Kind::kBytes: return of_kind(ISOBAR_BYTES, [&] { return Value(Bytes{text()}); });
    case Kind::kTimestamp: return of_kind(ISOBAR_TIME, [&] { return Value(Instant::from_unix_nanos(given.integer)); });
    default: return std::nullopt;
  }
}

bool can_give(Type type) {
  if (type.list) return type.kind == Kind::kFloat64 || type.kind == Kind::kInt64;
  return type.kind != Kind::kInt32 && type.kind != Kind::kFloat32;
}

class Library final : public OutsideFeaturizer {
 public:
  Library(const isobar_featurizer& functions, void* self, std::string name, Type type)
      : functions_(functions), self_(self), name_(std::move(name)), type_(type) {}
  ~Library() override { functions_.destroy(self_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

  Result<MadeOutside> make(std::span<const std::span<const Row>> keys, const std::stop_token& stop) override {
    const MutexLock lock(mutex_);
    MadeOutside made;
    const double began = thread_cpu_seconds();
    for (const auto events : keys) {
      if (stop.stop_requested()) return Error(Code::kDeadlineExceeded, "stopped");
      made.values.push_back(make_one(events));
    }
    made.cpu_seconds = thread_cpu_seconds() - began;
    return made;
  }
  Duration pause() const override { return Duration(0); }
  Status problem() const override { return {}; }

 private:
  struct Outcome {
    Type type;
    Result<Value> value = invalid("it gave nothing");
  };
  static void give(void* context, const isobar_value* value) {
    auto& out = *static_cast<Outcome*>(context);
    auto read = value == nullptr ? std::optional(Value()) : taken(*value, out.type);
    if (read) out.value = std::move(*read);
    else out.value = invalid(fmt::format("it gave a value of kind {}, which is not {}", value->kind, name_of(out.type)));
  }
  static void fail(void* context, const char* why) { static_cast<Outcome*>(context)->value = invalid(why == nullptr ? "it failed" : why); }
  Result<Value> make_one(std::span<const Row> events) REQUIRES(mutex_) {
    const Handed handed(events);
    Outcome outcome{.type = type_};
    const isobar_result result{&outcome, &give, &fail};
    functions_.make(self_, &handed.history(), &result);
    return std::move(outcome.value).context(name_);
  }

  const isobar_featurizer& functions_;
  void* const self_;
  const std::string name_;
  const Type type_;
  Mutex mutex_;
};

}  // namespace

Result<std::shared_ptr<OutsideFeaturizer>> make_library(const OutsideParameters& parameters, const fs::path& file, Type type) {
  const std::string name = file.filename().string();
  if (!can_give(type))
    return invalid(
        fmt::format("{}: a library gives no {}; its types are bool, int64, float64, string, bytes, timestamp, int64[] and float64[]", name,
                    name_of(type)));
  const std::array<std::string, 1> names{file.string()};
  TRY_ASSIGN(const SharedLibrary library, SharedLibrary::open(names, "build it by: cc -shared -fPIC -O2 -o " + name + " …"));
  isobar_featurizer_entry* entry = nullptr;
  TRY(library.find("isobar_featurizer_v1", entry));
  const isobar_featurizer* functions = entry();
  if (functions == nullptr || functions->version != ISOBAR_FEATURIZER_VERSION)
    return unavailable(fmt::format("{} is of version {} of isobar_featurizer.h; this program knows {}", name,
                                   functions == nullptr ? 0 : functions->version, ISOBAR_FEATURIZER_VERSION));
  std::array<char, 512> why{};
  void* self = functions->create(parameters.arguments.c_str(), why.data(), why.size());
  why.back() = '\0';
  if (self == nullptr) return unavailable(fmt::format("{}: {}", name, why[0] == '\0' ? "it made no object" : why.data()));
  return std::shared_ptr<OutsideFeaturizer>(std::make_shared<Library>(*functions, self, name, type));
}

}  // namespace isobar::features
