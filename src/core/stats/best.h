// What the posteriors of proportions and of means have in common: which of several independent
// variables is the largest, as integrals that the file of each family sets up.
//
// A family has a type Point, made from the variable of integration, with `slope`, the derivative of
// the quantity by that variable; and for each variable a posterior with
//   Tails TailsAt(const Point&) const        P(X <= x) and P(X > x)
//   double Density(const Point&) const       by the variable of integration
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "core/stats/quadrature.h"
#include "core/stats/special.h"

namespace promptreg::stats {

// density_k * product of the others' P(X <= x)
template <typename Family, typename Posterior>
class BestIntegrand final : public Integrand {
 public:
  BestIntegrand(const Family& family, const std::vector<Posterior>& posteriors)
      : family_(family), posteriors_(posteriors), lower_(posteriors.size()) {}

  void Evaluate(double x, std::span<double> values) override {
    const auto at = family_.At(x);
    const size_t count = posteriors_.size();
    double before = 1;
    for (size_t k = 0; k < count; ++k) {
      lower_[k] = posteriors_[k].TailsAt(at).lower;
      values[k] = before;
      before *= lower_[k];
    }
    double after = 1;
    for (size_t k = count; k-- > 0;) {
      values[k] *= after;
      if (values[k] > 0) values[k] *= posteriors_[k].Density(at);
      after *= lower_[k];
    }
  }

 private:
  const Family& family_;
  const std::vector<Posterior>& posteriors_;
  std::vector<double> lower_;
};

// P(X_k <= x) * P(some other > x) * slope
template <typename Family, typename Posterior>
class LossIntegrand final : public Integrand {
 public:
  LossIntegrand(const Family& family, const std::vector<Posterior>& posteriors)
      : family_(family), posteriors_(posteriors), tails_(posteriors.size()) {}

  void Evaluate(double x, std::span<double> values) override {
    const auto at = family_.At(x);
    const size_t count = posteriors_.size();
    // P(some > x) grows by (1 - itself) * P(the next > x).
    double some = 0;
    for (size_t k = 0; k < count; ++k) {
      tails_[k] = posteriors_[k].TailsAt(at);
      values[k] = some;
      some += (1 - some) * tails_[k].upper;
    }
    some = 0;
    for (size_t k = count; k-- > 0;) {
      values[k] = (values[k] + (1 - values[k]) * some) * tails_[k].lower * at.slope;
      some += (1 - some) * tails_[k].upper;
    }
  }

 private:
  const Family& family_;
  const std::vector<Posterior>& posteriors_;
  std::vector<Tails> tails_;
};

// The probability of each to be the largest. False when the quadrature did not converge.
template <typename Family, typename Posterior>
bool IntegrateBest(const Family& family, const std::vector<Posterior>& posteriors,
                   std::span<const double> points, std::span<double> probabilities) {
  BestIntegrand integrand(family, posteriors);
  if (!Integrate(&integrand, points, probabilities)) return false;
  double sum = 0;
  for (const double probability : probabilities) sum += probability;
  // What is missing from 1 is the error of the quadrature and of the distribution functions.
  if (!(std::fabs(sum - 1) < 1e-6)) return false;
  for (double& probability : probabilities) probability /= sum;
  return true;
}

// The mean of max(X_1, .., X_K) - X_k for each k. False as above.
template <typename Family, typename Posterior>
bool IntegrateLoss(const Family& family, const std::vector<Posterior>& posteriors,
                   std::span<const double> points, std::span<double> losses) {
  LossIntegrand integrand(family, posteriors);
  return Integrate(&integrand, points, losses);
}

}  // namespace promptreg::stats
