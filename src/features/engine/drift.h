#pragma once

/// Whether a feature is still distributed as it was: the population stability index of its recent values against its first ones, and the
/// share of nulls in both.
///
/// The first values that are read of a feature, kReference of them, are its reference. They give the bins: of numbers twelve, cut at the
/// tenths of the reference, and what is below and above all of it; of texts, bytes and booleans the 20 most frequent, and the rest. Of the
/// last kReference values that were read only their bins are kept. The index is Σ (p − q)·ln(p / q) over the bins, p and q being their
/// shares now and then, each bin with half a value more than it has, so that none is empty. People read below 0.1 as no drift and above
/// 0.25 as much. Of lists and times there are the nulls alone.
///
/// Values are taken from readings, one reading of a view in a stated time at most, so that it costs nothing to read fast.

#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "features/row_codec.h"
#include "features/view_state.h"

namespace isobar::features {

/// One feature. One thread at a time. Memory   ~2 KiB, and while the reference is gathered 16 KiB
class FeatureDrift {
 public:
  static constexpr std::size_t kReference = 2'000, kLeast = 100;

  explicit FeatureDrift(Type type);
  void add(const Value& value, FieldStatus status);

  /// None: the reference is not complete yet, or too few values came since, or there are no bins of its type.
  std::optional<double> psi() const;
  /// Of the reference as far as it goes, and of the values since. None: there are none.
  std::optional<double> nulls_then() const;
  std::optional<double> nulls_now() const;
  bool has_reference() const { return frozen_; }

  void encode_reference(std::string& out) const;
  /// Errors   kDataLoss
  Status decode_reference(ByteReader& reader);

 private:
  static constexpr std::uint8_t kNull = 0xff;  ///< in the place of a bin
  enum class Sort : std::uint8_t { kNone, kNumber, kName };
  void freeze();
  void freeze_numbers();
  void freeze_names();
  std::uint64_t name_of(const Value& value) const;
  std::uint8_t bin_of(const Value& value) const;
  void take(std::uint8_t bin);

  Sort sort_;
  bool frozen_ = false;
  std::vector<double> numbers_;            ///< while the reference is gathered
  std::vector<std::uint64_t> names_;       ///< the same, as hashes
  std::vector<double> edges_;              ///< of numbers
  std::vector<std::uint64_t> bins_;        ///< of names: the frequent ones
  std::vector<std::uint32_t> then_, now_;  ///< by bin
  std::uint32_t values_then_ = 0, nulls_then_ = 0;
  std::vector<std::uint8_t> recent_;  ///< bins of the last values, as a ring
  std::size_t next_ = 0;
  std::uint32_t nulls_now_ = 0;
};

/// All stored features of a view. Safe from any thread.
class ViewDrift {
 public:
  /// every   how often a reading is looked at, at most
  ViewDrift(const CompiledView& view, Duration every);

  /// wanted   as ViewState::read has it. Cost   a load and a comparison, mostly
  void offer(const ViewReading& reading, const std::vector<bool>& wanted, Instant now);

  struct Told {
    std::optional<double> psi, nulls_then, nulls_now;
  };
  std::vector<Told> tell() const;
  /// From now on there is another reference.
  void restart();

  /// The references, once after each time that one was completed or begun anew; else none.
  std::optional<std::string> take_unwritten();
  /// Errors   kDataLoss
  Status read(std::string_view bytes);

 private:
  const std::vector<Column> stored_;
  const std::int64_t every_;
  std::atomic<std::int64_t> next_{INT64_MIN};
  mutable Mutex mutex_;
  std::vector<FeatureDrift> features_ GUARDED_BY(mutex_);
  bool unwritten_ GUARDED_BY(mutex_) = false;
};

}  // namespace isobar::features
