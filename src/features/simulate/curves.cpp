#include "features/curves.h"

#include <fmt/format.h>

#include "base/text_table.h"

namespace isobar::features {

namespace {

std::vector<std::string> headings(const char* first, const Simulation& simulation) {
  std::vector<std::string> row{first};
  for (const CurvePoint& point : simulation.curves.front().points) row.push_back(fmt::format("b={:g}", point.budget));
  return row;
}

/// A table of one cell for each policy and budget; none in a row that the baseline would fill with itself.
template <class Cell>
std::string table(const char* title, const Simulation& simulation, std::string_view left_out, const Cell& cell) {
  TextTable table(headings(title, simulation));
  bool any = false;
  for (const Curve& curve : simulation.curves) {
    if (curve.policy == left_out) continue;
    std::vector<std::string> row{curve.policy};
    for (std::size_t i = 0; i < curve.points.size(); ++i) row.push_back(cell(curve.points[i], i));
    table.add(std::move(row));
    any = true;
  }
  return any ? table.render() : "";
}

std::string beside(const Simulation& simulation, const char* baseline) {
  const Curve* other = simulation.curve(baseline);
  if (other == nullptr || simulation.curves.size() < 2) return "";
  const std::string share = fmt::format("ERROR, OF {}'S", baseline), excess = fmt::format("EXCESS OVER {} REMOVED", baseline);
  return "\n" +
         table(
             share.c_str(), simulation, baseline,
             [&](const CurvePoint& point, std::size_t i) { return fmt::format("{:.0f} %", 100 * point.error / other->points[i].error); }) +
         "\n" + table(excess.c_str(), simulation, baseline, [&](const CurvePoint& point, std::size_t i) {
           const auto removed = excess_removed(point.error, other->points[i].error, simulation.always);
           return removed ? fmt::format("{:.0f} %", 100 * *removed) : std::string("-");
         });
}

/// Text in double quotes, as gnuplot reads it.
std::string gnuplot_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
  return quoted + "\"";
}

}  // namespace

std::string render_simulation(const Workload& workload, const Simulation& simulation) {
  std::string text = fmt::format("{} keys, {} steps of {}, {} answers. Errors are means of {}; b is refreshes a step, over all keys.\n",
                                 simulation.keys, simulation.steps, format_duration(workload.step()), simulation.answers, workload.loss());
  for (const std::string& remark : workload.remarks()) text += remark + "\n";
  text += fmt::format("Never refreshed: {:.4g}. Always fresh: {:.4g}.\n\n", simulation.never, simulation.always);
  text += table("ERROR", simulation, "", [](const CurvePoint& point, std::size_t) { return fmt::format("{:.4g}", point.error); });
  return text + beside(simulation, "round-robin") + beside(simulation, "fifo");
}

std::string curves_csv(const Simulation& simulation) {
  std::string text = fmt::format("policy,budget,error,refreshes\nnever,,{},0\nalways,,{},\n", simulation.never, simulation.always);
  for (const Curve& curve : simulation.curves)
    for (const CurvePoint& point : curve.points)
      text += fmt::format("{},{},{},{}\n", curve.policy, point.budget, point.error, point.refreshes);
  return text;
}

std::string gnuplot_script(const Workload& workload, const Simulation& simulation, std::string_view terminal, const std::string& file) {
  std::string text, plots;
  for (std::size_t i = 0; i < simulation.curves.size(); ++i) {
    text += fmt::format("$curve{} << end\n", i);
    for (const CurvePoint& point : simulation.curves[i].points) text += fmt::format("{} {}\n", point.budget, point.error);
    text += "end\n";
    plots += fmt::format("$curve{} with linespoints linewidth 2 title {}, ", i, gnuplot_text(simulation.curves[i].policy));
  }
  return text +
         fmt::format(
             "set terminal {} size 900,560 background rgb \"white\"\nset output {}\nset encoding utf8\nset logscale x\nset yrange "
             "[0:*]\nset grid\n"
             "set key outside right top noenhanced\nset xlabel \"budget: refreshes a step, over {} keys\"\nset ylabel {} noenhanced\n"
             "plot {}{} with lines dashtype 2 linecolor rgb \"black\" title \"always fresh\"\n",
             terminal, gnuplot_text(file), simulation.keys, gnuplot_text("mean of " + workload.loss()), plots, simulation.always);
}

}  // namespace isobar::features
