// Integrals of several smooth functions at once, where the functions share the costly part of their
// values.
#pragma once

#include <span>

namespace promptreg::stats {

class Integrand {
 public:
  // The values of all functions at x; none is negative.
  virtual void Evaluate(double x, std::span<double> values) = 0;

 protected:
  ~Integrand() = default;
};

// Integrates over [points.front(), points.back()], `points` ascending: adaptive Gauss-Kronrod with
// 15 points, which halves a panel until the two rules agree for every function to 1e-9 of its
// integral (the better rule is then good to many more digits). Nothing is drawn at random: equal
// input gives equal output. False when the budget of evaluations is used up.
bool Integrate(Integrand* integrand, std::span<const double> points, std::span<double> integrals);

}  // namespace promptreg::stats
