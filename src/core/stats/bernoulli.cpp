#include "core/stats/bernoulli.h"

#include <cmath>

#include "core/stats/special.h"

namespace promptreg::stats {
namespace {

// d(p, p + step) without the linear terms, which cancel; 0 < p < 1, 0 < p + step < 1.
double Divergence(double p, double step) {
  return -p * Log1pMinusX(step / p) - (1 - p) * Log1pMinusX(-step / (1 - p));
}

// The largest x in [low, high] where `holds`, which is true below and false above it. Bisection:
// always as many steps as a double has digits, whatever the function.
template <typename Holds>
double Bisect(double low, double high, Holds holds) {
  while (true) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) return low;
    (holds(middle) ? low : high) = middle;
  }
}

}  // namespace

double KlUpper(double p, double divergence) {
  if (p >= 1) return 1;
  if (p <= 0) return -std::expm1(-divergence);  // d = -ln(1 - q)
  // By Pinsker's inequality the step is at most sqrt(d / 2).
  const double most = std::fmin(1 - p, std::sqrt(divergence / 2) * (1 + 1e-12));
  const double step = Bisect(0, most, [&](double x) { return Divergence(p, x) <= divergence; });
  return std::fmin(1, p + step);
}

double KlLower(double p, double divergence) {
  if (p <= 0) return 0;
  if (p >= 1) return std::exp(-divergence);  // d = -ln q
  // In v = ln(p / q), so that small q are exact. d >= p v + (1 - p) ln(1 - p) bounds v.
  const double most = (divergence - (1 - p) * std::log1p(-p)) / p * (1 + 1e-12);
  const double v = Bisect(0, most, [&](double x) {
    const double step = p * std::expm1(-x);
    const double reached =
        x < 1 ? Divergence(p, step) : p * x - (1 - p) * std::log1p(-step / (1 - p));
    return reached <= divergence;
  });
  return p * std::exp(-v);
}

}  // namespace promptreg::stats
