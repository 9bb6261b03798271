#include <fmt/format.h>

#include <boost/json.hpp>

#include "transfer/program.h"

namespace isobar::transfer {

namespace {

namespace json = boost::json;

constexpr std::size_t kBytesMax = 16 << 20, kGatewaysMax = 10'000, kPartitionsMax = 1'000, kChildrenMax = 10'000, kProgramsMax = 1'000;
constexpr int kDepthMax = 8;
constexpr std::string_view kNames[] = {"read", "generate", "receive", "mux_and", "mux_or", "send", "write"};

std::string quoted(std::string_view text) { return json::serialize(json::string(text)); }

std::string list(const auto& items, auto&& render) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + render(item);
  return "[" + text + "]";
}

void write(const Operator& at, int depth, std::string& out) {
  const std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
  out += fmt::format("{}{{\"op\": \"{}\"", indent, kNames[static_cast<std::size_t>(at.kind)]);
  if (at.kind == Operator::Kind::kSend) out += fmt::format(", \"to\": {}, \"connections\": {}", quoted(at.to), at.connections);
  if (!at.children.empty()) {
    out += ", \"children\": [\n";
    for (std::size_t i = 0; i < at.children.size(); ++i) {
      write(at.children[i], depth + 1, out);
      out += i + 1 < at.children.size() ? ",\n" : "\n";
    }
    out += indent + "]";
  }
  out += "}";
}

/// A value and where it stands, for messages.
struct Node {
  const json::value& value;
  std::string path;
};

Error error_at(const Node& node, std::string_view what) {
  return invalid(fmt::format("{}: {}", node.path.empty() ? "the file" : node.path, what));
}

Result<const json::object*> object_at(const Node& node, std::initializer_list<std::string_view> keys) {
  if (!node.value.is_object()) return error_at(node, "an object {…} belongs here");
  for (const auto& [key, value] : node.value.get_object()) {
    bool known = false;
    for (const auto name : keys) known |= name == std::string_view(key.data(), key.size());
    if (!known) return error_at(node, fmt::format("'{}' is not known here", std::string_view(key.data(), key.size())));
  }
  return &node.value.get_object();
}

Result<Node> member(const Node& node, std::string_view key) {
  const auto* found = node.value.get_object().if_contains(key);
  if (!found) return error_at(node, fmt::format("'{}' is missing", key));
  return Node{*found, node.path.empty() ? std::string(key) : fmt::format("{}.{}", node.path, key)};
}

Result<std::string> text_of(const Node& node, std::string_view key) {
  TRY_ASSIGN(const Node at, member(node, key));
  if (!at.value.is_string() || at.value.get_string().size() > 256) return error_at(at, "a text of at most 256 bytes belongs here");
  return std::string(at.value.get_string());
}

Result<int> number_of(const Node& at, int most) {
  if (!at.value.is_int64() || at.value.get_int64() < 0 || at.value.get_int64() > most)
    return error_at(at, fmt::format("a whole number from 0 to {} belongs here", most));
  return static_cast<int>(at.value.get_int64());
}

template <class Read>
Status each(const Node& node, std::string_view key, std::size_t most, Read&& read) {
  TRY_ASSIGN(const Node at, member(node, key));
  if (!at.value.is_array()) return error_at(at, "a list […] belongs here");
  const auto& array = at.value.get_array();
  if (array.size() > most) return error_at(at, fmt::format("{} entries; at most {} are read", array.size(), most));
  for (std::size_t i = 0; i < array.size(); ++i) TRY(read(Node{array[i], fmt::format("{}[{}]", at.path, i)}));
  return {};
}

Result<Operator> operator_at(const Node& node, int depth) {
  if (depth > kDepthMax) return error_at(node, fmt::format("operators are more than {} deep", kDepthMax));
  TRY_ASSIGN(const auto* object, object_at(node, {"op", "to", "connections", "children"}));
  TRY_ASSIGN(const std::string name, text_of(node, "op"));
  const auto known = std::find(std::begin(kNames), std::end(kNames), name);
  if (known == std::end(kNames)) return error_at(node, fmt::format("no operator '{}'; there are {}", name, fmt::join(kNames, ", ")));
  Operator read{static_cast<Operator::Kind>(known - std::begin(kNames)), "", 0, {}};
  if (read.kind == Operator::Kind::kSend) {
    TRY_ASSIGN(read.to, text_of(node, "to"));
    TRY_ASSIGN(const Node connections, member(node, "connections"));
    TRY_ASSIGN(read.connections, number_of(connections, 1'000'000));
  } else if (object->contains("to") || object->contains("connections")) {
    return error_at(node, "only send has 'to' and 'connections'");
  }
  if (object->contains("children"))
    TRY(each(node, "children", kChildrenMax, [&](const Node& child) -> Status {
      TRY_ASSIGN(Operator below, operator_at(child, depth + 1));
      read.children.push_back(std::move(below));
      return {};
    }));
  return read;
}

Result<GatewayProgram> program_at(const Node& node) {
  TRY(object_at(node, {"partitions", "root"}));
  GatewayProgram program;
  TRY(each(node, "partitions", kPartitionsMax, [&](const Node& partition) -> Status {
    TRY_ASSIGN(const int id, number_of(partition, static_cast<int>(kPartitionsMax)));
    program.partitions.push_back(id);
    return {};
  }));
  TRY_ASSIGN(const Node root, member(node, "root"));
  TRY_ASSIGN(program.root, operator_at(root, 1));
  return program;
}

Result<Gateway> gateway_at(const Node& node) {
  TRY(object_at(node, {"id", "region", "programs"}));
  Gateway gateway;
  TRY_ASSIGN(gateway.id, text_of(node, "id"));
  TRY_ASSIGN(gateway.region, text_of(node, "region"));
  TRY(each(node, "programs", kProgramsMax, [&](const Node& at) -> Status {
    TRY_ASSIGN(GatewayProgram program, program_at(at));
    gateway.programs.push_back(std::move(program));
    return {};
  }));
  return gateway;
}

Result<GatewayPrograms> programs_at(const Node& node) {
  TRY(object_at(node, {"version", "source", "destinations", "shares", "gateways"}));
  TRY_ASSIGN(const Node version, member(node, "version"));
  TRY_ASSIGN(const int number, number_of(version, 1'000'000));
  if (number != 1) return error_at(version, "version 1 is read here; a newer isobar wrote this");
  GatewayPrograms programs;
  TRY_ASSIGN(programs.source, text_of(node, "source"));
  TRY(each(node, "destinations", kPartitionsMax, [&](const Node& at) -> Status {
    if (!at.value.is_string()) return error_at(at, "a region belongs here");
    programs.destinations.emplace_back(at.value.get_string());
    return {};
  }));
  TRY(each(node, "shares", kPartitionsMax, [&](const Node& at) -> Status {
    if (!at.value.is_number()) return error_at(at, "a number belongs here");
    programs.shares.push_back(at.value.to_number<double>());
    return {};
  }));
  TRY(each(node, "gateways", kGatewaysMax, [&](const Node& at) -> Status {
    TRY_ASSIGN(Gateway gateway, gateway_at(at));
    programs.gateways.push_back(std::move(gateway));
    return {};
  }));
  return programs;
}

}  // namespace

std::string programs_json(const GatewayPrograms& programs) {
  std::string out = "{\n  \"version\": 1,\n";
  out += fmt::format("  \"source\": {},\n  \"destinations\": {},\n", quoted(programs.source), list(programs.destinations, quoted));
  out +=
      fmt::format("  \"shares\": {},\n  \"gateways\": [\n", list(programs.shares, [](double share) { return fmt::format("{}", share); }));
  for (std::size_t g = 0; g < programs.gateways.size(); ++g) {
    const Gateway& gateway = programs.gateways[g];
    out += fmt::format("    {{\"id\": {}, \"region\": {}, \"programs\": [\n", quoted(gateway.id), quoted(gateway.region));
    for (std::size_t p = 0; p < gateway.programs.size(); ++p) {
      const GatewayProgram& program = gateway.programs[p];
      out += fmt::format("      {{\"partitions\": {}, \"root\":\n", list(program.partitions, [](int id) { return std::to_string(id); }));
      write(program.root, 4, out);
      out += p + 1 < gateway.programs.size() ? "},\n" : "}\n";
    }
    out += g + 1 < programs.gateways.size() ? "    ]},\n" : "    ]}\n";
  }
  return out + "  ]\n}\n";
}

Result<GatewayPrograms> parse_programs(std::string_view text) {
  if (text.size() > kBytesMax) return invalid(fmt::format("{} bytes; at most {} are read", text.size(), kBytesMax));
  json::error_code failed;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), failed);
  if (failed) return invalid("not JSON: " + failed.message());
  TRY_ASSIGN(GatewayPrograms programs, programs_at({value, ""}));
  TRY(validate(programs));
  return programs;
}

}  // namespace isobar::transfer
