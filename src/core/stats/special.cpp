#include "core/stats/special.h"

#include <cmath>
#include <numbers>

#include <boost/math/distributions/students_t.hpp>
#include <boost/math/special_functions/beta.hpp>
#include <boost/math/special_functions/erf.hpp>
#include <boost/math/special_functions/gamma.hpp>
#include <boost/math/special_functions/log1p.hpp>

namespace promptreg::stats {
namespace {

namespace bm = boost::math;

// Nothing throws; without promotion the answers are the same where long double is no wider.
using Policy =
    bm::policies::policy<bm::policies::domain_error<bm::policies::errno_on_error>,
                         bm::policies::pole_error<bm::policies::errno_on_error>,
                         bm::policies::overflow_error<bm::policies::errno_on_error>,
                         bm::policies::underflow_error<bm::policies::errno_on_error>,
                         bm::policies::denorm_error<bm::policies::errno_on_error>,
                         bm::policies::evaluation_error<bm::policies::errno_on_error>,
                         bm::policies::rounding_error<bm::policies::errno_on_error>,
                         bm::policies::indeterminate_result_error<bm::policies::errno_on_error>,
                         bm::policies::promote_float<false>, bm::policies::promote_double<false>>;
using Student = bm::students_t_distribution<double, Policy>;

constexpr Policy kPolicy;

}  // namespace

double NormalTail(double z) {
  return std::erfc(z / std::numbers::sqrt2) / 2;
}

double NormalUpperQuantile(double p) {
  return std::numbers::sqrt2 * bm::erfc_inv(2 * p, kPolicy);
}

double NormalQuantile(double p) {
  return -NormalUpperQuantile(p);
}

double ChiSquaredTail(double x, double df) {
  return bm::gamma_q(df / 2, x / 2, kPolicy);
}

double StudentTail(double t, double df) {
  return bm::cdf(bm::complement(Student(df), t));
}

double StudentUpperQuantile(double p, double df) {
  return bm::quantile(bm::complement(Student(df), p));
}

Tails BetaTails(double a, double b, double x) {
  // The smaller one is computed, so that it is exact however small it is.
  if (x * (a + b) < a) {
    const double lower = bm::ibeta(a, b, x, kPolicy);
    return {.lower = lower, .upper = 1 - lower};
  }
  const double upper = bm::ibetac(a, b, x, kPolicy);
  return {.lower = 1 - upper, .upper = upper};
}

double BetaSlope(double a, double b, double x) {
  return bm::ibeta_derivative(a, b, x, kPolicy) * (x * (1 - x));
}

double Log1pMinusX(double x) {
  return bm::log1pmx(x, kPolicy);
}

double StirlingRest(double x) {
  constexpr double kSeriesFrom = 16;  // the first term left out is below 1e-17 there
  constexpr double kHalfLogTwoPi = 0.91893853320467274178;
  if (x < kSeriesFrom) {
    return bm::lgamma(x, kPolicy) - ((x - 0.5) * std::log(x) - x + kHalfLogTwoPi);
  }
  const double y = 1 / (x * x);
  return (1.0 / 12 -
          y * (1.0 / 360 -
               y * (1.0 / 1260 - y * (1.0 / 1680 - y * (1.0 / 1188 - y * 691.0 / 360360))))) /
         x;
}

}  // namespace promptreg::stats
