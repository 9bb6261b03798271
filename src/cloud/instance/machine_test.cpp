#include "cloud/machine.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

namespace isobar::cloud {
namespace {

/// A machine's /proc, as far as NVIDIA's driver has written it.
class FakeProc {
 public:
  explicit FakeProc(const std::vector<std::string>& models) {
    for (std::size_t i = 0; i < models.size(); ++i) {
      const auto gpu = path() / "driver/nvidia/gpus" / ("0000:0" + std::to_string(i) + ":00.0");
      std::filesystem::create_directories(gpu);
      std::ofstream(gpu / "information") << "Model: \t\t " << models[i] << "\nIRQ:   \t\t 64\nGPU UUID: \t GPU-0\n";
    }
  }
  ~FakeProc() { std::filesystem::remove_all(path()); }
  std::filesystem::path path() const { return testing::TempDir() + "/proc." + std::to_string(::getpid()); }
};

TEST(Machine, GpusAreFoundAndCalledAsTheCatalogCallsThem) {
  struct Row {
    const char* model;
    const char* name;
  };
  for (const Row& row :
       {Row{"NVIDIA A100-SXM4-80GB", "A100-80GB"}, Row{"NVIDIA A100-SXM4-40GB", "A100"}, Row{"Tesla V100-SXM2-16GB", "V100"},
        Row{"NVIDIA H100 80GB HBM3", "H100"}, Row{"Tesla T4", "T4"}, Row{"NVIDIA L4", "L4"}, Row{"NVIDIA GeForce RTX 4090", "RTX4090"},
        Row{"NVIDIA RTX A6000", "RTXA6000"}, Row{"NVIDIA A10G", "A10G"}, Row{"NVIDIA H200", "H200"}}) {
    const FakeProc proc({row.model, row.model});
    const auto offer = machine_offer(proc.path());
    EXPECT_EQ(offer.accelerator, row.name) << row.model;
    EXPECT_EQ(offer.accelerator_count, 2) << row.model;
  }
}

TEST(Machine, OneWithoutADriverHasNone) {
  const auto offer = machine_offer("/nonexistent");
  EXPECT_EQ(offer.accelerator, "");
  EXPECT_EQ(offer.accelerator_count, 0);
  EXPECT_GE(offer.vcpus, 1);
  EXPECT_GT(offer.memory_gib, 0);
}

}  // namespace
}  // namespace isobar::cloud
