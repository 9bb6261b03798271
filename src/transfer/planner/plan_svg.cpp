// A picture of a plan that needs nothing beside it: no fonts, scripts or images from elsewhere.
//
// Regions stand where they are on an equirectangular map, cut to those involved and turned so that they lie close together:
// a transfer from Oregon to Tokyo crosses the Pacific, not the page. Where a region's place is not known (a lab, a test) all
// stand in layers instead, by their links from the source. Regions of one city are pushed apart until their dots are.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "builtin_tables.h"
#include "table_reader.h"
#include "transfer/plan_report.h"

namespace isobar::transfer {

namespace {

constexpr double kWidth = 1080, kMapTop = 92, kMapHeight = 520, kMargin = 24, kFooterRow = 24;
constexpr std::size_t kLinksAllLabelled = 8;
constexpr double kDotsApart = 46, kCharWidth = 8, kLabelHeight = 17;

struct Point {
  double x = 0, y = 0;
};
Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
Point operator*(double k, Point a) { return {k * a.x, k * a.y}; }
double length(Point a) { return std::hypot(a.x, a.y); }

struct Box {
  double left = 0, top = 0, right = 0, bottom = 0;
};
double overlap(const Box& a, const Box& b) {
  const double x = std::min(a.right, b.right) - std::max(a.left, b.left), y = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  return x > 0 && y > 0 ? x * y : 0;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else if (c == '&') out += "&amp;";
    else if (c == '"') out += "&quot;";
    else out += c;
  }
  return out;
}

std::string_view colour_of(std::string_view region) {
  const auto provider = provider_of(region);
  if (provider == "aws") return "#d97706";
  if (provider == "azure") return "#2563eb";
  if (provider == "gcp") return "#15803d";
  return "#6b7280";
}

/// From degrees to the page: the window of longitudes and latitudes that the map shows.
struct Window {
  double west = 0, north = 0, scale = 1;  // pixels a degree
  Point at(double longitude, double latitude) const { return {(longitude - west) * scale, kMapTop + (north - latitude) * scale}; }
};

/// Turns longitudes so that they lie in one span, beginning after the widest gap between any two neighbours.
std::vector<double> unrolled(std::vector<double> longitudes) {
  std::vector<double> sorted = longitudes;
  std::sort(sorted.begin(), sorted.end());
  double start = sorted[0], widest = sorted[0] + 360 - sorted.back();
  for (std::size_t i = 1; i < sorted.size(); ++i)
    if (sorted[i] - sorted[i - 1] > widest) widest = sorted[i] - sorted[i - 1], start = sorted[i];
  for (double& longitude : longitudes)
    if (longitude < start - 1e-9) longitude += 360;
  return longitudes;
}

Window window_of(const std::vector<Point>& degrees) {
  double west = 1e9, east = -1e9, south = 1e9, north = -1e9;
  for (const Point& p : degrees) {
    west = std::min(west, p.x), east = std::max(east, p.x);
    south = std::min(south, p.y), north = std::max(north, p.y);
  }
  const double longitudes = std::max((east - west) * 1.45, 34.0), latitudes = std::max((north - south) * 1.6, 18.0);
  const double scale = std::min(kWidth / longitudes, kMapHeight / latitudes);
  // Centred; pulled back from the poles, where there is nothing to see.
  double top = (north + south) / 2 + kMapHeight / scale / 2;
  top = std::clamp(top, std::min(84.0, -56 + kMapHeight / scale), std::max(84.0, -56 + kMapHeight / scale));
  return {(west + east) / 2 - kWidth / scale / 2, top, scale};
}

std::string land(const Window& window) {
  const auto table = Table::parse(builtin_tables().land, "land.csv");
  CHECK(table.ok(), table.error().message());
  std::string path;
  for (const int turn : {-360, 0, 360}) {
    std::string_view outline;
    for (const auto& row : table->rows()) {
      const auto longitude = table->number(row[1], "longitude", -180, 180), latitude = table->number(row[2], "latitude", -90, 90);
      CHECK(longitude.ok() && latitude.ok(), row[0].line);
      const Point p = window.at(*longitude + turn, *latitude);
      if (row[0].text != outline) path += path.empty() ? "M" : "ZM";
      else path += "L";
      path += fmt::format("{:.1f} {:.1f}", p.x, p.y);
      outline = row[0].text;
    }
  }
  return fmt::format("<path class=\"land\" d=\"{}Z\"/>\n", path);
}

/// Every fifteen degrees.
std::string graticule(const Window& window) {
  std::string path;
  for (double longitude = std::ceil(window.west / 15) * 15; (longitude - window.west) * window.scale < kWidth; longitude += 15)
    path += fmt::format("M{:.1f} {}v{}", (longitude - window.west) * window.scale, kMapTop, kMapHeight);
  for (double latitude = std::floor(window.north / 15) * 15; (window.north - latitude) * window.scale < kMapHeight; latitude -= 15)
    path += fmt::format("M0 {:.1f}h{}", kMapTop + (window.north - latitude) * window.scale, kWidth);
  return fmt::format("<path class=\"graticule\" d=\"{}\"/>\n", path);
}

class Picture {
 public:
  explicit Picture(const PlanReport& report) : report_(report) {
    for (const auto& [region, vms] : report.plan.vms) regions_.push_back(region);
  }

  std::string draw() {
    place();
    push_apart();
    const double height = kMapTop + kMapHeight + 50 + kFooterRow * static_cast<double>(report_.baselines.size() + 1);
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" role=\"img\">\n"
        "<style>text{{font-family:system-ui,-apple-system,'Segoe UI','DejaVu Sans',sans-serif;font-size:13px;fill:#1f2937}}"
        ".title{{font-size:19px;font-weight:600}}.dim{{fill:#6b7280}}.number{{text-anchor:end}}.bold{{font-weight:600}}"
        ".land{{fill:#e7ebe4;stroke:#cfd6cb;stroke-width:1}}.graticule{{stroke:#dbe4ee;stroke-width:1;fill:none}}"
        ".flow{{fill:none;stroke:#334155;stroke-opacity:.8;stroke-linecap:round}}.direct{{fill:none;stroke:#94a3b8;stroke-width:1.5;stroke-"
        "dasharray:5 6}}"
        ".halo{{paint-order:stroke;stroke:#fff;stroke-width:4px;stroke-linejoin:round}}.rate{{font-size:12px;font-weight:600;text-anchor:"
        "middle}}</style>\n"
        "<defs><clipPath id=\"map\"><rect x=\"0\" y=\"{2}\" width=\"{0}\" height=\"{3}\"/></clipPath></defs>\n"
        "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
        kWidth, height, kMapTop, kMapHeight);
    out += title();
    out += fmt::format("<rect x=\"0\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#f3f7fb\"/>\n<g clip-path=\"url(#map)\">\n", kMapTop,
                       kWidth, kMapHeight);
    if (window_) out += graticule(*window_) + land(*window_);
    out += "</g>\n";
    out += flows();  // chooses the places of all labels, which lie above the dots
    out += dots();
    out += labels_;
    return out + footer() + "</svg>\n";
  }

 private:
  void place() {
    std::vector<double> longitudes, latitudes;
    for (const auto& region : regions_) {
      const auto place = place_of(region);
      if (!place) return place_in_layers();
      longitudes.push_back(place->longitude_deg);
      latitudes.push_back(place->latitude_deg);
    }
    longitudes = unrolled(longitudes);
    std::vector<Point> degrees;
    for (std::size_t i = 0; i < regions_.size(); ++i) degrees.push_back({longitudes[i], latitudes[i]});
    window_ = window_of(degrees);
    for (std::size_t i = 0; i < regions_.size(); ++i) at_[regions_[i]] = window_->at(degrees[i].x, degrees[i].y);
  }

  void place_in_layers() {
    std::map<std::string, std::size_t> depth = {{report_.plan.source, 0}};
    for (const Route& route : report_.plan.routes)
      for (const auto& [from, to] : route.links) depth[to] = std::max(depth[to], depth[from] + 1);
    std::map<std::size_t, std::vector<std::string>> layers;
    for (const auto& region : regions_) layers[depth[region]].push_back(region);
    const double step = (kWidth - 300) / static_cast<double>(std::max<std::size_t>(1, layers.rbegin()->first));
    for (const auto& [layer, members] : layers)
      for (std::size_t i = 0; i < members.size(); ++i)
        at_[members[i]] = {150 + step * static_cast<double>(layer),
                           kMapTop + kMapHeight * static_cast<double>(2 * i + 1) / static_cast<double>(2 * members.size()) +
                               30 * static_cast<double>(layer % 2)};
  }

  void push_apart() {
    for (int round = 0; round < 200; ++round)
      for (std::size_t i = 0; i < regions_.size(); ++i)
        for (std::size_t j = i + 1; j < regions_.size(); ++j) {
          Point& a = at_[regions_[i]];
          Point& b = at_[regions_[j]];
          Point apart = b - a;
          double far = length(apart);
          if (far >= kDotsApart) continue;
          if (far < 1e-3) {
            const double angle = 2.4 * static_cast<double>(i + j);
            apart = {std::cos(angle), std::sin(angle)};
            far = 1;
          }
          const Point push = (kDotsApart - length(b - a)) / 4 / far * apart;
          a = a - push;
          b = b + push;
        }
    for (auto& [region, p] : at_) p = {std::clamp(p.x, 30.0, kWidth - 30), std::clamp(p.y, kMapTop + 34, kMapTop + kMapHeight - 34)};
  }

  std::string title() const {
    const RoutedPlan& plan = report_.plan;
    std::string to = fmt::format("{}", fmt::join(plan.destinations, ", "));
    if (to.size() > 70) to = fmt::format("{} regions", plan.destinations.size());
    return fmt::format(
        "<text class=\"title\" x=\"{0}\" y=\"40\">{1} from {2} to {3}</text>\n<text class=\"dim\" x=\"{0}\" y=\"66\">{4}</text>\n", kMargin,
        escaped(format_bytes(report_.bytes)), escaped(plan.source), escaped(to), escaped(report_.goal));
  }

  /// A link bends to its right, so that a pair of opposite links is two.
  static Point bend(Point from, Point to) {
    const Point way = to - from;
    return 0.5 * (from + to) + 0.14 * Point{way.y, -way.x};
  }

  std::string flows() {
    for (const PlannedLink& link : report_.links) most_gbps_ = std::max(most_gbps_, link.gbps);
    std::string out;
    for (const auto& destination : report_.plan.destinations) {
      if (has_link(report_.plan.source, destination)) continue;
      const Point a = at_[report_.plan.source], b = at_[destination];
      out += fmt::format("<path class=\"direct\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}\"/>\n", a.x, a.y, b.x, b.y);
    }
    std::string labels;
    for (const auto& region : regions_) labels += region_label(region);
    for (const PlannedLink& link : report_.links) {
      const Point a = at_[link.from], b = at_[link.to], middle = bend(a, b);
      const double width = 1.6 + 7 * link.gbps / most_gbps_;
      const double head = 6 + width * 1.2;
      // The line ends where the arrow begins, and the arrow at the rim of the dot.
      const Point into = 1 / std::max(1e-9, length(b - middle)) * (b - middle);
      const Point tip = b - 11 * into, neck = tip - head * into, side = head * 0.5 * Point{-into.y, into.x};
      out += fmt::format("<path class=\"flow\" stroke-width=\"{:.1f}\" d=\"M{:.1f} {:.1f}Q{:.1f} {:.1f} {:.1f} {:.1f}\"/>\n", width, a.x,
                         a.y, middle.x, middle.y, neck.x, neck.y);
      const Point left = neck - side, right = neck + side;
      out += fmt::format("<path fill=\"#334155\" d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}Z\"/>\n", tip.x, tip.y, left.x, left.y,
                         right.x, right.y);
      labels += rate_label(link, a, middle, b);
    }
    labels_ += labels;
    return out;
  }

  /// Where on its line, or a little beside it, a rate gets least in the way. Among many links the thin ones and
  /// those that find no room go without: their width still tells.
  std::string rate_label(const PlannedLink& link, Point a, Point middle, Point b) {
    const std::string text = fmt::format("{:.3g} Gbit/s", link.gbps);
    const double half = static_cast<double>(text.size()) * kCharWidth / 2;
    Box best;
    double least = 1e18;
    for (const double t : {0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8})
      for (const double beside : {0.0, -20.0, 20.0, -36.0, 36.0, -54.0, 54.0}) {
        const Point p = (1 - t) * (1 - t) * a + 2 * t * (1 - t) * middle + t * t * b;
        const Box box = clamped({p.x - half, p.y + beside - kLabelHeight / 2, p.x + half, p.y + beside + kLabelHeight / 2});
        const double bad = 5 * crowding(box) + 40 * std::abs(t - 0.5) + 3 * std::abs(beside);
        if (bad < least) least = bad, best = box;
      }
    if (report_.links.size() > kLinksAllLabelled && (crowding(best) > 0 || link.gbps < most_gbps_ / 2)) return "";
    taken_.push_back(best);
    const double x = (best.left + best.right) / 2, y = (best.top + best.bottom) / 2 + 4;
    return fmt::format("<text class=\"rate halo\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", x, y, text);
  }

  double crowding(const Box& box) const {
    double bad = 0;
    for (const Box& other : taken_) bad += overlap(box, other);
    for (const auto& [region, p] : at_) bad += 2 * overlap(box, {p.x - 13, p.y - 13, p.x + 13, p.y + 13});
    return bad;
  }

  static Box clamped(Box box) {
    const double dx = std::max(6 - box.left, 0.0) - std::max(box.right - kWidth + 6, 0.0);
    return {box.left + dx, box.top, box.right + dx, box.bottom};
  }

  bool has_link(const std::string& from, const std::string& to) const {
    return std::any_of(report_.links.begin(), report_.links.end(),
                       [&](const PlannedLink& link) { return link.from == from && link.to == to; });
  }

  std::string dots() {
    std::string out;
    const std::set<std::string> destinations(report_.plan.destinations.begin(), report_.plan.destinations.end());
    for (const auto& region : regions_) {
      const Point p = at_[region];
      const bool end = region == report_.plan.source || destinations.count(region);
      out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\" fill=\"{}\" stroke=\"#fff\" stroke-width=\"2\"/>\n", p.x, p.y,
                         end ? 10 : 7, colour_of(region));
      if (region == report_.plan.source) out += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" fill=\"#fff\"/>\n", p.x, p.y);
    }
    return out;
  }

  std::string region_label(const std::string& region) {
    const auto& ends = report_.plan.destinations;
    const bool destination = std::find(ends.begin(), ends.end(), region) != ends.end();
    const Point p = at_[region];
    const int vms = report_.plan.vms.at(region);
    const std::string role = region == report_.plan.source ? "source" : destination ? "" : "relay";
    const std::string second = fmt::format("{}{} VM{}", role.empty() ? "" : role + ", ", vms, vms == 1 ? "" : "s");
    const double width = static_cast<double>(std::max(region.size(), second.size())) * kCharWidth, height = 2 * kLabelHeight - 2;
    const Box places[] = {
        {p.x + 15, p.y - height / 2, p.x + 15 + width, p.y + height / 2}, {p.x - 15 - width, p.y - height / 2, p.x - 15, p.y + height / 2},
        {p.x - width / 2, p.y + 13, p.x + width / 2, p.y + 13 + height},  {p.x - width / 2, p.y - 13 - height, p.x + width / 2, p.y - 13},
        {p.x + 10, p.y + 10, p.x + 10 + width, p.y + 10 + height},        {p.x + 10, p.y - 10 - height, p.x + 10 + width, p.y - 10},
        {p.x - 10 - width, p.y + 10, p.x - 10, p.y + 10 + height},        {p.x - 10 - width, p.y - 10 - height, p.x - 10, p.y - 10}};
    Box best = clamped(places[0]);
    double least = 1e18;
    for (const Box& place : places) {
      const Box box = clamped(place);
      const double outside =
          std::max(0.0, kMapTop - box.top) + std::max(0.0, box.bottom - kMapTop - kMapHeight) + std::abs(box.left - place.left);
      const double bad = crowding(box) + along_lines(box) + outside * 40;
      if (bad < least) least = bad, best = box;
    }
    taken_.push_back(best);
    const bool leftwards = best.right <= p.x;
    const double x = leftwards ? best.right : best.left;
    const std::string anchor = leftwards ? " number" : "";
    return fmt::format(
        "<text class=\"halo bold{0}\" x=\"{1:.1f}\" y=\"{2:.1f}\">{3}</text><text class=\"halo dim{0}\" x=\"{1:.1f}\" "
        "y=\"{4:.1f}\">{5}</text>\n",
        anchor, x, best.top + 13, escaped(region), best.top + 13 + kLabelHeight - 1, second);
  }

  /// How much of the links runs through a box.
  double along_lines(const Box& box) const {
    double bad = 0;
    for (const PlannedLink& link : report_.links) {
      const Point a = at_.at(link.from), b = at_.at(link.to), middle = bend(a, b);
      for (double t = 0.02; t < 1; t += 0.02) {
        const Point p = (1 - t) * (1 - t) * a + 2 * t * (1 - t) * middle + t * t * b;
        if (p.x > box.left && p.x < box.right && p.y > box.top && p.y < box.bottom) bad += 0.02 * length(b - a) * 8;
      }
    }
    return bad;
  }

  std::string footer() const {
    const double top = kMapTop + kMapHeight + 30;
    const double columns[] = {kMargin, 560, 690, 830, 940, 1056};
    std::string out;
    const auto row = [&](double y, const std::vector<std::string>& cells, std::string_view style) {
      for (std::size_t i = 0; i < cells.size(); ++i)
        out += fmt::format("<text class=\"{}{}\" x=\"{}\" y=\"{:.0f}\">{}</text>", style, i == 0 ? "" : " number", columns[i], y,
                           escaped(cells[i]));
      out += "\n";
    };
    row(top, {fmt::format("Grid {}, prices of {}", report_.grid_name, report_.prices_date), "Gbit/s", "time", "egress", "VMs", "total"},
        "dim");
    const auto cost_row = [&](double y, const std::string& name, const PlanCost& cost, std::string_view style) {
      row(y,
          {name, fmt::format("{:.3g}", cost.gbps), format_duration(from_seconds(std::round(cost.seconds))),
           fmt::format("${:.2f}", cost.egress_usd), fmt::format("${:.2f}", cost.vm_usd), fmt::format("${:.2f}", cost.usd())},
          style);
    };
    cost_row(top + kFooterRow, "this plan", report_.cost, "bold");
    for (std::size_t i = 0; i < report_.baselines.size(); ++i) {
      const Baseline& baseline = report_.baselines[i];
      const std::string via = baseline.via.empty() ? "" : fmt::format(" ({})", fmt::join(baseline.via, ", "));
      cost_row(top + kFooterRow * static_cast<double>(i + 2), baseline.name + via, baseline.cost, "");
    }
    return out;
  }

  const PlanReport& report_;
  std::vector<std::string> regions_;
  std::map<std::string, Point> at_;
  std::optional<Window> window_;
  std::vector<Box> taken_;
  std::string labels_;
  double most_gbps_ = 0;
};

}  // namespace

std::string plan_svg(const PlanReport& report) { return Picture(report).draw(); }

}  // namespace isobar::transfer
