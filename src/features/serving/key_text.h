#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "features/compiled_view.h"

namespace isobar::features {

/// A key as one text: the values of its columns, in order, with ':' between them. A ':' or '\' within a value has a '\' before it.
/// "1001", "eu\:west:7".
/// Errors   kInvalidArgument: a '\' before anything else, or at the end
Result<std::vector<std::string>> split_key(std::string_view text);

/// Values as people write them: numbers in decimal, true and false, times as RFC 3339, bytes in base64, lists as JSON.
/// Errors   kInvalidArgument: the message names the column, the text and the mend
Result<Value> value_from_text(std::string_view text, const Column& column);
/// The same back. False: it is null, and nothing was appended.
bool append_text(std::string& out, const Value& value);
/// Of a null nothing.
std::optional<std::string> text_of(const Value& value);

/// A key's text as the values of a view's key columns. Errors   kInvalidArgument: as above, or not as many as columns
Result<std::vector<Value>> key_values(const CompiledView& view, std::string_view text);

}  // namespace isobar::features
