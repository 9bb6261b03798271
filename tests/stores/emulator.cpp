#include "emulator.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>

#include "base/text.h"

namespace isobar::stores {

namespace {
std::string read_line(int fd) {
  std::string line;
  for (char c; ::read(fd, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}
}  // namespace

Result<Emulator> Emulator::start(const std::string& name) {
  return start_script(ISOBAR_SOURCE_DIR "/tests/stores/emulator.py", {name, ISOBAR_EMULATORS});
}

Result<Emulator> Emulator::start_script(const std::string& script, const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"python3", script};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int to_child[2], from_child[2];
  if (::pipe2(to_child, O_CLOEXEC) != 0 || ::pipe2(from_child, O_CLOEXEC) != 0) return errno_error("make a pipe");
  Fd input(to_child[0]), output(from_child[1]), answers(from_child[0]);
  Emulator emulator;
  emulator.stdin_ = Fd(to_child[1]);
  emulator.pid_ = ::fork();
  if (emulator.pid_ < 0) return errno_error("fork");
  if (emulator.pid_ == 0) {
    ::dup2(input.get(), STDIN_FILENO);
    ::dup2(output.get(), STDOUT_FILENO);
    ::execvp("python3", argv.data());
    ::_exit(127);
  }
  input.reset();
  output.reset();
  const std::string line = read_line(answers.get());
  if (!line.starts_with("READY "))
    return unavailable((arguments.empty() ? script : arguments.front()) + ": " +
                       (line.starts_with("SKIP ") ? line.substr(5) : "python3 did not start it"));
  emulator.port_ = static_cast<std::uint16_t>(std::atoi(line.c_str() + 6));
  return emulator;
}

Emulator::~Emulator() {
  if (!stdin_) return;
  stdin_.reset();  // the script ends what it started
  ::waitpid(pid_, nullptr, 0);
}

}  // namespace isobar::stores
