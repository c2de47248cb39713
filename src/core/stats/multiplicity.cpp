#include "core/stats/multiplicity.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace promptreg::stats {
namespace {

Outcome Check(std::span<const double> p) {
  for (const double value : p) {
    if (!(value >= 0 && value <= 1)) return Invalid("p", "must have elements from 0 to 1");
  }
  return {};
}

std::vector<size_t> Ascending(std::span<const double> p) {
  std::vector<size_t> order(p.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p[a] < p[b]; });
  return order;
}

}  // namespace

Outcome Holm(std::span<const double> p, std::span<double> adjusted) {
  const Outcome outcome = Check(p);
  if (!outcome.ok()) return outcome;
  const std::vector<size_t> order = Ascending(p);
  double running = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    running = std::max(running, static_cast<double>(order.size() - i) * p[order[i]]);
    adjusted[order[i]] = std::min(1.0, running);
  }
  return {};
}

Outcome BenjaminiHochberg(std::span<const double> p, std::span<double> adjusted) {
  const Outcome outcome = Check(p);
  if (!outcome.ok()) return outcome;
  const std::vector<size_t> order = Ascending(p);
  const auto m = static_cast<double>(order.size());
  double running = 1;
  for (size_t i = order.size(); i-- > 0;) {
    running = std::min(running, m / static_cast<double>(i + 1) * p[order[i]]);
    adjusted[order[i]] = running;
  }
  return {};
}

}  // namespace promptreg::stats
