#include "cli.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "base/random.h"
#include "base/text.h"

extern char** environ;

namespace isobar::e2e {

namespace {

const fs::path kProgram = fs::path(ISOBAR_BINARY_DIR) / "bin" / "isobar";

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& extra) {
  std::map<std::string, std::string> merged;
  for (char** item = environ; *item; ++item) {
    const std::string_view text = *item;
    merged[std::string(text.substr(0, text.find('=')))] = std::string(text.substr(text.find('=') + 1));
  }
  for (const auto& [name, value] : extra) merged[name] = value;
  std::vector<std::string> words;
  for (const auto& [name, value] : merged) words.push_back(name + "=" + value);
  return words;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> raw;
  for (auto& word : words) raw.push_back(word.data());
  raw.push_back(nullptr);
  return raw;
}

}  // namespace

bool eventually(const std::function<bool()>& condition, Duration deadline) {
  const SystemClock clock;
  const Instant until = clock.now() + deadline;
  while (!condition()) {
    if (clock.now() > until) return false;
    std::this_thread::sleep_for(20ms);
  }
  return true;
}

Running::Running(const std::vector<std::string>& words, const fs::path& folder, const std::map<std::string, std::string>& environment) {
  const std::string tag = secure_random_hex(4);
  out_ = folder / (tag + ".out");
  err_ = folder / (tag + ".err");
  auto arguments = words;
  auto variables = merged_environment(environment);
  auto argv = pointers(arguments), envp = pointers(variables);
  const int out = ::open(out_.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600),
            err = ::open(err_.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0600);
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(nothing, 0);
    ::dup2(out, 1);
    ::dup2(err, 2);
    if (::chdir(folder.c_str()) != 0) ::_exit(126);
    ::execve(argv[0], argv.data(), envp.data());
    ::_exit(127);
  }
  for (const int fd : {out, err, nothing}) ::close(fd);
}

Running::~Running() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

Outcome Running::wait(Duration deadline) {
  int status = 0;
  std::uint64_t memory_kib = 0;
  const auto has_ended = [&] {
    // Not from wait4: that counts what the child shared with this process before it became another program.
    const std::string state = read_file(fmt::format("/proc/{}/status", pid_)).value_or("");
    if (const auto line = state.find("VmHWM:"); line != std::string::npos) memory_kib = std::stoull(state.substr(line + 6));
    return ::waitpid(pid_, &status, WNOHANG) == pid_;
  };
  const bool ended = eventually(has_ended, deadline);
  EXPECT_TRUE(ended) << "still running after the deadline";
  if (ended) pid_ = -1;
  Outcome outcome;
  outcome.exit_code = !ended ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  outcome.memory_bytes = memory_kib << 10;
  outcome.out = read_file(out_).value_or("");
  outcome.err = read_file(err_).value_or("");
  return outcome;
}

std::string Running::out_so_far() const { return read_file(out_).value_or(""); }

void CliTest::SetUp() {
  folder_ = fs::temp_directory_path() / ("isobar-e2e-" + secure_random_hex(5));
  home_ = folder_ / "home";
  fs::create_directories(folder_);
}

void CliTest::TearDown() {
  run({"down", "--all", "--yes"});
  EXPECT_TRUE(eventually([&] { return node_processes().empty(); }, 10s)) << "processes are left behind";
  for (const pid_t pid : node_processes()) ::kill(pid, SIGKILL);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::unique_ptr<Running> CliTest::start(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment) {
  std::vector<std::string> words = {kProgram.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  auto variables = environment;
  variables["ISOBAR_HOME"] = home_.string();
  return std::make_unique<Running>(words, folder_, variables);
}

Outcome CliTest::run(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment) {
  return start(arguments, environment)->wait();
}

std::string CliTest::ok(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment) {
  const auto outcome = run(arguments, environment);
  EXPECT_EQ(outcome.exit_code, 0) << join(arguments, " ") << "\n" << outcome.out << outcome.err;
  return outcome.out;
}

boost::json::array CliTest::json(std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"-o", "json"});
  return boost::json::parse(ok(arguments)).as_array();
}

std::string CliTest::status_of(const std::string& cluster) {
  for (const auto& item : json({"status"}))
    if (item.at("name").as_string() == cluster) return std::string(item.at("status").as_string());
  return "";
}

std::string CliTest::write(const std::string& name, const std::string& text) {
  fs::create_directories((folder_ / name).parent_path());
  EXPECT_TRUE(write_file(folder_ / name, text, Durability::kCache).ok());
  return (folder_ / name).string();
}

std::vector<pid_t> CliTest::node_processes(const std::string& word) const {
  std::vector<pid_t> found;
  for (const auto& entry : fs::directory_iterator("/proc")) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string command = read_file(entry.path() / "cmdline").value_or("");
    // Every process of an instance names its folder, or was started with it in its environment.
    const std::string variables = read_file(entry.path() / "environ").value_or("");
    const bool ours = command.find("isobar-node") != std::string::npos &&
                      (command.find(home_.string()) != std::string::npos || variables.find(home_.string()) != std::string::npos);
    if (ours && command.find(word) != std::string::npos) found.push_back(static_cast<pid_t>(std::stol(name)));
  }
  return found;
}

}  // namespace isobar::e2e
