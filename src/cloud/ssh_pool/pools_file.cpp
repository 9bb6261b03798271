#include "pools_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "yaml/field_reader.h"

namespace isobar::cloud {

namespace {

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 63 &&
         std::all_of(name.begin(), name.end(),
                     [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
                              c == '.';
                     }) &&
         name.front() != '.' && name.front() != '-';
}

/// What ssh is given as a word must not look like an option of its, nor hold what no host name holds.
bool is_host(std::string_view host) {
  return !host.empty() && host.front() != '-' && host.size() <= 255 &&
         std::all_of(host.begin(), host.end(), [](char c) { return c > ' ' && c != 0x7f && c != '/' && c != '\'' && c != '"'; });
}

class PoolReader {
 public:
  PoolReader(std::string home, Problems& problems) : home_(std::move(home)), problems_(problems) {}

  Pool read(const std::string& name, const YamlNode& node) {
    Pool pool{name, {}};
    FieldReader reader(node, name, problems_);
    PoolHost defaults;
    read_ways(reader, defaults);
    const YamlNode* hosts = reader.get("hosts");
    if (!hosts || hosts->kind != YamlNode::Kind::kSequence || hosts->items.empty()) {
      reader.report("hosts", "a list of machines is expected here: addresses, names of ssh_config, or maps with `ip`");
    } else {
      for (std::size_t i = 0; i < hosts->items.size(); ++i)
        pool.hosts.push_back(read_host(hosts->items[i], fmt::format("{}.hosts[{}]", name, i), defaults));
    }
    reader.finish();
    std::set<SshTarget> seen;
    for (const auto& host : pool.hosts)
      if (!host.target.host.empty() && !seen.insert(host.target).second)
        problems_.add(node.mark, name + ".hosts", fmt::format("{} is listed twice", describe(host.target)));
    return pool;
  }

 private:
  void read_ways(FieldReader& reader, PoolHost& into) {
    reader.text("user", into.target.user);
    if (!into.target.user.empty() && !is_host(into.target.user)) reader.report("user", fmt::format("'{}' is no login", into.target.user));
    if (reader.text("identity_file", into.target.identity_file) && into.target.identity_file.starts_with("~/"))
      into.target.identity_file = home_ + into.target.identity_file.substr(1);
    reader.text("password", into.password);
    if (into.password.find('\n') != std::string::npos) reader.report("password", "a password is one line");
    reader.integer("port", into.target.port, 1, 65535);
  }

  PoolHost read_host(const YamlNode& node, const std::string& path, const PoolHost& defaults) {
    PoolHost host = defaults;
    if (node.kind == YamlNode::Kind::kMap) {
      FieldReader reader(node, path, problems_);
      reader.text("ip", host.target.host);
      if (host.target.host.empty()) reader.report("ip", "which machine? Give its address, or its name in ssh_config");
      read_ways(reader, host);
      reader.finish();
    } else if (auto text = scalar_text(node, path, problems_, "an address, or a map with `ip`")) {
      host.target.host = *text;
    }
    // "ada@gpu1" is what people type for ssh.
    if (const auto at = host.target.host.find('@'); at != std::string::npos) {
      host.target.user = host.target.host.substr(0, at);
      host.target.host.erase(0, at + 1);
    }
    if (!host.target.host.empty() && !is_host(host.target.host))
      problems_.add(node.mark, path, fmt::format("'{}' cannot be a machine's name", host.target.host));
    return host;
  }

  std::string home_;
  Problems& problems_;
};

}  // namespace

Result<std::vector<Pool>> parse_pools(std::string_view yaml, const std::string& file_name, const std::string& home) {
  TRY_ASSIGN(const auto documents, read_yaml(yaml, file_name));
  Problems problems(file_name);
  std::vector<Pool> pools;
  if (documents.empty()) return pools;
  FieldReader top(documents[0], "", problems);
  PoolReader reader(home, problems);
  for (const auto& field : top.free_fields()) {
    if (!is_name(field.key.text))
      problems.add(field.key.mark, field.key.text,
                   "a pool's name is of letters, digits, '-', '_' and '.', and begins with neither '.' nor '-'");
    pools.push_back(reader.read(field.key.text, field.value));
  }
  if (!problems.empty()) return invalid(problems.text());
  return pools;
}

}  // namespace isobar::cloud
