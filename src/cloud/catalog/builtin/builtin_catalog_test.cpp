// Facts that the built-in lists must agree with: published prices, looked up one by one.

#include "cloud/builtin_catalog.h"

#include <gtest/gtest.h>

#include <set>

#include "cloud/catalog.h"

namespace isobar::cloud {
namespace {

struct Fact {
  std::string_view cloud, region, type, accelerator;
  double count, price;
};

constexpr Fact kFacts[] = {
    {"aws", "us-east-1", "m6i.large", "", 0, 0.096},
    {"aws", "us-east-1", "g4dn.xlarge", "T4", 1, 0.526},
    {"aws", "us-east-2", "g4dn.xlarge", "T4", 1, 0.526},
    {"aws", "us-east-1", "i3.4xlarge", "", 0, 1.248},
    {"aws", "us-east-1", "a1.xlarge", "", 0, 0.102},
    {"aws", "us-east-1", "p5.48xlarge", "H100", 8, 98.32},
    {"gcp", "us-central1", "n2d-standard-2", "", 0, 0.08449},
    {"gcp", "us-central1", "a2-highgpu-1g", "A100", 1, 3.67},
    {"gcp", "us-central1", "a3-highgpu-8g", "H100", 8, 87.83},
    {"gcp", "us-central1", "TPU-VM", "tpu-v6e-8", 1, 21.6},
    {"azure", "eastus", "Standard_D8s_v5", "", 0, 0.384},
    {"azure", "westus2", "Standard_B1s", "", 0, 0.0104},
    {"lambda", "us-east-1", "gpu_8x_v100", "V100", 8, 6.32},
    {"lambda", "europe-central-1", "gpu_1x_a6000", "A6000", 1, 1.09},
    {"runpod", "NL", "2x_A100-80GB_SECURE", "A100-80GB", 2, 2.78},
    {"nebius", "eu-north1", "cpu-d3_4vcpu-16gb", "", 0, 0.0992},
    {"nebius", "us-central1", "gpu-b200-sxm_8gpu-160vcpu-1792gb", "B200", 8, 44.0},
};

std::optional<double> price_of(const Catalog& catalog, const Fact& fact) {
  for (const CloudSection& section : catalog.sections())
    for (const Shape& shape : section.shapes)
      for (std::uint32_t i = 0; i < shape.places.size(); ++i)
        if (shape.cloud == fact.cloud && shape.instance_type == fact.type && shape.accelerator == fact.accelerator &&
            shape.accelerator_count == fact.count && shape.places[i].region == fact.region)
          return shape.places[i].hourly_price;
  return std::nullopt;
}

TEST(BuiltinCatalog, AgreesWithPublishedPrices) {
  const auto catalog = Catalog::open(builtin_catalog(), "/nonexistent");
  ASSERT_TRUE(catalog.ok()) << catalog.error().message();
  for (const Fact& fact : kFacts) {
    const auto price = price_of(*catalog, fact);
    ASSERT_TRUE(price.has_value()) << fact.cloud << " " << fact.region << " " << fact.type;
    EXPECT_NEAR(*price, fact.price, fact.price * 0.002) << fact.cloud << " " << fact.region << " " << fact.type;
  }
}

TEST(BuiltinCatalog, CoversTheCloudsPeopleUseMost) {
  const auto catalog = Catalog::open(builtin_catalog(), "/nonexistent");
  std::set<std::string_view> clouds;
  for (const CloudSection& section : catalog->sections()) clouds.insert(section.cloud);
  for (const char* cloud : {"aws", "azure", "cudo", "do", "gcp", "lambda", "nebius", "oci", "paperspace", "runpod"})
    EXPECT_TRUE(clouds.contains(cloud)) << cloud;
  EXPECT_GT(catalog->rows(), 30000U);
  EXPECT_EQ(catalog->oldest_date(), 20250302U);
}

}  // namespace
}  // namespace isobar::cloud
