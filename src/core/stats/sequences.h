// Confidence sequences: intervals that hold at all times at once, so that they may be looked at
// after every observation and the experiment stopped whenever one pleases.
#pragma once

#include "core/stats/outcome.h"

namespace promptreg::stats {

enum class Sides { kOne, kTwo };

// Asymptotic confidence sequence (Waudby-Smith and others, arXiv 2103.06476) for an estimate with a
// standard error after n observations, tightest near n = N (tuning_n):
//   rho^2 = (-2 ln a + ln(1 - 2 ln a)) / N,  T = n rho^2 + 1
//   two-sided: half-width = se sqrt(n) sqrt(2 T / (n^2 rho^2) ln(sqrt(T) / a)),
//              p = min(1, sqrt(T) exp(-rho^2 n z^2 / (2 T))), z = estimate / se
//   one-sided: rho at 2 a, half-width = se sqrt(n) sqrt(2 T / (n rho)^2 ln(1 + sqrt(T) / (2 a)));
//   for a positive
//              effect, so there is no upper bound; p = min(1, sqrt(T) / (2 (exp(rho^2 n z^2 / (2
//              T)) - 1))), 1 for z <= 0
// p is the smallest alpha at which 0 is outside, at the same rho; who looks repeatedly keeps the
// smallest p. Domain: se >= 0, n > 0, tuning_n > 0, 0 < alpha < 1 (one-sided: < 0.5). Unknown where
// se is 0: a sample that has not varied yet says nothing about how much it will.
struct ConfidenceInterval {
  Outcome outcome;
  Maybe half_width;
  Maybe ci_low;
  Maybe ci_high;
  Maybe p_value;
};
ConfidenceInterval ConfidenceSequence(double estimate, double standard_error, double n,
                                      double alpha, double tuning_n, Sides sides);

// Confidence sequence of a proportion after S successes in n trials, from the mixture over a
// uniform prior: {p : B(1 + S, 1 + n - S) / (p^S (1 - p)^(n - S)) < 1 / alpha}. Exact at every n,
// not only asymptotically, and valid also when who is observed next depends on what was observed.
// Domain: n > 0, 0 <= S <= n, 0 < alpha < 1.
struct ProportionInterval {
  Outcome outcome;
  double ci_low = 0;
  double ci_high = 1;
};
ProportionInterval BernoulliConfidenceSequence(double successes, double n, double alpha);

// Whether a proportion is above a threshold, after S successes (errors, violations) in n trials,
// looked at as often as one pleases: the Bayes factor of a uniform prior over (t, 1) against the
// threshold t itself,
//   BF = B(1 + S, 1 + n - S) P(X > t) / ((1 - t) t^S (1 - t)^(n - S)),
//   X ~ Beta(1 + S, 1 + n - S),
// which is a supermartingale for every proportion up to the threshold, so that (Ville) it ever
// reaches 1 / alpha with probability alpha at most. p = min(1, 1 / BF); who looks repeatedly keeps
// the smallest. Domain: n > 0, 0 <= S <= n, 0 < threshold < 1. The logarithm is unknown where it is
// below the range of a double.
struct ThresholdTest {
  Outcome outcome;
  Maybe log_bayes_factor;
  double p_value = 1;
};
ThresholdTest ThresholdSequence(double successes, double n, double threshold);

}  // namespace promptreg::stats
