#pragma once

#include "features/engine.h"
#include "http_message.h"

namespace isobar::features {

/// POST /feedback: how wrong an answer was, for the scheduler.
///   {"view": "load", "key": {"machine": "web-1"}, "error": 0.3}      or "label" and "prediction" in place of "error"
/// A key is also a list of the key columns' values, or of a view with one column its value. Several of these may be sent as a list; the
/// first that is wrong is told with its place, and those before it count.
HttpAnswer take_feedback(Engine& engine, std::string_view body);

/// GET /explain?view=load&key=web-1: why a key's row is as fresh as it is. key   as in features/serving/key_text.h
HttpAnswer explain_key(Engine& engine, const net::QueryParameters& query);

/// POST /restart-drift: {"views": ["load"]}, none: all. What is read of them from now on is what drift is measured against.
HttpAnswer restart_drift(Engine& engine, std::string_view body);

/// Told back by a Redis client. Errors   as Engine::feedback
Status take_error(Engine& engine, const std::string& view, std::string_view key, double error);
Result<Explanation> explain(Engine& engine, const std::string& view, const std::string& feature, std::string_view key);

}  // namespace isobar::features
