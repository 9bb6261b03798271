#include "cloud/instance_folder.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include "base/random.h"

namespace isobar::cloud {
namespace {

TEST(InstanceFolder, WhatIsMountedInAHomeIsNotRemovedWithIt) {
  const fs::path root = fs::temp_directory_path() / ("isobar-instance-" + secure_random_hex(6));
  const InstanceFolder folder(root / "node");
  ASSERT_TRUE(make_folders(root / "bucket").ok());
  ASSERT_TRUE(make_folders(folder.home() / "d").ok());
  ASSERT_TRUE(write_file(root / "bucket" / "object", "kept", Durability::kCache).ok());
  const bool mounted = ::mount((root / "bucket").c_str(), (folder.home() / "d").c_str(), nullptr, MS_BIND, nullptr) == 0;
  if (mounted) {
    EXPECT_TRUE(folder.remove().ok());
    EXPECT_FALSE(folder.exists());
    EXPECT_EQ(read_file(root / "bucket" / "object").value_or("lost"), "kept");
  }
  fs::remove_all(root);
  if (!mounted) GTEST_SKIP() << "mounting takes root";
}

}  // namespace
}  // namespace isobar::cloud
