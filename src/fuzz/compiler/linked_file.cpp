#include "linked_file.h"

#include <elf.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <string_view>

namespace isobar::fuzz {
namespace {

// A structure at `offset`, wherever that is aligned. False: the file is too short for it.
template <class T>
bool read_at(std::string_view bytes, uint64_t offset, T& out) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof out) return false;
  std::memcpy(&out, bytes.data() + offset, sizeof out);
  return true;
}

std::string_view part(std::string_view bytes, uint64_t offset, uint64_t size) {
  return offset > bytes.size() || bytes.size() - offset < size ? std::string_view() : bytes.substr(offset, size);
}

void add_notes(std::string_view notes, std::set<std::string>& out) {
  while (!notes.empty()) {
    const size_t end = notes.find('\0');
    if (!notes.substr(0, end).empty()) out.emplace(notes.substr(0, end));
    if (end == std::string_view::npos) return;
    notes.remove_prefix(end + 1);
  }
}

bool add_elf(std::string_view bytes, LinkedFile& out) {
  Elf64_Ehdr header;
  if (!read_at(bytes, 0, header) || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64)
    return false;
  Elf64_Shdr first{};
  if (header.e_shoff == 0) return true;
  if (!read_at(bytes, header.e_shoff, first)) return false;
  // More than 65,279 sections, as functions have one each, are counted in the first section's header.
  const uint64_t count = header.e_shnum != 0 ? header.e_shnum : first.sh_size;
  const uint64_t names_at = header.e_shstrndx != SHN_XINDEX ? header.e_shstrndx : first.sh_link;
  Elf64_Shdr names{};
  if (!read_at(bytes, header.e_shoff + names_at * sizeof names, names)) return false;
  const std::string_view texts = part(bytes, names.sh_offset, names.sh_size);
  for (uint64_t i = 0; i < count; ++i) {
    Elf64_Shdr section;
    if (!read_at(bytes, header.e_shoff + i * sizeof section, section)) return false;
    if (section.sh_name >= texts.size()) continue;
    const std::string_view name = texts.substr(section.sh_name, texts.substr(section.sh_name).find('\0'));
    if (name == "isobar_counters") out.blocks += section.sh_size;
    if (name == "isobar_domains") add_notes(part(bytes, section.sh_offset, section.sh_size), out.domains);
    if (name == "isobar_matched") add_notes(part(bytes, section.sh_offset, section.sh_size), out.matched);
  }
  return true;
}

// "!<arch>\n", then members: a header of 60 bytes whose last ten are the size and "`\n".
void add_archive(std::string_view bytes, LinkedFile& out) {
  for (uint64_t at = 8; at + 60 <= bytes.size();) {
    const uint64_t size = std::strtoull(std::string(bytes.substr(at + 48, 10)).c_str(), nullptr, 10);
    add_elf(part(bytes, at + 60, size), out);
    at += 60 + size + (size & 1);
  }
}

}  // namespace

Result<LinkedFile> read_linked_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  LinkedFile out;
  if (bytes.starts_with("!<arch>\n")) add_archive(bytes, out);
  else if (!add_elf(bytes, out)) return invalid(path.string() + " is no ELF file of 64 bits, or is cut off");
  return out;
}

}  // namespace isobar::fuzz
