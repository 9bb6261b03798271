#pragma once

/// The fewest inputs that reach all that many reach.

#include "fuzz/executor.h"

namespace isobar::fuzz {

struct MinimalCorpus {
  std::vector<std::size_t> kept;  ///< places of inputs, ascending
  std::size_t keys = 0;           ///< classes of blocks, and keys' best values, that are reached
  std::size_t ended_badly = 0;    ///< inputs that crashed or took too long; none of them is kept
};

/// Runs each input once. For each class of a block's counts some input that has it is kept, and for each key of a domain one with the best
/// value: the aggregates of what is kept are those of all. Rare keys choose first, each the smallest and fastest; what it has besides is
/// chosen with it. Errors   those of the executor Cost     the runs, and 8 bytes for each key of each input Source   afl-cmin's greedy
/// cover, with domains
Result<MinimalCorpus> minimal_corpus(Executor& executor, std::span<const ByteView> inputs);

}  // namespace isobar::fuzz
