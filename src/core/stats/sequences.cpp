#include "core/stats/sequences.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/stats/bernoulli.h"
#include "core/stats/special.h"

namespace promptreg::stats {
namespace {

Outcome Check(double estimate, double standard_error, double n, double alpha, double tuning_n,
              Sides sides) {
  if (!std::isfinite(estimate)) return Invalid("estimate", kFiniteRule);
  if (!IsCount(standard_error)) return Invalid("standard_error", kNotNegativeRule);
  if (!IsCount(n) || n == 0) return Invalid("n", kPositiveRule);
  if (!IsOpenFraction(alpha)) return Invalid("alpha", kOpenFractionRule);
  if (sides == Sides::kOne && alpha >= 0.5) {
    return Invalid("alpha", "must be below 0.5 where sides is 1");
  }
  if (!IsCount(tuning_n) || tuning_n == 0) return Invalid("tuning_n", kPositiveRule);
  return {};
}

Outcome CheckCounts(double successes, double n) {
  if (!IsCount(n) || n == 0) return Invalid("n", kPositiveRule);
  if (!IsCount(successes)) return Invalid("successes", kNotNegativeRule);
  if (successes > n) return Invalid("successes", "must not be greater than n");
  return {};
}

// ln of B(1 + S, 1 + F) / (p^S q^F) at p = S / n
double LogMarginalRatio(double successes, double failures) {
  const double n = successes + failures;
  double log_ratio = -std::log1p(n);
  if (successes > 0 && failures > 0) {
    // ln Gamma(x + 1) = ln x + ln Gamma(x), put together from Stirling's formula
    log_ratio +=
        0.5 * (std::log(2 * std::numbers::pi) + std::log(successes) + std::log(failures / n)) +
        StirlingRest(successes) + StirlingRest(failures) - StirlingRest(n);
  }
  return log_ratio;
}

}  // namespace

ConfidenceInterval ConfidenceSequence(double estimate, double standard_error, double n,
                                      double alpha, double tuning_n, Sides sides) {
  ConfidenceInterval result;
  result.outcome = Check(estimate, standard_error, n, alpha, tuning_n, sides);
  if (!result.outcome.ok() || standard_error == 0) return result;

  const bool one_sided = sides == Sides::kOne;
  const double log_alpha = std::log(one_sided ? 2 * alpha : alpha);
  const double rho2 = (-2 * log_alpha + std::log1p(-2 * log_alpha)) / tuning_n;
  const double information = n * rho2;
  const double t = information + 1;
  const double root = std::sqrt(t);
  const double z = estimate / standard_error;
  const double exponent = information / t * z * z / 2;

  // se sqrt(n) sqrt(2 T / (n^2 rho^2) ...) = se sqrt(2 T / (n rho^2) ...)
  const double logarithm = one_sided ? std::log1p(root / (2 * alpha)) : std::log(root / alpha);
  const double half_width = standard_error * std::sqrt(2 * t / information * logarithm);
  result.half_width = half_width;
  result.ci_low = estimate - half_width;
  if (one_sided) {
    result.p_value = z > 0 ? std::min(1.0, root / (2 * std::expm1(exponent))) : 1;
  } else {
    result.ci_high = estimate + half_width;
    result.p_value = std::min(1.0, root * std::exp(-exponent));
  }
  RequireFinite(&result.outcome, "half_width", result.half_width);
  RequireFinite(&result.outcome, "ci_low", result.ci_low);
  RequireFinite(&result.outcome, "ci_high", result.ci_high);
  RequireFinite(&result.outcome, "p_value", result.p_value);
  return result;
}

// B(1 + S, 1 + F) / (p^S q^F) = exp(n d(S/n, p)) times its value at p = S/n, where d is the
// Kullback-Leibler divergence. So the interval is where d is small enough.
ProportionInterval BernoulliConfidenceSequence(double successes, double n, double alpha) {
  ProportionInterval result;
  result.outcome = CheckCounts(successes, n);
  if (result.outcome.ok() && !IsOpenFraction(alpha)) {
    result.outcome = Invalid("alpha", kOpenFractionRule);
  }
  if (!result.outcome.ok()) return result;

  const double log_ratio = LogMarginalRatio(successes, n - successes);
  const double divergence = std::max(0.0, (-std::log(alpha) - log_ratio) / n);
  result.ci_low = KlLower(successes / n, divergence);
  result.ci_high = KlUpper(successes / n, divergence);
  RequireFinite(&result.outcome, "ci_low", result.ci_low);
  RequireFinite(&result.outcome, "ci_high", result.ci_high);
  return result;
}

ThresholdTest ThresholdSequence(double successes, double n, double threshold) {
  ThresholdTest result;
  result.outcome = CheckCounts(successes, n);
  if (result.outcome.ok() && !IsOpenFraction(threshold)) {
    result.outcome = Invalid("threshold", kOpenFractionRule);
  }
  if (!result.outcome.ok()) return result;

  const double failures = n - successes;
  const double above = BetaTails(1 + successes, 1 + failures, threshold).upper;
  if (!(above > 0)) return result;
  // n d(S / n, threshold)
  double divergence = 0;
  if (successes > 0) divergence += successes * std::log(successes / n / threshold);
  if (failures > 0) divergence += failures * std::log(failures / n / (1 - threshold));
  const double log_factor =
      LogMarginalRatio(successes, failures) + divergence + std::log(above) - std::log1p(-threshold);
  result.log_bayes_factor = log_factor;
  result.p_value = std::min(1.0, std::exp(-log_factor));
  RequireFinite(&result.outcome, "log_bayes_factor", result.log_bayes_factor);
  return result;
}

}  // namespace promptreg::stats
