// Any bytes as the answer of each of Slurm's programs: no crash, and what is read from them obeys its own types.

#include "slurm_commands.h"
#include "slurm_offers.h"
#include "slurm_reasons.h"

namespace {

void try_jobs(const isobar::Result<std::vector<isobar::cloud::SlurmJobState>>& jobs) {
  if (!jobs.ok()) return;
  for (const auto& job : *jobs) {
    if (job.id.empty() || job.id.find_first_not_of("0123456789") != std::string::npos) __builtin_trap();
    if (isobar::cloud::explain_wait(job).sentence.empty() || isobar::cloud::explain_end(job).empty()) __builtin_trap();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace isobar::cloud;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try_jobs(parse_squeue(text));
  try_jobs(parse_sacct(text));
  try_jobs(parse_scontrol_jobs(text));
  if (explain_refusal("c", 1, text).error.message().empty()) __builtin_trap();
  static constexpr std::string_view kNames[] = {"nodes", "partitions"};
  const auto sections = split_sections(text, kNames);
  SlurmInventory inventory{.version = "22.05", .nodes = parse_nodes(sections.ok() ? sections->at("nodes").text : text)};
  if (auto partitions = parse_partitions(sections.ok() ? sections->at("partitions").text : text); partitions.ok())
    inventory.partitions = std::move(*partitions);
  for (const SlurmOffer& offer : slurm_offers("c", inventory))
    if (offer.room.free < 0 || offer.room.free > offer.room.total || offer.shape.cpus < 1) __builtin_trap();
  return 0;
}
