/// isobar-cc and isobar-c++: clang with the instrumentation of isobar's fuzzer. Which of the two it is, its name decides.
///
/// It becomes clang where it can; only of a link of a program does it wait for the end, to see that what was linked is fit to be fuzzed.

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "base/text.h"
#include "command.h"
#include "invocation.h"
#include "linked_file.h"
#include "toolchain.h"

namespace isobar::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHelp =
    "isobar-cc, isobar-c++: clang 19, 16 or 14 with the instrumentation of isobar's fuzzer. Everything that clang takes, and:\n"
    "\n"
    "  --domains A,B,…       goals besides coverage: slow, perf, mem, cmp, valid, diff, stack, recursion, loops, lock, io, log\n"
    "  --domain-file FILE    domains of your own, as docs/fuzz.md describes them\n"
    "  --diff RANGE          the domain diff, of the lines that `git diff RANGE` shows as changed\n"
    "  --allocator NAME:ARG[:COUNT]  a function of yours that gives memory, for the domain mem; arguments from 0\n"
    "  --clang PROGRAM       the compiler\n"
    "  --launcher PROGRAM    what runs the compiler: ccache\n"
    "  --list-sites          say how many sites each file has\n"
    "  --allow-uninstrumented  link a program that has no instrumented code\n"
    "  --isobar-help, --isobar-version\n"
    "\n"
    "For build systems that hand no options on: ISOBAR_CC_DOMAINS, ISOBAR_CC_DOMAIN_FILE, ISOBAR_CC_DIFF, ISOBAR_CC_ALLOCATORS, "
    "ISOBAR_CC_CLANG,\n"
    "ISOBAR_CC_LAUNCHER.\n";

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

int fail(const Error& error) {
  std::fprintf(stderr, "isobar-cc: %s\n", error.message().c_str());
  return 1;
}

[[noreturn]] void become(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  std::fprintf(stderr, "isobar-cc: cannot run %s: %s\n", arguments[0], std::strerror(errno));
  _exit(127);
}

int run(const std::vector<std::string>& command) {
  const pid_t child = fork();
  if (child < 0) return fail(errno_error("start the compiler"));
  if (child == 0) become(command);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string what_each_has(const Invocation& invocation) {
  std::string text;
  for (const std::string& object : invocation.objects) {
    const auto file = read_linked_file(object);
    if (!file.ok()) continue;
    for (const std::string& domains : file->domains) text += "\n  " + object + ": " + (domains == "-" ? "none" : domains);
  }
  return text;
}

// A domain of the user's that matches nowhere is a name that is spelt wrong.
Status all_matched(const LinkedFile& linked) {
  for (const std::string& domains : linked.domains)
    for (const std::string_view domain : split(domains, ','))
      if (domain.starts_with("own:") && linked.matched.count(std::string(domain.substr(4))) == 0)
        return invalid("the domain " + std::string(domain.substr(4)) +
                       " matches nothing in the whole program: is the function that it names called so? C++'s are "
                       "named with their namespace, pool::take, and without arguments");
  return {};
}

// Says why what was linked cannot be fuzzed.
Status judge(const Invocation& invocation) {
  TRY_ASSIGN(const LinkedFile linked, read_linked_file(invocation.output));
  if (linked.domains.size() > 1) {
    std::string sets;
    for (const std::string& domains : linked.domains) sets += (sets.empty() ? "" : "; ") + (domains == "-" ? std::string("none") : domains);
    return invalid(invocation.output + ": its objects were compiled for different domains (" + sets +
                   "). Compile all of them with the same --domains." + what_each_has(invocation));
  }
  if (linked.blocks == 0 && !invocation.shared && !invocation.own.uninstrumented)
    return invalid(invocation.output +
                   " has no instrumented code, so there is nothing to fuzz: was it all compiled by another compiler? Compile what is to be "
                   "fuzzed with isobar-cc -c, too, or say --allow-uninstrumented");
  if (!invocation.shared) TRY(all_matched(linked));
  return {};
}

int link(const Invocation& invocation, const std::vector<std::string>& command) {
  const int status = run(command);
  if (status != 0 || !fs::is_regular_file(invocation.output)) return status;
  const Status judged = judge(invocation);
  if (judged.ok()) return 0;
  std::error_code ignored;
  fs::remove(invocation.output, ignored);
  return fail(judged.error());
}

int compile(bool cplusplus, const std::vector<std::string>& arguments) {
  auto invocation = read_invocation(arguments, environment);
  if (!invocation.ok()) return fail(invocation.error());
  if (invocation->own.help) return std::fputs(kHelp, stdout) < 0;
  if (invocation->own.version) return std::puts("isobar-cc " ISOBAR_VERSION) < 0;
  std::error_code unreadable;
  const fs::path self = fs::read_symlink("/proc/self/exe", unreadable);
  auto toolchain = find_toolchain(self, cplusplus, invocation->own.clang, environment("PATH").value_or("/usr/bin:/bin"));
  if (!toolchain.ok()) return fail(toolchain.error());
  const auto text = plugin_text(*invocation);
  if (!text.ok()) return fail(text.error());
  const std::vector<std::string> command = clang_command(*invocation, *toolchain, *text);
  if (!invocation->links) become(command);
  return link(*invocation, command);
}

}  // namespace
}  // namespace isobar::fuzz

int main(int count, char** values) {
  const std::string name = std::filesystem::path(values[0]).filename();
  return isobar::fuzz::compile(name.find("++") != std::string::npos, std::vector<std::string>(values + 1, values + count));
}
