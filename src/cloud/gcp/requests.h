#pragma once

/// What Compute Engine is asked to make, as JSON. Pure.
/// Source   Compute Engine API reference, v1: instances.insert, firewalls.insert

#include <string>

#include "cloud/cloud_machine.h"

namespace isobar::cloud::gcp {

inline constexpr const char* kLogin = "isobar";       ///< made on the machine by Google's guest agent, with sudo
inline constexpr const char* kNetworkTag = "isobar";  ///< of machines to which the firewall rules apply

struct InsertOrder {
  std::string name;
  std::string network;  ///< "global/networks/default"
  std::string image;    ///< "projects/…/global/images/…"
  std::uint64_t disk_gb = 0;
  std::string public_key_line;
  Mark mark;
};

/// One machine, with its mark in its metadata, and its owner as a label, by which machines are found.
std::string insert_body(const CreateOrder& order, const InsertOrder& machine);

/// Who is let in to machines with the tag.
enum class Ingress {
  kSshFromAnywhere,  ///< TCP 22
  kWithin,           ///< everything from machines with the same tag
};
std::string firewall_name(Ingress ingress);
std::string firewall_body(Ingress ingress, const std::string& network);

/// Of the machines of one cluster, beside kNetworkTag, and the name of the rule that lets its ports in.
std::string cluster_tag(const std::string& owner, const std::string& cluster);
std::string ports_rule_name(const std::string& owner, const std::string& cluster);
/// Its description says whose it is, in the words that `parse_ports_rules` reads.
std::string ports_rule_body(const std::string& owner, const std::string& cluster, const std::string& network, const Ports& ports);
/// How such descriptions begin.
std::string ports_rule_mark(const std::string& owner);

/// A UUID made from the text: repeated with the same one, Compute Engine acts once.
std::string request_id(const std::string& text);

}  // namespace isobar::cloud::gcp
