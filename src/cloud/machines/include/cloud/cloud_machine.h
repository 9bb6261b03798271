#pragma once

/// A machine that a cloud made for us, whatever the cloud; and the mark that it carries from the call that makes it, so that whoever
/// finds it knows whose it is, which node it is and how to get in, with no record but the cloud's own. Pure.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cloud/provider.h"

namespace isobar::cloud {

inline constexpr int kNodesMost = 1000;  ///< of one cluster
inline constexpr int kGenerationsMost = 1'000'000;

/// The names under which clouds keep a mark: keys of tags, labels or metadata, or names of variables.
inline constexpr const char* kClusterTag = "isobar-cluster";
inline constexpr const char* kRankTag = "isobar-rank";
inline constexpr const char* kNodesTag = "isobar-nodes";
inline constexpr const char* kTokenTag = "isobar-token";
inline constexpr const char* kGenerationTag = "isobar-generation";
inline constexpr const char* kOwnerTag = "isobar-owner";
inline constexpr const char* kZoneTag = "isobar-zone";
inline constexpr const char* kLoginTag = "isobar-login";
inline constexpr const char* kVcpusTag = "isobar-vcpus";
inline constexpr const char* kGpusTag = "isobar-gpus";

struct Mark {
  std::string cluster;
  int rank = -1;       ///< identity within the cluster, for life; −1: a mark that is missing or was tampered with
  int nodes = 0;       ///< how many there are, so that a lost one is noticed
  std::string token;   ///< the order that made it
  int generation = 0;  ///< of the replacement that made it; 0: it is of the launch
  std::string owner;   ///< whose isobar: several people may share an account
  std::string zone;    ///< as the offer named it
  std::string login;   ///< the user of the image
  double vcpus = 0, gpus = 0;
};

Mark mark_for(const CreateOrder& order, const std::string& owner, int rank, const std::string& login);
/// Under the names above. Empty fields are left out, as some clouds take no empty values.
std::map<std::string, std::string> tags_of(const Mark& mark);
/// Fields that are missing or wrong are empty, 0 or −1.
Mark read_mark(const std::map<std::string, std::string>& tags);

struct CloudMachine {
  std::string id;  ///< by which the cloud takes orders
  InstanceState state = InstanceState::kPending;
  std::string region, zone;
  std::string private_address, public_address;
  int ssh_port = 0;                                                        ///< of the public address; 0: the usual one
  std::optional<std::map<std::uint16_t, std::uint16_t>> outer_ports = {};  ///< at the public address, where those differ; none: they do not
  bool spot = false;
  std::string reason_code, reason;  ///< why it is in this state: the cloud's own; empty: as it was told to
  bool taken_away = false;          ///< a spot machine that is gone, or stopped, because the cloud wanted it back
  Mark mark;

  bool is_gone() const { return state == InstanceState::kTerminated; }
};

/// identity_file  of our key
Instance instance_of(const CloudMachine& machine, const fs::path& identity_file);

/// Which machines are meant: all of an owner's, of a cluster's, of an order's.
struct Wanted {
  std::string owner;
  std::optional<std::string> cluster, token;
  std::optional<int> generation = {};
  bool live_only = false;  ///< those that are gone may be left out

  bool covers(const Mark& mark) const {
    return mark.owner == owner && !mark.cluster.empty() && (!cluster || *cluster == mark.cluster) && (!token || *token == mark.token) &&
           (!generation || *generation == mark.generation);
  }
};

std::vector<std::string> ids_of(const std::vector<CloudMachine>& machines);

}  // namespace isobar::cloud
