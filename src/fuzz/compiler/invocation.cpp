#include "invocation.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "base/text.h"

namespace isobar::fuzz {
namespace {

constexpr std::array<std::string_view, 12> kDomains = {"slow",  "perf",      "mem",   "cmp",  "valid", "diff",
                                                       "stack", "recursion", "loops", "lock", "io",    "log"};

// Options of a compiler whose value is the next argument, which is therefore no input.
constexpr std::array<std::string_view, 32> kTakeNext = {"-o",
                                                        "-I",
                                                        "-L",
                                                        "-D",
                                                        "-U",
                                                        "-l",
                                                        "-x",
                                                        "-include",
                                                        "-imacros",
                                                        "-isystem",
                                                        "-iquote",
                                                        "-T",
                                                        "-idirafter",
                                                        "-iprefix",
                                                        "-iwithprefix",
                                                        "-isysroot",
                                                        "-MF",
                                                        "-MT",
                                                        "-MQ",
                                                        "-Xlinker",
                                                        "-Xclang",
                                                        "-Xassembler",
                                                        "-Xpreprocessor",
                                                        "-mllvm",
                                                        "-target",
                                                        "-arch",
                                                        "-z",
                                                        "-e",
                                                        "-u",
                                                        "--param",
                                                        "--sysroot",
                                                        "-framework"};
constexpr std::array<std::string_view, 6> kStopBeforeLinking = {"-c", "-S", "-E", "-fsyntax-only", "-M", "-MM"};

template <class Range>
bool holds(const Range& range, std::string_view wanted) {
  return std::find(range.begin(), range.end(), wanted) != range.end();
}

// The parts of a list, without empty ones.
std::vector<std::string> parts_of(std::string_view text, char between) {
  std::vector<std::string> parts;
  for (const std::string_view part : split(text, between))
    if (!part.empty()) parts.emplace_back(part);
  return parts;
}

// A response file's arguments: between blanks, with quotes and backslashes as GNU tools read them.
std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words;
  std::string word;
  bool within = false;
  char quote = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && i + 1 < text.size() && quote != '\'') {
      word += text[++i], within = true;
    } else if (quote != 0) {
      if (c == quote) quote = 0;
      else word += c;
    } else if (c == '"' || c == '\'') {
      quote = c, within = true;
    } else if (std::isspace(static_cast<unsigned char>(c))) {
      if (within) words.push_back(std::move(word));
      word.clear(), within = false;
    } else {
      word += c, within = true;
    }
  }
  if (within) words.push_back(std::move(word));
  return words;
}

void expand(std::span<const std::string> arguments, std::vector<std::string>& out, int depth) {
  for (const std::string& argument : arguments) {
    std::ifstream file;
    if (argument.size() > 1 && argument[0] == '@' && depth < 8) file.open(argument.substr(1));
    if (!file.is_open() || !file) {
      out.push_back(argument);
      continue;
    }
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    expand(words_of(text), out, depth + 1);
  }
}

// lib.so.1.2 is one, too.
bool is_object(const std::string& path) {
  for (std::string_view ending : {".o", ".a", ".so", ".lo", ".obj", ".os"})
    if (path.ends_with(ending)) return true;
  return path.find(".so.") != std::string::npos;
}

// -fsanitize=address,fuzzer → -fsanitize=address. Empty: nothing is left.
std::string without_fuzzer(const std::string& argument) {
  constexpr std::string_view kOption = "-fsanitize=";
  std::vector<std::string> kept = parts_of(std::string_view(argument).substr(kOption.size()), ',');
  std::erase_if(kept, [](const std::string& name) { return name == "fuzzer" || name == "fuzzer-no-link"; });
  return kept.empty() ? "" : std::string(kOption) + join(kept, ",");
}

// A shared library has its hooks from the executable, so it cannot have all its symbols when it is linked.
std::string without_refusal_of_undefined(const std::string& argument) {
  std::vector<std::string> kept;
  for (const std::string& part : parts_of(std::string_view(argument).substr(4), ',')) {
    if (part == "--no-undefined" || part == "-zdefs") continue;
    if (part == "defs" && !kept.empty() && kept.back() == "-z") kept.pop_back();
    else kept.push_back(part);
  }
  return kept.empty() ? "" : "-Wl," + join(kept, ",");
}

class Reader {
 public:
  explicit Reader(std::vector<std::string> arguments) : arguments_(std::move(arguments)) {}

  Result<Invocation> read() {
    for (; next_ < arguments_.size(); ++next_) {
      TRY_ASSIGN(const bool own, read_own());
      if (!own) read_compilers();
    }
    out_.links = out_.has_inputs && !stops_ && !out_.relocatable;
    return std::move(out_);
  }

 private:
  // `--name value` or `--name=value`.
  Result<std::optional<std::string>> value_of(std::string_view name) {
    const std::string& argument = arguments_[next_];
    if (!argument.starts_with(name)) return std::optional<std::string>();
    if (argument.size() > name.size()) {
      if (argument[name.size()] != '=') return std::optional<std::string>();
      return std::optional(argument.substr(name.size() + 1));
    }
    if (next_ + 1 == arguments_.size()) return invalid(std::string(name) + " needs a value");
    return std::optional(arguments_[++next_]);
  }

  Result<bool> read_own() {
    CompilerOptions& own = out_.own;
    const std::string& argument = arguments_[next_];
    if (argument == "--isobar-help") return own.help = true;
    if (argument == "--isobar-version") return own.version = true;
    if (argument == "--list-sites") return own.list_sites = true;
    if (argument == "--allow-uninstrumented") return own.uninstrumented = true;
    if (!argument.starts_with("--")) return false;
    TRY_ASSIGN(const auto domains, value_of("--domains"));
    if (domains) return own.domains = parts_of(*domains, ','), true;
    TRY_ASSIGN(const auto file, value_of("--domain-file"));
    if (file) return own.own_domains.push_back(*file), true;
    TRY_ASSIGN(const auto allocator, value_of("--allocator"));
    if (allocator) return own.allocators.push_back(*allocator), true;
    for (const auto& [name, field] : {std::pair{"--diff", &own.diff}, {"--clang", &own.clang}, {"--launcher", &own.launcher}}) {
      TRY_ASSIGN(const auto value, value_of(name));
      if (value) return *field = *value, true;
    }
    return false;
  }

  void read_compilers() {
    const std::string& argument = arguments_[next_];
    if (argument.empty() || argument[0] != '-' || argument == "-") return input(argument);
    if (argument.starts_with("-fsanitize=")) return pass(without_fuzzer(argument));
    if (argument.starts_with("-fsanitize-coverage") || argument.starts_with("-flto")) return;
    if (argument.starts_with("-Wl,")) return pass(without_refusal_of_undefined(argument));
    if (argument == "-z" && next_ + 1 < arguments_.size() && arguments_[next_ + 1] == "defs") return void(++next_);
    if (holds(kStopBeforeLinking, argument)) stops_ = true;
    if (argument == "-shared" || argument == "--shared") out_.shared = true;
    if (argument == "-r" || argument == "--relocatable") out_.relocatable = true;
    if (argument.starts_with("-g") && !argument.starts_with("-gcc")) out_.has_debug_option = true;
    if (argument.starts_with("-o") && argument.size() > 2 && !argument.starts_with("-objc")) out_.output = argument.substr(2);
    pass(argument);
    if (!holds(kTakeNext, argument) || next_ + 1 == arguments_.size()) return;
    const std::string& value = arguments_[++next_];
    if (argument == "-o") out_.output = value;
    if (argument == "-x") out_.has_sources = out_.has_sources || value != "none";
    pass(value);
  }

  void input(const std::string& path) {
    out_.has_inputs = true;
    out_.passed.push_back(path);
    if (is_object(path)) return out_.objects.push_back(path);
    out_.has_sources = true;
    if (out_.source.empty() && path != "-") out_.source = path;
  }

  void pass(const std::string& argument) {
    if (!argument.empty()) out_.passed.push_back(argument);
  }

  std::vector<std::string> arguments_;
  size_t next_ = 0;
  bool stops_ = false;
  Invocation out_;
};

Status check_domains(std::vector<std::string>& domains) {
  for (const std::string& domain : domains)
    if (!holds(kDomains, domain))
      return invalid("there is no domain \"" + domain + "\"; there are " +
                     join(std::vector<std::string>(kDomains.begin(), kDomains.end()), ", ") + ", and your own by --domain-file");
  std::sort(domains.begin(), domains.end());
  domains.erase(std::unique(domains.begin(), domains.end()), domains.end());
  return {};
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 3 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Status check_allocators(const std::vector<std::string>& allocators) {
  for (const std::string& allocator : allocators) {
    const auto parts = parts_of(allocator, ':');
    if (parts.size() < 2 || parts.size() > 3 || !is_number(parts[1]) || !is_number(parts.back()))
      return invalid("--allocator " + allocator +
                     ": an allocator is NAME:ARGUMENT or NAME:ARGUMENT:COUNT, with arguments counted from 0, "
                     "as in my_malloc:0 or my_calloc:1:0");
  }
  return {};
}

}  // namespace

std::span<const std::string_view> domain_names() { return kDomains; }

Result<Invocation> read_invocation(std::span<const std::string> arguments,
                                   const std::function<std::optional<std::string>(const char*)>& environment) {
  std::vector<std::string> all;
  expand(arguments, all, 0);
  TRY_ASSIGN(Invocation invocation, Reader(std::move(all)).read());
  CompilerOptions& own = invocation.own;
  if (const auto text = environment("ISOBAR_CC_DOMAINS"); text && own.domains.empty()) own.domains = parts_of(*text, ',');
  if (const auto text = environment("ISOBAR_CC_DOMAIN_FILE"); text && own.own_domains.empty()) own.own_domains = parts_of(*text, ':');
  if (const auto text = environment("ISOBAR_CC_ALLOCATORS"); text && own.allocators.empty()) own.allocators = parts_of(*text, ',');
  if (const auto text = environment("ISOBAR_CC_DIFF"); text && own.diff.empty()) own.diff = *text;
  if (const auto text = environment("ISOBAR_CC_CLANG"); text && own.clang.empty()) own.clang = *text;
  if (const auto text = environment("ISOBAR_CC_LAUNCHER"); text && own.launcher.empty()) own.launcher = *text;
  if (!own.diff.empty()) own.domains.emplace_back("diff");
  TRY(check_domains(own.domains));
  TRY(check_allocators(own.allocators));
  if (holds(own.domains, "diff") && own.diff.empty())
    return invalid("the domain diff needs to know which lines changed: --diff RANGE, as git diff takes it, such as --diff main");
  return invocation;
}

}  // namespace isobar::fuzz
