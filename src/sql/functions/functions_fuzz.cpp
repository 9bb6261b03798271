// Functions as whoever writes statements calls them: each of the set with texts, patterns and numbers of any bytes. They give a value, or
// an error, in bounded time.

#include <cstdint>

#include "sql/function_set.h"
#include "sql/utf8.h"

using namespace isobar;
using namespace isobar::sql;

namespace {

struct Set {
  FunctionSet set = FunctionSet::built_in();
  std::vector<const Function*> functions;
  Set() {
    set.each([&](const Function& function, bool) {
      bool plain = !function.variadic;
      for (const auto& parameter : function.parameters) plain = plain && parameter.what == Parameter::What::kType;
      if (plain && !function.parameters.empty()) functions.push_back(&function);
    });
  }
};

/// Long results and high powers take long without being wrong.
bool is_costly(const Function& function) {
  for (const char* name : {"repeat", "lpad", "rpad", "power", "pow", "^", "exp", "factorial", "log", "ln"})
    if (function.name == name) return true;
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Set all;
  if (size < 3) return 0;
  const Function& function = *all.functions[(data[0] | data[1] << 8) % all.functions.size()];
  if (is_costly(function)) return 0;
  std::string_view left(reinterpret_cast<const char*>(data) + 2, size - 2);
  BoundFunction bound;
  bound.function = &function;
  bound.result = function.result.type;
  std::vector<Value> values;
  for (const auto& parameter : function.parameters) {
    const std::size_t end = std::min(left.find('\xff'), left.size());
    const auto value = from_text(parameter.type, left.substr(0, end), {});
    if (!value) return 0;
    values.push_back(*value), bound.arguments.push_back(parameter.type);
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  std::vector<const Value*> pointers;
  for (const auto& value : values) pointers.push_back(&value);
  SessionValues session;
  session.random = [] { return 0.5; };
  Value result;
  if (!call(bound, session, pointers, result).ok() || result.is_null()) return 0;
  const std::string text = to_text(bound.result, result, {});
  if (bound.result.kind == Kind::kText) CHECK(require_text(text).ok(), function.name, text);
  return 0;
}
