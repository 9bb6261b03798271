#include "contribution_maker.h"

#include <algorithm>

#include "features/key_codec.h"

namespace isobar::features {

namespace {

const ColumnFeature* column_of(const View& view, std::string_view feature) {
  const auto known = std::ranges::find(view.features, feature, &Feature::name);
  return std::get_if<ColumnFeature>(&known->made_by);
}

}  // namespace

ContributionMaker::ContributionMaker(const CompiledView& view, const Schema& source) : view_(view) {
  columns_alone_ = view.view().where.empty() && view.newest_features().size() == view.stored().size();
  // A key of another width has other bytes, which the view sees to.
  for (const Column& key : view.keys()) {
    const auto place = source.find(key.name);
    columns_alone_ = columns_alone_ && place && source.columns()[*place].type == key.type;
    keys_.push_back(place.value_or(0));
  }
  for (const std::size_t stored : view.newest_features()) {
    const ColumnFeature* column = column_of(view.view(), view.stored()[stored].name);
    const auto place = column != nullptr ? source.find(column->column) : std::nullopt;
    columns_alone_ = columns_alone_ && place;
    newest_.push_back(place.value_or(0));
  }
}

/// False: a key is null.
bool ContributionMaker::take_columns(const Row& event) {
  made_.key.clear();
  for (const std::size_t key : keys_) {
    if (event[key].is_null()) return false;
    append_key_value(made_.key, event[key]);
  }
  made_.newest.resize(newest_.size());
  for (std::size_t i = 0; i < newest_.size(); ++i) made_.newest[i] = event[newest_[i]];
  return true;
}

Result<const Contribution*> ContributionMaker::make(const Row& event) {
  if (columns_alone_ && take_columns(event)) return &made_;
  TRY_ASSIGN(auto made, view_.contribution(event));
  if (!made) return nullptr;
  made_ = std::move(*made);
  return &made_;
}

}  // namespace isobar::features
