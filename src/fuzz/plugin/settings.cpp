#include "settings.h"

#include <set>

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/MemoryBuffer.h"

namespace isobar::fuzz {
namespace {

namespace cl = llvm::cl;

cl::opt<std::string> g_domains("isobar-domains", cl::desc("domains, between commas"), cl::init(""), cl::Hidden);
cl::opt<std::string> g_allocators("isobar-allocators", cl::desc("NAME:ARGUMENT[:COUNT], between commas"), cl::init(""), cl::Hidden);
cl::opt<std::string> g_changed("isobar-changed", cl::desc("FILE:FIRST-LAST, between semicolons, or @FILE of such lines"), cl::init(""),
                               cl::Hidden);
cl::opt<std::string> g_own("isobar-own-domains", cl::desc("definitions of domains, in hexadecimal"), cl::init(""), cl::Hidden);
cl::opt<bool> g_list("isobar-list-sites", cl::desc("print how many sites there are"), cl::init(false), cl::Hidden);

[[noreturn]] void refuse(const std::string& why) { llvm::report_fatal_error(llvm::Twine("isobar-fuzz: ") + why, false); }

std::vector<std::string> parts(llvm::StringRef text, char between) {
  std::vector<std::string> found;
  llvm::SmallVector<llvm::StringRef, 8> pieces;
  text.split(pieces, between, -1, false);
  for (llvm::StringRef piece : pieces) found.push_back(piece.trim().str());
  return found;
}

int number(llvm::StringRef text, const std::string& within) {
  int value = 0;
  if (text.getAsInteger(10, value) || value < 0) refuse("not a number in: " + within);
  return value;
}

void choose(Settings& settings, const std::string& name) {
  struct Named {
    const char* name;
    bool* chosen;
  };
  const Named all[] = {{"slow", &settings.slow},   {"perf", &settings.perf}, {"mem", &settings.mem},     {"cmp", &settings.cmp},
                       {"valid", &settings.valid}, {"diff", &settings.diff}, {"stack", &settings.stack}, {"recursion", &settings.recursion},
                       {"loops", &settings.loops}, {"lock", &settings.lock}, {"io", &settings.io},       {"log", &settings.log}};
  for (const Named& one : all) {
    if (name != one.name) continue;
    *one.chosen = true;
    return;
  }
  refuse("there is no domain " + name);
}

Allocator allocator_of(const std::string& text) {
  const auto fields = parts(text, ':');
  if (fields.size() < 2 || fields.size() > 3) refuse("an allocator is NAME:ARGUMENT or NAME:ARGUMENT:COUNT, not " + text);
  return {fields[0], number(fields[1], text), fields.size() == 3 ? number(fields[2], text) : -1};
}

ChangedLines changed_of(const std::string& text) {
  const size_t colon = text.rfind(':');
  const size_t dash = text.rfind('-');
  if (colon == std::string::npos || dash == std::string::npos || dash < colon) refuse("changed lines are FILE:FIRST-LAST, not " + text);
  return {text.substr(0, colon), static_cast<uint32_t>(number(text.substr(colon + 1, dash - colon - 1), text)),
          static_cast<uint32_t>(number(text.substr(dash + 1), text))};
}

std::string content_of(const std::string& path) {
  auto file = llvm::MemoryBuffer::getFile(path);
  if (!file) refuse("cannot read " + path + ": " + file.getError().message());
  return (*file)->getBuffer().str();
}

std::vector<ChangedLines> all_changed(const std::string& text) {
  std::vector<ChangedLines> found;
  for (const std::string& range : parts(!text.empty() && text[0] == '@' ? content_of(text.substr(1)) : text, ';'))
    found.push_back(changed_of(range));
  return found;
}

std::string from_hexadecimal(llvm::StringRef text) {
  std::string bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    unsigned value = 0;
    if (text.substr(i, 2).getAsInteger(16, value)) refuse("-isobar-own-domains is not hexadecimal");
    bytes.push_back(static_cast<char>(value));
  }
  return bytes;
}

}  // namespace

Settings settings_of_command_line() {
  Settings settings;
  for (const std::string& name : parts(g_domains, ',')) choose(settings, name);
  for (const std::string& text : parts(g_allocators, ',')) settings.allocators.push_back(allocator_of(text));
  settings.changed = all_changed(g_changed);
  settings.own_domains = from_hexadecimal(g_own);
  settings.list_sites = g_list;
  return settings;
}

std::string name_of_domains(const Settings& s, const std::vector<OwnDomain>& own) {
  std::string name;
  const auto add = [&name](bool chosen, const char* domain) {
    if (chosen) name += (name.empty() ? "" : ",") + std::string(domain);
  };
  add(s.cmp, "cmp"), add(s.diff, "diff"), add(s.io, "io"), add(s.lock, "lock"), add(s.log, "log"), add(s.loops, "loops"), add(s.mem, "mem");
  add(s.perf, "perf"), add(s.recursion, "recursion"), add(s.slow, "slow"), add(s.stack, "stack"), add(s.valid, "valid");
  std::set<std::string> names;
  for (const OwnDomain& domain : own) names.insert("own:" + domain.name);
  for (const std::string& one : names) add(true, one.c_str());
  return name.empty() ? "-" : name;
}

}  // namespace isobar::fuzz
