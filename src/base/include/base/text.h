#pragma once

/// Small questions about text that several modules ask.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace isobar {

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);
std::string join(std::span<const std::string> parts, std::string_view separator);

/// Damerau-Levenshtein distance (adjacent swaps count one), letters compared without case. Cost O(|a|·|b|).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `word`, for "did you mean"; none when even the nearest is more than a third of the word
/// away. Ties go to the earlier candidate.
std::optional<std::string> closest(std::string_view word, std::span<const std::string> candidates);

/// Whether a shell takes the word literally without quotes; if not, `shell_quote` wraps it in single quotes.
std::string shell_quote(std::string_view word);

/// The columns `text` takes on a terminal, counting UTF-8 code points and skipping colour escapes.
std::size_t display_width(std::string_view text);

/// Whether the bytes are well-formed UTF-8 (no overlong forms, no surrogates).
bool is_utf8(std::string_view bytes);

}  // namespace isobar
