#include "core/stats/quadrature.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <boost/math/quadrature/gauss_kronrod.hpp>

namespace promptreg::stats {
namespace {

constexpr unsigned kPoints = 15;
constexpr double kAgreement = 1e-9;
constexpr double kNegligible = 1e-30;  // integrals below are not refined for their own sake
constexpr size_t kMostPanels = 5'000;

struct Panel {
  double from;
  double to;
};

class Rule {
 public:
  Rule(Integrand* integrand, size_t functions) : integrand_(integrand), values_(functions) {}

  // Kronrod's rule into `fine`, Gauss's into `coarse`.
  void Apply(const Panel& panel, std::span<double> fine, std::span<double> coarse) {
    using Kronrod = boost::math::quadrature::gauss_kronrod<double, kPoints>;
    using Gauss = boost::math::quadrature::gauss<double, (kPoints - 1) / 2>;
    const auto& nodes =
        Kronrod::abscissa();  // those >= 0; every second one, from the first, is Gauss's
    const double middle = panel.from + (panel.to - panel.from) / 2;
    const double half = (panel.to - panel.from) / 2;
    std::fill(fine.begin(), fine.end(), 0.0);
    std::fill(coarse.begin(), coarse.end(), 0.0);
    for (size_t node = 0; node < nodes.size(); ++node) {
      const double fine_weight = Kronrod::weights()[node] * half;
      const double coarse_weight = node % 2 == 0 ? Gauss::weights()[node / 2] * half : 0;
      for (const double side : {-1.0, 1.0}) {
        if (node == 0 && side > 0) continue;
        integrand_->Evaluate(middle + side * half * nodes[node], values_);
        for (size_t i = 0; i < values_.size(); ++i) {
          fine[i] += fine_weight * values_[i];
          coarse[i] += coarse_weight * values_[i];
        }
      }
    }
  }

 private:
  Integrand* integrand_;
  std::vector<double> values_;
};

}  // namespace

bool Integrate(Integrand* integrand, std::span<const double> points, std::span<double> integrals) {
  const size_t functions = integrals.size();
  Rule rule(integrand, functions);
  std::vector<Panel> panels;
  for (size_t i = 1; i < points.size(); ++i) panels.push_back({points[i - 1], points[i]});
  std::vector<Panel> open;
  std::vector<double> fine;
  std::vector<double> coarse(functions);
  std::vector<double> errors;
  std::vector<double> totals(functions);
  std::fill(integrals.begin(), integrals.end(), 0.0);

  // Round by round, so that every panel is held against an estimate of the whole.
  size_t used = 0;
  while (!panels.empty()) {
    used += panels.size();
    if (used > kMostPanels) return false;
    fine.assign(panels.size() * functions, 0);
    errors.assign(panels.size() * functions, 0);
    std::copy(integrals.begin(), integrals.end(), totals.begin());
    for (size_t p = 0; p < panels.size(); ++p) {
      const std::span<double> values(&fine[p * functions], functions);
      rule.Apply(panels[p], values, coarse);
      for (size_t i = 0; i < functions; ++i) {
        errors[p * functions + i] = std::fabs(values[i] - coarse[i]);
        totals[i] += values[i];
      }
    }
    open.clear();
    for (size_t p = 0; p < panels.size(); ++p) {
      bool good = true;
      for (size_t i = 0; i < functions && good; ++i) {
        good = errors[p * functions + i] <= kAgreement * totals[i] + kNegligible;
      }
      const double middle = panels[p].from + (panels[p].to - panels[p].from) / 2;
      if (good || middle <= panels[p].from || middle >= panels[p].to) {
        for (size_t i = 0; i < functions; ++i) integrals[i] += fine[p * functions + i];
      } else {
        open.push_back({panels[p].from, middle});
        open.push_back({middle, panels[p].to});
      }
    }
    panels.swap(open);
  }
  return true;
}

}  // namespace promptreg::stats
