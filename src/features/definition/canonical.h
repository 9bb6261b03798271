#pragma once

/// The canonical form as trees, one for each thing, so that two definitions are compared field by field.

#include "features/definition.h"

namespace isobar::features {

YamlNode tree_of(const Entity& entity);
YamlNode tree_of(const Source& source);
YamlNode tree_of(const Feature& feature);
YamlNode tree_of(const Service& service);
/// Without its features.
YamlNode tree_of(const View& view);

/// A path and a scalar for each leaf of a map: {a: {b: 1}} is "a.b", "1"; a list is one leaf, "[1, 2]".
struct Leaf {
  std::string path, text;
  friend bool operator==(const Leaf&, const Leaf&) = default;
};
std::vector<Leaf> leaves_of(const YamlNode& tree);

}  // namespace isobar::features
