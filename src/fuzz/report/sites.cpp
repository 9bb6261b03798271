#include "fuzz/sites.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>

namespace isobar::fuzz {
namespace {

std::string demangled(std::string_view name) {
  if (name == "?") return {};
  const std::string terminated(name);
  const std::unique_ptr<char, decltype(&std::free)> readable(abi::__cxa_demangle(terminated.c_str(), nullptr, nullptr, nullptr), std::free);
  return readable ? readable.get() : terminated;
}

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failed == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

/// Kind, key, form, line, function, file.
std::optional<std::array<std::string_view, 6>> fields(std::string_view line) {
  std::array<std::string_view, 6> out;
  for (std::size_t i = 0; i < 5; ++i) {
    const auto tab = line.find('\t');
    if (tab == std::string_view::npos) return std::nullopt;
    out[i] = line.substr(0, tab);
    line.remove_prefix(tab + 1);
  }
  out[5] = line;
  return out;
}

}  // namespace

std::string Site::text() const {
  const std::string place = line == 0 ? file : fmt::format("{}:{}", file, line);
  if (function.empty()) return place.empty() ? "?" : place;
  return place.empty() ? function : fmt::format("{} at {}", function, place);
}

Result<SiteTable> SiteTable::parse(std::string_view text, const TargetShape& shape) {
  SiteTable table;
  table.blocks_.resize(shape.blocks);
  table.slots_.resize(shape.slots);
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    if (line == "end") return table;
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const auto parts = fields(line);
    if (!parts) continue;  // a name with a line's end in it
    const auto key = number((*parts)[1]), form = number((*parts)[2]), row = number((*parts)[3]);
    auto& sites = (*parts)[0] == "b" ? table.blocks_ : table.slots_;
    if (!key || !form || !row || *key >= sites.size())
      return Error(Code::kDataLoss, fmt::format("the target's list of places is of another target: {}", line));
    sites[*key] = {demangled((*parts)[4]), (*parts)[5] == "?" ? std::string() : std::string((*parts)[5]), *row, *form};
  }
  return Error(Code::kDataLoss, "the target's list of places has no end: it was cut short");
}

const Site* SiteTable::block(std::uint32_t block) const { return block < blocks_.size() ? &blocks_[block] : nullptr; }
const Site* SiteTable::slot(std::uint32_t slot) const { return slot < slots_.size() ? &slots_[slot] : nullptr; }

std::string SiteTable::name(const TargetShape& shape, Goal goal, std::uint32_t key) const {
  if (goal < kFirstDomain) return key < blocks_.size() ? blocks_[key].text() : fmt::format("block {}", key);
  const DomainShape& domain = shape.domains.at(goal - kFirstDomain);
  if (domain.name == "perf") return name(shape, kCoverage, key);
  if (domain.of_sites && domain.first_slot + key < slots_.size()) return slots_[domain.first_slot + key].text();
  return domain.keys == 1 ? "" : fmt::format("key {}", key);
}

}  // namespace isobar::fuzz
