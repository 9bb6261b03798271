#pragma once

/// What applying a definition over another would change, and what becomes of the data: the answer of `isobar features plan`.

#include <string>
#include <string_view>
#include <vector>

#include "features/definition.h"

namespace isobar::features {

/// What becomes of data that is there, the least first.
enum class Consequence : std::uint8_t {
  kKept,     ///< nothing is computed again, nothing is lost
  kRebuilt,  ///< values are computed again from events; until then the key has none
  kDropped,  ///< data is removed
};
std::string_view name_of(Consequence consequence);

/// One field of a thing that is in both definitions.
struct FieldChange {
  std::string field;          ///< "ttl", "schedule.budget"
  std::string before, after;  ///< as the canonical form has them; "": not there
  Consequence consequence = Consequence::kKept;
  std::string meaning;  ///< in words
};

struct Change {
  enum class What : std::uint8_t { kAdded, kChanged, kDropped };
  What what = What::kAdded;
  std::string kind;  ///< entity, source, view, feature, service
  std::string name;  ///< of a feature, VIEW:FEATURE
  std::string type;  ///< of a feature that is added
  Consequence consequence = Consequence::kKept;
  std::string meaning;              ///< of what is added or dropped; of what is changed each field has its own
  std::vector<FieldChange> fields;  ///< of kChanged
};

struct DefinitionPlan {
  std::string project;
  std::vector<Change> changes;  ///< entities, sources, views (each with its features, of a dropped one none), services; by name
  std::size_t unchanged = 0;    ///< things that are the same in both
};

/// before   what is applied; nullptr: nothing is
/// file     the name of `after`'s file, for messages
/// Errors   kInvalidArgument: a feature's type, or an entity's key's, is another under the same name and no wider (a name means one type to
///          all who ask for it); another project. All of them, a line for each, with their places
Result<DefinitionPlan> plan_definition(const Definition* before, const Definition& after, const std::string& file);

/// For people: a line for each change, and a sum.
std::string render_plan(const DefinitionPlan& plan);
/// For programs: an object, without a line's end.
std::string plan_json(const DefinitionPlan& plan);

}  // namespace isobar::features
