// Operators and functions of json and jsonb. Both are held as text; what is taken out of a document is a piece of its text, which of jsonb
// is in normal form again.

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "built_ins.h"
#include "json_text.h"
#include "sql/ascii.h"
#include "texts.h"
#include "wrap.h"

namespace isobar::sql {
namespace {

using What = Json::What;
using MaybeText = std::optional<std::string>;

SqlError bad(std::string what) { return {state::kInvalidParameterValue, std::move(what)}; }

const Json* element(const Json& json, std::int64_t place) {
  if (json.what != What::kArray) return nullptr;
  const auto size = static_cast<std::int64_t>(json.items.size());
  if (place < 0) place += size;
  return place >= 0 && place < size ? &json.items[static_cast<std::size_t>(place)] : nullptr;
}
const Json* field(const Json& json, std::string_view name) { return json.what == What::kObject ? json.member(name) : nullptr; }

std::optional<std::int64_t> index_of(std::string_view text) {
  std::int64_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  return error == std::errc() && end == text.data() + text.size() && std::abs(index) <= INT32_MAX ? std::optional(index) : std::nullopt;
}

/// Along a path of names and places. Null: it leads nowhere
const Json* follow(const Json& json, const Array& path) {
  const Json* at = &json;
  for (const auto& step : path.elements) {
    if (at == nullptr || step.is_null()) return nullptr;
    if (at->what == What::kArray) {
      const auto index = index_of(step.text());
      at = index ? element(*at, *index) : nullptr;
    } else {
      at = field(*at, step.text());
    }
  }
  return at;
}

MaybeText as_json(const Json* json) { return json == nullptr ? std::nullopt : MaybeText(json->source); }
MaybeText as_text(const Json* json) {
  if (json == nullptr || json->what == What::kNull) return std::nullopt;
  return json->what == What::kString ? json->text : std::string(json->source);
}

template <auto kShow>
SqlResult<MaybeText> get_field(std::string_view text, std::string_view name) {
  TRY_ASSIGN(const Json json, parse_json(text));
  return kShow(field(json, name));
}
template <auto kShow>
SqlResult<MaybeText> get_element(const Call& call, std::string_view text, std::int64_t place) {
  TRY_ASSIGN(const Json json, parse_json(text));
  // A jsonb that is a scalar is kept as an array of it, and lets it be seen here.
  if (json.is_scalar() && call.type(0).kind == Kind::kJsonb && (place == 0 || place == -1)) return kShow(&json);
  return kShow(element(json, place));
}
template <auto kShow>
SqlResult<MaybeText> get_path(std::string_view text, const Array& path) {
  TRY_ASSIGN(const Json json, parse_json(text));
  return kShow(follow(json, path));
}
template <auto kShow>
SqlResult<MaybeText> get_steps(const Call& call) {
  Array path;
  path.element = Kind::kText;
  for (std::size_t place = 1; place < call.size(); ++place) path.elements.push_back(call[place]);
  return get_path<kShow>(call[0].text(), path);
}

// --- jsonb ---

std::string normal_text(const Json& json) {
  std::string out;
  append_jsonb(out, json);
  return out;
}

bool contains(const Json& a, const Json& b) {
  if (a.what != b.what) return false;
  if (a.is_scalar()) return compare(a, b) == 0;
  if (a.what == What::kObject)
    return std::all_of(b.members.begin(), b.members.end(), [&](const JsonMember& member) {
      const Json* mine = a.member(member.name);
      return mine != nullptr && contains(*mine, member.value);
    });
  return std::all_of(b.items.begin(), b.items.end(), [&](const Json& item) {
    return std::any_of(a.items.begin(), a.items.end(), [&](const Json& mine) { return contains(mine, item); });
  });
}
SqlResult<bool> jsonb_contains(std::string_view left, std::string_view right) {
  TRY_ASSIGN(const Json a, parse_json(left));
  TRY_ASSIGN(const Json b, parse_json(right));
  // A scalar is contained in an array that has it.
  if (a.what == What::kArray && b.is_scalar())
    return std::any_of(a.items.begin(), a.items.end(), [&](const Json& item) { return item.what == b.what && compare(item, b) == 0; });
  return contains(a, b);
}

bool has_key(const Json& json, std::string_view key) {
  if (json.what == What::kString) return json.text == key;
  if (json.what == What::kArray)
    return std::any_of(json.items.begin(), json.items.end(),
                       [&](const Json& item) { return item.what == What::kString && item.text == key; });
  return field(json, key) != nullptr;
}
SqlResult<bool> jsonb_exists(std::string_view text, std::string_view key) {
  TRY_ASSIGN(const Json json, parse_json(text));
  return has_key(json, key);
}
template <bool kAll>
SqlResult<bool> jsonb_exists_of(std::string_view text, const Array& keys) {
  TRY_ASSIGN(const Json json, parse_json(text));
  const auto has = [&](const Value& key) { return has_key(json, key.text()); };
  const auto known = [](const Value& key) { return !key.is_null(); };
  for (const auto& key : keys.elements)
    if (known(key) && has(key) != kAll) return !kAll;
  return kAll;
}

Json as_array(Json json) {
  if (json.what == What::kArray) return json;
  Json array;
  array.what = What::kArray;
  array.items.push_back(std::move(json));
  return array;
}
SqlResult<std::string> jsonb_concat(std::string_view left, std::string_view right) {
  TRY_ASSIGN(Json a, parse_json(left));
  TRY_ASSIGN(Json b, parse_json(right));
  if (a.what == What::kObject && b.what == What::kObject) {
    for (auto& member : b.members) a.members.push_back(std::move(member));
    normalise(a);
    return normal_text(a);
  }
  a = as_array(std::move(a)), b = as_array(std::move(b));
  for (auto& item : b.items) a.items.push_back(std::move(item));
  return normal_text(a);
}

SqlResult<std::string> jsonb_delete(std::string_view text, std::string_view key) {
  TRY_ASSIGN(Json json, parse_json(text));
  if (json.is_scalar()) return bad("cannot delete from scalar");
  std::erase_if(json.members, [&](const JsonMember& member) { return member.name == key; });
  std::erase_if(json.items, [&](const Json& item) { return item.what == What::kString && item.text == key; });
  return normal_text(json);
}
SqlResult<std::string> jsonb_delete_all(std::string_view text, const Array& keys) {
  std::string left(text);
  TRY_ASSIGN(const Json json, parse_json(text));
  if (json.is_scalar()) return bad("cannot delete from scalar");
  for (const auto& key : keys.elements) {
    if (key.is_null()) continue;
    TRY_ASSIGN(left, jsonb_delete(left, key.text()));
  }
  return left;
}
SqlResult<std::string> jsonb_delete_at(std::string_view text, std::int64_t place) {
  TRY_ASSIGN(Json json, parse_json(text));
  if (json.is_scalar()) return bad("cannot delete from scalar");
  if (json.what == What::kObject) return bad("cannot delete from object using integer index");
  const Json* found = element(json, place);
  if (found != nullptr) json.items.erase(json.items.begin() + (found - json.items.data()));
  return normal_text(json);
}

/// What is done at a path's end.
struct PathEdit {
  enum class How : std::uint8_t { kSet, kSetOnly, kInsertBefore, kInsertAfter, kDelete } how = How::kSet;
  const Json* value = nullptr;
};

SqlStatus edit_array(Json& json, std::string_view step, std::size_t number, bool last, const PathEdit& edit, const Array& path);
SqlStatus edit_at(Json& json, const Array& path, std::size_t depth, const PathEdit& edit) {
  const Value& step = path.elements[depth];
  if (step.is_null()) return SqlError(state::kNullValueNotAllowed, fmt::format("path element at position {} is null", depth + 1));
  if (json.is_scalar()) return {};
  const bool last = depth + 1 == path.elements.size();
  if (json.what == What::kArray) return edit_array(json, step.text(), depth, last, edit, path);
  auto found = std::find_if(json.members.begin(), json.members.end(), [&](const JsonMember& member) { return member.name == step.text(); });
  if (!last) return found == json.members.end() ? SqlStatus() : edit_at(found->value, path, depth + 1, edit);
  using How = PathEdit::How;
  if (found == json.members.end()) {
    if (edit.how == How::kSet || edit.how == How::kInsertBefore || edit.how == How::kInsertAfter)
      json.members.push_back({step.text(), *edit.value});
  } else if (edit.how == How::kDelete) {
    json.members.erase(found);
  } else if (edit.how == How::kInsertBefore || edit.how == How::kInsertAfter) {
    return std::move(bad("cannot replace existing key")).with_hint("Try using the function jsonb_set to replace key value.");
  } else {
    found->value = *edit.value;
  }
  return {};
}
SqlStatus edit_array(Json& json, std::string_view step, std::size_t number, bool last, const PathEdit& edit, const Array& path) {
  const auto index = index_of(step);
  if (!index)
    return SqlError(state::kInvalidTextRepresentation,
                    fmt::format("path element at position {} is not an integer: \"{}\"", number + 1, step));
  const auto size = static_cast<std::int64_t>(json.items.size());
  std::int64_t place = *index < 0 ? *index + size : *index;
  const bool there = place >= 0 && place < size;
  if (!last) return there ? edit_at(json.items[static_cast<std::size_t>(place)], path, number + 1, edit) : SqlStatus();
  using How = PathEdit::How;
  if (there && (edit.how == How::kSet || edit.how == How::kSetOnly)) {
    json.items[static_cast<std::size_t>(place)] = *edit.value;
  } else if (there && edit.how == How::kDelete) {
    json.items.erase(json.items.begin() + place);
  } else if (edit.how != How::kSetOnly && edit.how != How::kDelete) {
    if (there && edit.how == How::kInsertAfter) ++place;
    place = std::clamp<std::int64_t>(place, 0, size);
    json.items.insert(json.items.begin() + place, *edit.value);
  }
  return {};
}
SqlResult<std::string> edited(std::string_view text, const Array& path, const PathEdit& edit, std::string_view doing) {
  TRY_ASSIGN(Json json, parse_json(text));
  if (path.sizes.size() > 1) return SqlError(state::kArraySubscriptError, "wrong number of array subscripts");
  if (json.is_scalar()) return bad(fmt::format("cannot {} scalar", doing));
  const bool only = edit.how == PathEdit::How::kSetOnly || edit.how == PathEdit::How::kDelete;
  if (path.elements.empty() || (only && json.items.empty() && json.members.empty())) return std::string(text);
  TRY(edit_at(json, path, 0, edit));
  normalise(json);
  return normal_text(json);
}
SqlResult<std::string> jsonb_set(std::string_view text, const Array& path, std::string_view value, bool create) {
  TRY_ASSIGN(const Json json, parse_json(value));
  return edited(text, path, {create ? PathEdit::How::kSet : PathEdit::How::kSetOnly, &json}, "set path in");
}
SqlResult<std::string> jsonb_insert(std::string_view text, const Array& path, std::string_view value, bool after) {
  TRY_ASSIGN(const Json json, parse_json(value));
  return edited(text, path, {after ? PathEdit::How::kInsertAfter : PathEdit::How::kInsertBefore, &json}, "set path in");
}

void strip_nulls(Json& json) {
  std::erase_if(json.members, [](const JsonMember& member) { return member.value.what == What::kNull; });
  for (auto& member : json.members) strip_nulls(member.value);
  for (auto& item : json.items) strip_nulls(item);
}
/// As json, without any blanks.
void append_tight(std::string& out, const Json& json) {
  if (json.is_scalar()) return void(out += json.source);
  bool first = true;
  out += json.what == What::kObject ? '{' : '[';
  for (const auto& member : json.members) {
    if (!std::exchange(first, false)) out += ',';
    append_json_string(out, member.name), out += ':';
    append_tight(out, member.value);
  }
  for (const auto& item : json.items) {
    if (!std::exchange(first, false)) out += ',';
    append_tight(out, item);
  }
  out += json.what == What::kObject ? '}' : ']';
}
template <bool kBinary>
SqlResult<std::string> stripped(std::string_view text) {
  TRY_ASSIGN(Json json, parse_json(text));
  strip_nulls(json);
  if (kBinary) return normal_text(json);
  std::string out;
  append_tight(out, json);
  return out;
}

SqlResult<std::string_view> type_name(std::string_view text) {
  TRY_ASSIGN(const Json json, parse_json(text));
  constexpr std::string_view kNames[] = {"null", "string", "number", "boolean", "array", "object"};
  return kNames[static_cast<std::size_t>(json.what)];
}
SqlResult<std::int64_t> array_length(std::string_view text) {
  TRY_ASSIGN(const Json json, parse_json(text));
  if (json.what == What::kArray) return static_cast<std::int64_t>(json.items.size());
  return bad(json.what == What::kObject ? "cannot get array length of a non-array" : "cannot get array length of a scalar");
}
SqlResult<std::string> pretty(std::string_view text) {
  TRY_ASSIGN(const Json json, parse_json(text));
  std::string out;
  append_jsonb_pretty(out, json);
  return out;
}

// --- built of values ---

SqlResult<std::string> object_text(const Call& call) {
  if (call.size() % 2 != 0)
    return std::move(bad("argument list must have even number of elements"))
        .with_hint("The arguments of json_build_object() must consist of alternating keys and values.");
  std::string out = "{";
  for (std::size_t place = 0; place < call.size(); place += 2) {
    if (place > 0) out += ", ";
    if (!call.has(place))
      return SqlError(state::kInvalidParameterValue, fmt::format("argument {} cannot be null", place + 1))
          .with_hint("Object keys should be text.");
    TRY(append_json_key(out, call.type(place), call[place], call.session.style));
    out += " : ";
    append_json_value(out, call.type(place + 1), call[place + 1], call.session.style);
  }
  return out + "}";
}
SqlResult<std::string> array_text(const Call& call) {
  std::string out = "[";
  for (std::size_t place = 0; place < call.size(); ++place) {
    if (place > 0) out += ", ";
    append_json_value(out, call.type(place), call[place], call.session.style);
  }
  return out + "]";
}
SqlResult<std::string> value_text(const Call& call) {
  std::string out;
  append_json_value(out, call.type(0), call[0], call.session.style);
  return out;
}
/// Of an array of names and values by turns, or of two.
SqlResult<std::string> texts_object(const Call& call) {
  const Array& names = call[0].array();
  const bool pairs = call.size() == 1;
  if (pairs && names.elements.size() % 2 != 0) return SqlError(state::kArraySubscriptError, "array must have even number of elements");
  if (!pairs && names.elements.size() != call[1].array().elements.size())
    return SqlError(state::kArraySubscriptError, "mismatched array dimensions");
  std::string out = "{";
  const std::size_t count = pairs ? names.elements.size() / 2 : names.elements.size();
  for (std::size_t place = 0; place < count; ++place) {
    const Value& name = names.elements[pairs ? place * 2 : place];
    const Value& value = pairs ? names.elements[place * 2 + 1] : call[1].array().elements[place];
    if (name.is_null()) return SqlError(state::kNullValueNotAllowed, "null value not allowed for object key");
    if (place > 0) out += ", ";
    append_json_string(out, name.text()), out += " : ";
    append_json_value(out, type_of(Kind::kText), value, {});
  }
  return out + "}";
}

template <auto kText>
SqlResult<Value> binary(const Call& call) {
  TRY_ASSIGN(const std::string text, kText(call));
  return jsonb_of(text);
}

// --- rows ---

class JsonRows final : public SetRows {
 public:
  explicit JsonRows(std::vector<Row> rows) : rows_(std::move(rows)) {}
  SqlResult<bool> next(Row& into) override {
    if (next_ == rows_.size()) return false;
    into = std::move(rows_[next_++]);
    return true;
  }

 private:
  std::vector<Row> rows_;
  std::size_t next_ = 0;
};
std::unique_ptr<SetRows> rows_of(std::vector<Row> rows) { return std::make_unique<JsonRows>(std::move(rows)); }
Value maybe_value(MaybeText text) { return text ? Value(*std::move(text)) : Value(); }

template <auto kShow>
SqlResult<std::unique_ptr<SetRows>> open_each(const SetCall& call) {
  TRY_ASSIGN(const Json json, parse_json(call[0].text()));
  if (json.what != What::kObject)
    return bad(fmt::format("cannot call {} on {}", call.bound.function->name, json.what == What::kArray ? "a non-object" : "a non-object"));
  std::vector<Row> rows;
  for (const auto& member : json.members) rows.push_back({Value(member.name), maybe_value(kShow(&member.value))});
  return rows_of(std::move(rows));
}
template <auto kShow>
SqlResult<std::unique_ptr<SetRows>> open_elements(const SetCall& call) {
  TRY_ASSIGN(const Json json, parse_json(call[0].text()));
  if (json.what != What::kArray)
    return bad(json.what == What::kObject ? "cannot extract elements from an object" : "cannot extract elements from a scalar");
  std::vector<Row> rows;
  for (const auto& item : json.items) rows.push_back({maybe_value(kShow(&item))});
  return rows_of(std::move(rows));
}
SqlResult<std::unique_ptr<SetRows>> open_keys(const SetCall& call) {
  TRY_ASSIGN(const Json json, parse_json(call[0].text()));
  if (json.what != What::kObject)
    return bad(fmt::format("cannot call {} on {}", call.bound.function->name, json.what == What::kArray ? "an array" : "a scalar"));
  std::vector<Row> rows;
  for (const auto& member : json.members) rows.push_back({Value(member.name)});
  return rows_of(std::move(rows));
}

void add_reading(FunctionSet& set) {
  for (const auto* type : {"json", "jsonb"}) {
    const auto op = [&](std::string_view form, Evaluate evaluate) { set.add_operator(fmt::format(fmt::runtime(form), type), evaluate); };
    op("->({0}, text) {0}", wrap<get_field<as_json>>), op("->({0}, int4) {0}", wrap<get_element<as_json>>),
        op("#>({0}, _text) {0}", wrap<get_path<as_json>>);
    op("->>({0}, text) text", wrap<get_field<as_text>>), op("->>({0}, int4) text", wrap<get_element<as_text>>),
        op("#>>({0}, _text) text", wrap<get_path<as_text>>);
    const auto function = [&](std::string_view form, Evaluate evaluate) { set.add(fmt::format(fmt::runtime(form), type), evaluate); };
    function("{0}_extract_path({0}, variadic text) {0}", wrap<get_steps<as_json>>),
        function("{0}_extract_path_text({0}, variadic text) text", wrap<get_steps<as_text>>);
    function("{0}_typeof({0}) text", wrap<type_name>), function("{0}_array_length({0}) int4", wrap<array_length>);
    const auto rows = [&](std::string_view form, std::string_view columns, FunctionSet::OpenSet open) {
      set.add_set(fmt::format(fmt::runtime(form), type), fmt::format(fmt::runtime(columns), type), open);
    };
    rows("{0}_each({0}) record", "(key text, value {0})", open_each<as_json>),
        rows("{0}_each_text({0}) record", "(key text, value text)", open_each<as_text>);
    rows("{0}_array_elements({0}) {0}", "(value {0})", open_elements<as_json>),
        rows("{0}_array_elements_text({0}) text", "(value text)", open_elements<as_text>);
    rows("{0}_object_keys({0}) text", "({0}_object_keys text)", open_keys);
  }
}

void add_building(FunctionSet& set) {
  constexpr FunctionOptions kLax{.strict = false, .volatility = Volatility::kStable}, kStable{.volatility = Volatility::kStable};
  for (const auto* parameters : {"", "variadic any"}) {
    set.add(fmt::format("json_build_object({}) json", parameters), wrap<object_text>, kLax),
        set.add(fmt::format("json_build_array({}) json", parameters), wrap<array_text>, kLax);
    set.add(fmt::format("jsonb_build_object({}) jsonb", parameters), wrap<binary<object_text>>, kLax),
        set.add(fmt::format("jsonb_build_array({}) jsonb", parameters), wrap<binary<array_text>>, kLax);
  }
  set.add("to_json(anyelement) json", wrap<value_text>, kStable), set.add("to_jsonb(anyelement) jsonb", wrap<binary<value_text>>, kStable);
  set.add("array_to_json(anyarray) json", wrap<value_text>, kStable), set.add("row_to_json(record) json", wrap<value_text>, kStable);
  set.add("json_object(_text) json", wrap<texts_object>), set.add("json_object(_text, _text) json", wrap<texts_object>);
  set.add("jsonb_object(_text) jsonb", wrap<binary<texts_object>>), set.add("jsonb_object(_text, _text) jsonb", wrap<binary<texts_object>>);
}

}  // namespace

void add_json_functions(FunctionSet& set) {
  add_reading(set), add_building(set);
  set.add_operator("@>(jsonb, jsonb) bool", wrap<jsonb_contains>),
      set.add_operator("<@(jsonb, jsonb) bool", wrap<[](std::string_view a, std::string_view b) { return jsonb_contains(b, a); }>);
  set.add_operator("?(jsonb, text) bool", wrap<jsonb_exists>), set.add_operator("?|(jsonb, _text) bool", wrap<jsonb_exists_of<false>>),
      set.add_operator("?&(jsonb, _text) bool", wrap<jsonb_exists_of<true>>);
  set.add_operator("||(jsonb, jsonb) jsonb", wrap<jsonb_concat>), set.add_operator("-(jsonb, text) jsonb", wrap<jsonb_delete>),
      set.add_operator("-(jsonb, _text) jsonb", wrap<jsonb_delete_all>);
  set.add_operator("-(jsonb, int4) jsonb", wrap<jsonb_delete_at>);
  const Evaluate delete_path = wrap<[](std::string_view text, const Array& path) {
    return edited(text, path, {PathEdit::How::kDelete, nullptr}, "delete path in");
  }>;
  set.add_operator("#-(jsonb, _text) jsonb", delete_path), set.add("jsonb_delete_path(jsonb, _text) jsonb", delete_path);
  set.add("jsonb_set(jsonb, _text, jsonb, bool) jsonb", wrap<jsonb_set>),
      set.add("jsonb_set(jsonb, _text, jsonb) jsonb",
              wrap<[](std::string_view text, const Array& path, std::string_view value) { return jsonb_set(text, path, value, true); }>);
  set.add("jsonb_insert(jsonb, _text, jsonb, bool) jsonb", wrap<jsonb_insert>),
      set.add(
          "jsonb_insert(jsonb, _text, jsonb) jsonb",
          wrap<[](std::string_view text, const Array& path, std::string_view value) { return jsonb_insert(text, path, value, false); }>);
  set.add("jsonb_pretty(jsonb) text", wrap<pretty>), set.add("jsonb_strip_nulls(jsonb) jsonb", wrap<stripped<true>>),
      set.add("json_strip_nulls(json) json", wrap<stripped<false>>);
}

}  // namespace isobar::sql
