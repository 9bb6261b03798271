#pragma once

/// A campaign's page: its numbers as JSON, one file that shows them without a network, and a server for the time that it runs.

#include <memory>

#include "fuzz/campaign.h"
#include "fuzz/sites.h"

namespace isobar::fuzz {

/// What is drawn: a point for some seconds, kept in the folder so that a campaign that goes on has its whole past.
class History {
 public:
  /// Reads what the folder has. A line that was cut by a kill is left out.
  static Result<History> open(const fs::path& folder);
  /// Adds a point if the last is old enough: a second in the first minutes, a five-hundredth of the campaign's time later.
  Status add(const Progress& progress);
  const std::vector<std::string>& points() const { return points_; }  ///< JSON objects

 private:
  History(fs::path path, std::vector<std::string> points, Duration last)
      : path_(std::move(path)), points_(std::move(points)), last_(last) {}
  fs::path path_;
  std::vector<std::string> points_;
  Duration last_;
};

struct PageFacts {
  std::string target, command, folder;
  bool live = false;
};
std::string page_json(const PageFacts& facts, const Progress& progress, const TargetShape& shape, const SiteTable& sites,
                      const History& history);
/// The whole page in one file. data: page_json's; empty: the page asks its server every second.
std::string page_html(std::string_view data);

/// Serves the page on loopback to whoever asks for it there, by a browser or by curl.
class PageServer {
 public:
  virtual ~PageServer() = default;
  /// port   0: one that is free
  /// Errors   kConflict: the port is taken
  static Result<std::unique_ptr<PageServer>> start(std::uint16_t port);
  virtual std::uint16_t port() const = 0;
  virtual void show(std::string json) = 0;
};

}  // namespace isobar::fuzz
