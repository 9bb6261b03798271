#pragma once

/// What a view's states are made of, in one word: definitions that differ in nothing else can go on with the same states.

#include <string>

#include "features/definition.h"

namespace isobar::features {

/// "spending@9f86d081884c7d65": the name under which the store knows a view. It changes with the keys, the sources' columns, times and
/// keys, the condition, and how any stored feature is made; not with schedules, ttl, features on demand, or what is said for people.
std::string stored_name(const Definition& definition, const View& view);
/// The same of the records of a source with a key.
std::string records_name(const Source& source);

}  // namespace isobar::features
