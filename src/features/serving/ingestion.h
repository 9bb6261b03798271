#pragma once

#include "features/engine.h"
#include "http_message.h"

namespace isobar::features {

/// Feast's POST /push: rows of a push source, in columns. Answered when they are durable and seen by readers. Rows are served and learnt
/// from alike, so that "to" may be online or online_and_offline. "event_timestamp" and "created", as Feast's clients call them, stand for
/// the columns that the source has for these; times may also be whole seconds since 1970. idempotency_key   the same key again changes
/// nothing, for as long as the store remembers it; "": none Errors, in Feast's form   422: no such source, or anything wrong with the rows
/// (with the row's number); 429: too much waits
void push_rows(Engine& engine, std::string_view body, const std::string& idempotency_key, const HttpDone& done);

/// Feast's POST /write-to-online-store: the same for the one push source of a view.
void write_to_view(Engine& engine, std::string_view body, const std::string& idempotency_key, const HttpDone& done);

/// The source that a name means to a push. project   nullptr: none was applied
/// Errors   kNotFound: no such source, or none that is pushed to; kUnavailable: no definition
Result<const Project::SourceUse*> push_source(const Project* project, const std::string& name);
/// The one push source of a view. Errors   kNotFound: no such view; kInvalidArgument: it has none, or several; kUnavailable
Result<const Project::SourceUse*> push_source_of_view(const Project* project, const std::string& view);

}  // namespace isobar::features
