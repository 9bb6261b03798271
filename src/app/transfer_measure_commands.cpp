// transfer measure, transfer profile: how fast gateways are, by data that is made up and thrown away.

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <boost/json.hpp>
#include <thread>

#include "base/text_table.h"
#include "command.h"
#include "interrupt_watch.h"
#include "transfer/measure.h"
#include "transfer/plan_report.h"
#include "transfer_overlay_options.h"

namespace isobar::app {

namespace {

namespace json = boost::json;

struct MeasureOptions {
  OverlayOptions overlay;
  std::string bytes = "1GiB", chunk = "8MiB", most = "1h", under_way = "256MiB", hold = "0s", output;
};

Result<transfer::MeasureRequest> request_of(const MeasureOptions& options) {
  transfer::MeasureRequest request;
  TRY_ASSIGN(const ByteCount bytes, parse_bytes(options.bytes).context("--bytes"));
  TRY_ASSIGN(const ByteCount chunk, parse_bytes(options.chunk).context("--chunk"));
  TRY_ASSIGN(const ByteCount under_way, parse_bytes(options.under_way).context("--under-way"));
  TRY_ASSIGN(request.most, parse_duration(options.most).context("--most"));
  if (bytes.value == 0 || chunk.value == 0 || chunk.value > kGiB)
    return invalid("--chunk must be between 1 byte and 1GiB, and --bytes more than none");
  request.bytes = bytes.value;
  request.chunk_bytes = chunk.value;
  request.bytes_under_way = under_way.value;
  return request;
}

json::object measured_json(const transfer::Measured& measured, const std::vector<transfer::OverlayEdge>& edges) {
  json::array carried;
  for (const auto& edge : edges)
    carried.push_back(json::object{{"from", edge.from}, {"to", edge.to}, {"bytes", edge.bytes}, {"up", edge.up}, {"rtt_ms", edge.rtt_ms}});
  return {{"bytes", measured.bytes},
          {"chunks", measured.chunks},
          {"seconds", measured.seconds},
          {"mbit_per_second", measured.mbit_per_second()},
          {"chunks_per_second", measured.seconds > 0 ? static_cast<double>(measured.chunks) / measured.seconds : 0},
          {"edges", std::move(carried)}};
}

Result<std::string> measure(const Context& context, const MeasureOptions& options) {
  TRY_ASSIGN(const auto request, request_of(options));
  TRY_ASSIGN(auto means, overlay_means(context, options.overlay, {request.bytes}));
  means.request.made_up = true;
  means.request.fleet.chunk_bytes_most = request.chunk_bytes;
  const std::size_t targets = means.request.fleet.target_regions.size();
  means.request.fleet.targets.resize(targets);
  TRY_ASSIGN(auto network, transfer::OverlayNetwork::start(*means.host, means.request));
  const Console& console = context.console();
  if (const auto report = network->report()) console.say(transfer::plan_line(*report));
  TRY_ASSIGN(const auto measured, transfer::measure(*network, targets, request, [&](const transfer::Measured&) {
               for (const auto& event : network->take_events()) console.say(event);
             }));
  for (const auto& event : network->take_events()) console.say(event);
  TRY_ASSIGN(const Duration hold, parse_duration(options.hold).context("--hold"));
  std::this_thread::sleep_for(hold);
  // The gateways tell what each edge carried twice a second.
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  const auto edges = network->edges();
  if (options.output == "json") return json::serialize(measured_json(measured, edges)) + "\n";
  std::string text =
      fmt::format("{} in {} chunks arrived and were verified in {:.2f} s: {:.1f} Mbit/s, {:.0f} chunks/s\n", format_bytes({measured.bytes}),
                  measured.chunks, measured.seconds, measured.mbit_per_second(), static_cast<double>(measured.chunks) / measured.seconds);
  TextTable table({"FROM", "TO", "CARRIED", "RTT (MS)", "STATE"});
  for (const auto& edge : edges)
    table.add({edge.from, edge.to, format_bytes({edge.bytes}), edge.rtt_ms > 0 ? fmt::format("{:.4g}", edge.rtt_ms) : "-",
               edge.up ? "up" : "down"});
  return text + table.render();
}

// A program of two gateways, of which one sends to the other.
transfer::GatewayPrograms pair_programs(const std::string& from, const std::string& to, int connections) {
  using Kind = transfer::Operator::Kind;
  transfer::GatewayPrograms programs{from, {to}, {1}, {}};
  programs.gateways.push_back({from + "/0", from, {{{0}, {Kind::kGenerate, "", 0, {{Kind::kSend, to + "/0", connections, {}}}}}}});
  programs.gateways.push_back({to + "/0", to, {{{0}, {Kind::kReceive, "", 0, {{Kind::kWrite, "", 0, {}}}}}}});
  return programs;
}

struct PairMeasured {
  double gbps = 0;
  double rtt_ms = 0;  // 0: not to be had
};

Result<PairMeasured> measure_pair(transfer::GatewayHost& host, const std::string& from, const std::string& to, int connections,
                                  Duration span) {
  transfer::OverlayRequest request;
  request.programs = pair_programs(from, to, connections);
  request.made_up = true;
  request.fleet.target_regions = {to};
  request.fleet.targets.resize(1);
  TRY_ASSIGN(auto network, transfer::OverlayNetwork::start(host, std::move(request)));
  transfer::MeasureRequest measured;
  measured.bytes = ~std::uint64_t{0} >> 1;
  measured.most = span;
  TRY_ASSIGN(const auto result, transfer::measure(*network, 1, measured));
  PairMeasured pair{result.mbit_per_second() / 1000, 0};
  // What the gateways' kernels have seen of the link is told twice a second.
  for (int i = 0; i < 20 && pair.rtt_ms == 0; ++i) {
    for (const auto& edge : network->edges())
      if (edge.from == from && edge.to == to) pair.rtt_ms = edge.rtt_ms;
    if (pair.rtt_ms == 0) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  return pair;
}

struct ProfileOptions {
  OverlayOptions overlay;
  std::string span = "5s", file;
};

int profile(Context& context, const ProfileOptions& options) {
  const Console& console = context.console();
  const auto span = parse_duration(options.span).context("--time");
  if (!span.ok()) return console.fail(span.error());
  auto host = overlay_host(context, options.overlay);
  if (!host.ok()) return console.fail(host.error());
  const auto regions = (*host)->regions();
  std::string grid = "src,dst,gbps,rtt_ms,date\n";
  const std::string date = format_instant(context.clock().now()).substr(0, 10);
  int failed = 0;
  for (const auto& from : regions)
    for (const auto& to : regions) {
      if (from == to || !(*host)->address(to, 0, from)) continue;
      const auto pair = measure_pair(**host, from, to, options.overlay.connections, *span);
      if (!pair.ok()) {
        ++failed;
        console.say(fmt::format("{} > {}: {}", from, to, pair.error().message()));
        continue;
      }
      const std::string rtt = pair->rtt_ms > 0 ? fmt::format("{:.4g}", pair->rtt_ms) : "";
      console.say(fmt::format("{} > {}: {:.4g} Gbit/s{}", from, to, pair->gbps, rtt.empty() ? "" : fmt::format(", {} ms", rtt)));
      grid += fmt::format("{},{},{:.4g},{},{}\n", from, to, pair->gbps, rtt, date);
    }
  if (options.file.empty()) context.console().print(grid);
  else if (const Status written = write_file(options.file, grid); !written.ok()) return console.fail(written.error());
  return failed == 0 ? kOk : kFailed;
}

}  // namespace

void add_transfer_measure_commands(Commands& commands, CLI::App* transfer_group) {
  auto options = std::make_shared<MeasureOptions>();
  CLI::App* command = commands.add(transfer_group, "measure", "Send made-up data over planned gateways, and tell how fast it arrived.",
                                   [options](Context& context) {
                                     const InterruptWatch watch;
                                     const auto text = measure(context, *options);
                                     if (!text.ok()) return context.console().fail(text.error());
                                     context.console().print(*text);
                                     return static_cast<int>(kOk);
                                   });
  command->add_option("--bytes", options->bytes, "How much goes to each destination.")->capture_default_str();
  command->add_option("--chunk", options->chunk, "In chunks of so many bytes.")->capture_default_str();
  command->add_option("--most", options->most, "Begin no new chunk after so long.")->capture_default_str();
  command->add_option("--under-way", options->under_way, "Bytes under way at once, at most.")->capture_default_str();
  command->add_option("--hold", options->hold, "Keep the gateways for so long afterwards: what they cost when they are idle.")
      ->capture_default_str();
  command->add_option("-o,--output", options->output, "table or json.")->check(CLI::IsMember({"table", "json"}));
  add_overlay_options(*command, options->overlay);

  auto profiled = std::make_shared<ProfileOptions>();
  CLI::App* profile_command =
      commands.add(transfer_group, "profile", "Measure the throughput and round trips between all sites, as a grid to plan with.",
                   [profiled](Context& context) {
                     const InterruptWatch watch;
                     return profile(context, *profiled);
                   });
  profile_command->add_option("--sites", profiled->overlay.sites,
                              "File of the machines: docs/formats/sites.md. In an emulated network: its regions.");
  profile_command->add_option("--time", profiled->span, "How long each pair is measured.")->capture_default_str();
  profile_command->add_option("--connections", profiled->overlay.connections, "TCP connections of a pair (64).")->check(CLI::Range(1, 64));
  profile_command->add_option("-f,--file", profiled->file, "Write the grid here; else it is printed.");
}

}  // namespace isobar::app
