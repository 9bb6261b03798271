#include "context.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

#include "base/child.h"
#include "base/random.h"
#include "base/text.h"
#include "bucket_mounts.h"
#include "cloud/azure_provider.h"
#include "cloud/builtin_catalog.h"
#include "cloud/ec2_provider.h"
#include "cloud/gcp_provider.h"
#include "cloud/lambda_provider.h"
#include "cloud/local_provider.h"
#include "cloud/machine_setup.h"
#include "cloud/openstack_provider.h"
#include "cloud/runpod_provider.h"
#include "config_file.h"
#include "net/http_client.h"
#include "ssh_entries.h"
#include "storage/surroundings.h"
#include "yaml/yaml_tree.h"

extern char** environ;

namespace isobar::app {

namespace {

fs::path find_home(const std::map<std::string, std::string>& environment) {
  if (const auto own = environment.find("ISOBAR_HOME"); own != environment.end() && !own->second.empty()) return fs::absolute(own->second);
  if (const auto home = environment.find("HOME"); home != environment.end() && !home->second.empty())
    return fs::path(home->second) / ".isobar";
  const passwd* entry = ::getpwuid(::getuid());
  return fs::path(entry && entry->pw_dir ? entry->pw_dir : "/tmp") / ".isobar";
}

std::map<std::string, std::string> read_environment() {
  std::map<std::string, std::string> variables;
  for (char** item = environ; item && *item; ++item) {
    const std::string_view text = *item;
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

}  // namespace

fs::path node_program() {
  const fs::path here = program_folder();
  for (const fs::path& candidate : {here / "isobar-node", here / "../libexec/isobar/isobar-node"})
    if (fs::exists(candidate)) return candidate.lexically_normal();
  return here / "isobar-node";
}

Context::Context() : environment_(read_environment()) { home_ = find_home(environment_); }
Context::~Context() = default;

std::string Context::user() const {
  if (const auto named = environment_.find("USER"); named != environment_.end() && !named->second.empty()) return named->second;
  const passwd* entry = ::getpwuid(::getuid());
  return entry ? entry->pw_name : std::to_string(::getuid());
}

Log& Context::log() {
  if (log_) return *log_;
  // A log that cannot be opened must not stop a command: its folder may be on a full disk.
  const bool made = make_folders(home_ / "logs").ok();
  auto opened = made ? Log::to_file(home_ / "logs" / "isobar.log") : Result<Log>(Log());
  return log_.emplace(opened.ok() ? std::move(opened).value() : Log());
}

Result<broker::Config> Context::config() { return read_config_file(home_ / "config.yaml"); }

const std::map<std::string, cloud::Provider*>& Context::providers() {
  if (owned_providers_.empty()) {
    owned_providers_.push_back(std::make_unique<cloud::LocalProvider>(home_ / "local", node_program(), log()));
    auto pools = std::make_unique<cloud::SshPoolProvider>(ssh_pool_parts(), log());
    ssh_pools_ = pools.get();
    owned_providers_.push_back(std::move(pools));
    owned_providers_.push_back(std::make_unique<cloud::SlurmProvider>(slurm_parts(), log()));
    auto kubernetes = std::make_unique<cloud::KubernetesProvider>(kubernetes_parts(), log());
    kubernetes_ = kubernetes.get();
    owned_providers_.push_back(std::move(kubernetes));
    add_cloud_providers();
    for (const auto& provider : owned_providers_) providers_[provider->name()] = provider.get();
  }
  return providers_;
}

// Clouds that are asked over HTTP, and boot machines that are then made into nodes over SSH.
void Context::add_cloud_providers() {
  const auto surroundings = storage::Surroundings::of_process();
  net::HttpClient::Options options;
  options.loops = 1;
  options.ca_bundle = surroundings.variable_or("AWS_CA_BUNDLE");
  options.proxies = net::ProxyRules::from(surroundings.variable);
  auto private_options = options;
  // A private cloud often has an authority of its own, which no other is to be trusted by.
  if (const auto authority = cloud::openstack_authority(surroundings); !authority.empty()) private_options.ca_bundle = authority;
  private_cloud_http_ = std::make_unique<net::LazyHttpClient>(std::move(private_options));
  cloud_http_ = std::make_unique<net::LazyHttpClient>(std::move(options));
  machine_setup_ = std::make_unique<cloud::MachineSetup>(
      cloud::MachineSetup::Parts{.folder = home_ / "machines",
                                 .cache = home_ / "cache",
                                 .node_program = node_program(),
                                 .owner = owner(),
                                 .user = user(),
                                 .shell_of =
                                     [this](const cloud::SshTarget& target, const std::string& machine) {
                                       auto settings = ssh_settings();
                                       // A machine is known by its name in the cloud: addresses are given to others, and change.
                                       settings.known_hosts_file = known_machines();
                                       settings.host_key_alias = "isobar-" + machine;
                                       settings.accept_new_host_keys = true;
                                       return cloud::make_ssh_shell(target, settings);
                                     }},
      log());
  owned_providers_.push_back(std::make_unique<cloud::Ec2Provider>(
      cloud::Ec2Provider::Parts{.settings = {.home = home_, .owner = owner(), .profile = {}, .image = {}},
                                .surroundings = surroundings,
                                .transport = *cloud_http_,
                                .clock = clock_,
                                .log = log(),
                                .setup = *machine_setup_,
                                .sleep = {}}));
  const cloud::MachineParts parts{.home = home_, .owner = owner(), .clock = clock_, .log = log(), .setup = *machine_setup_, .sleep = {}};
  owned_providers_.push_back(std::make_unique<cloud::LambdaProvider>(parts, surroundings, *cloud_http_));
  owned_providers_.push_back(std::make_unique<cloud::GcpProvider>(parts, surroundings, *cloud_http_));
  owned_providers_.push_back(std::make_unique<cloud::RunPodProvider>(parts, surroundings, *cloud_http_));
  owned_providers_.push_back(std::make_unique<cloud::AzureProvider>(parts, surroundings, *cloud_http_));
  // What is wrong with the file is told by `config`, without which nothing is launched.
  owned_providers_.push_back(std::make_unique<cloud::OpenStackProvider>(parts, read_openstack_settings(home_ / "config.yaml").value_or({}),
                                                                        surroundings, *private_cloud_http_));
}

cloud::SshPoolProvider& Context::ssh_pools() {
  providers();
  return *ssh_pools_;
}

cloud::KubernetesProvider& Context::kubernetes() {
  providers();
  return *kubernetes_;
}

std::string Context::owner() {
  const auto file = home_ / "owner";
  if (const auto before = read_file(file); before.ok() && !trim(*before).empty()) return std::string(trim(*before));
  const auto made = secure_random_hex(8);
  // The first of two that make it at once stands.
  if (!make_folders(home_).ok() || !write_file(home_ / ("owner." + made), made + "\n").ok()) return made;
  std::error_code there;
  fs::create_hard_link(home_ / ("owner." + made), file, there);
  std::error_code ignored;
  fs::remove(home_ / ("owner." + made), ignored);
  const auto stands = read_file(file);
  return stands.ok() ? std::string(trim(*stands)) : made;
}

cloud::SshSettings Context::ssh_settings() {
  cloud::SshSettings settings;
  settings.socket_folder = home_ / "ssh" / "open";
  if (const auto file = environment_.find("ISOBAR_SSH_CONFIG"); file != environment_.end()) settings.config_file = file->second;
  return settings;
}

cloud::SshPoolProvider::Parts Context::ssh_pool_parts() {
  const auto user_home = environment_.find("HOME");
  return {.pools_file = home_ / "ssh_node_pools.yaml",
          .home = user_home == environment_.end() ? "" : user_home->second,
          .folder = home_ / "ssh",
          .cache = home_ / "cache",
          .node_program = node_program(),
          .owner = owner(),
          .shell_of = [this](const cloud::SshTarget& target) {
            auto settings = ssh_settings();
            settings.accept_new_host_keys = accept_new_host_keys_;
            return cloud::make_ssh_shell(target, settings);
          }};
}

cloud::SlurmProvider::Parts Context::slurm_parts() {
  const auto user_home = environment_.find("HOME");
  const fs::path config = fs::path(user_home == environment_.end() ? "" : user_home->second) / ".slurm" / "config";
  return {.config_file = config,
          .folder = home_ / "slurm_clusters",
          .cache = home_ / "cache",
          .node_program = node_program(),
          .owner = owner(),
          .shell_of = [this, config](const std::string& cluster, bool this_machine) -> std::unique_ptr<cloud::RemoteShell> {
            if (this_machine) return std::make_unique<cloud::LocalShell>();
            auto settings = ssh_settings();
            settings.config_file = config;
            return cloud::make_ssh_shell({.host = cluster}, settings);
          }};
}

cloud::KubernetesProvider::Parts Context::kubernetes_parts() {
  const auto variable = [this](const std::string& name) -> std::optional<std::string> {
    const auto found = environment_.find(name);
    return found == environment_.end() ? std::nullopt : std::optional(found->second);
  };
  // What is wrong with the file is told by `config`, without which nothing is launched.
  return {.variable = variable,
          .user_home = variable("HOME").value_or(""),
          .folder = home_ / "kubernetes",
          .cache = home_ / "cache",
          .node_program = node_program(),
          .owner = owner(),
          .allowed_contexts = read_allowed_contexts(home_ / "config.yaml").value_or({}),
          .clock = clock_};
}

Result<cloud::Catalog> Context::catalog() {
  TRY_ASSIGN(auto catalog, cloud::Catalog::open(cloud::builtin_catalog(), catalog_folder()));
  std::vector<cloud::Offer> own;
  for (const auto& [name, provider] : providers())
    for (auto& offer : provider->own_offers()) own.push_back(std::move(offer));
  TRY(catalog.add(own));
  return catalog;
}

// `ssh CLUSTER` works while the cluster is there. That it could not be arranged is no reason for a launch to fail.
void Context::keep_ssh_entries(const std::string& cluster, const std::vector<cloud::Instance>& nodes) {
  const auto settings = ssh_settings();
  const auto user_home = environment_.find("HOME");
  const fs::path user_config = !settings.config_file.empty()
                                   ? settings.config_file
                                   : fs::path(user_home == environment_.end() ? "" : user_home->second) / ".ssh/config";
  const SshEntries entries(home_ / "ssh" / "clusters.d", user_config);
  std::vector<std::string> resolved;
  for (const auto& node : nodes) {
    resolved.emplace_back();
    if (node.ssh.host.empty()) continue;
    std::vector<std::string> words = {settings.program, "-G"};
    if (!settings.config_file.empty()) words.insert(words.end(), {"-F", settings.config_file.string()});
    if (!node.ssh.user.empty()) words.insert(words.end(), {"-l", node.ssh.user});
    if (!node.ssh.identity_file.empty()) words.insert(words.end(), {"-i", node.ssh.identity_file});
    if (node.ssh.port != 0) words.insert(words.end(), {"-p", fmt::to_string(node.ssh.port)});
    if (!node.ssh_machine.empty())
      words.insert(words.end(), {"-o", "HostKeyAlias=isobar-" + node.ssh_machine, "-o",
                                 fmt::format("UserKnownHostsFile=\"{}\"", known_machines().string())});
    words.push_back(node.ssh.host);
    if (auto said = run_child(words, {}, std::chrono::seconds(10)); said.ok() && said->exit_code == 0)
      resolved.back() = std::move(said->out);
  }
  const auto kept = nodes.empty() ? entries.remove(cluster) : entries.write(cluster, nodes, resolved);
  if (!kept.ok()) log().warn("ssh_entries_not_kept", {{"cluster", cluster}, {"why", kept.error().message()}});
}

Result<broker::Broker*> Context::broker() {
  if (broker_) return broker_.get();
  TRY_ASSIGN(const auto settings, config());
  TRY(make_folders(home_ / "locks"));
  // What runs where, and as whom, is nobody else's business.
  std::error_code ignored;
  fs::permissions(home_, fs::perms::owner_all, ignored);
  TRY_ASSIGN(auto state, broker::StateStore::open(home_ / "state.db"));
  state_.emplace(std::move(state));
  broker_ = std::make_unique<broker::Broker>(broker::BrokerParts{
      settings, home_ / "locks", *state_, providers(), clock_, log(), [this](const std::string& line) { console_.say(line); },
      [this](const auto& cluster, const auto& nodes) { keep_ssh_entries(cluster, nodes); }, nullptr, mount_order_of});
  return broker_.get();
}

}  // namespace isobar::app
