#pragma once

/// What is built in, group by group.

#include "sql/function_set.h"

namespace isobar::sql {

/// Those that do not stand in the table of casts: over text, of arrays, into a modifier.
void add_generic_casts(FunctionSet::Tables& tables);
void add_casts(FunctionSet& set);
void add_comparisons(FunctionSet& set);
void add_number_operators(FunctionSet& set);
void add_number_functions(FunctionSet& set);
void add_text_functions(FunctionSet& set);
void add_patterns(FunctionSet& set);
void add_time_operators(FunctionSet& set);
void add_time_functions(FunctionSet& set);
void add_formatting(FunctionSet& set);
void add_array_functions(FunctionSet& set);
void add_json_functions(FunctionSet& set);
void add_session_functions(FunctionSet& set);
void add_aggregates(FunctionSet& set);
void add_ordered_aggregates(FunctionSet& set);
void add_windows(FunctionSet& set);
void add_set_functions(FunctionSet& set);

}  // namespace isobar::sql
