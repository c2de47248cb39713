#include "core/stats/power.h"

#include <cmath>

#include "core/stats/special.h"

namespace promptreg::stats {
namespace {

Outcome CheckErrorRates(double alpha, double power) {
  if (!IsOpenFraction(alpha)) return Invalid("alpha", kOpenFractionRule);
  if (!IsOpenFraction(power)) return Invalid("power", kOpenFractionRule);
  if (power <= alpha) return Invalid("power", "must be greater than alpha");
  return {};
}

double Square(double x) {
  return x * x;
}

double SizeForProportions(double p1, double p2, double z_alpha, double z_power) {
  const double p = (p1 + p2) / 2;
  const double null = std::sqrt(2 * p * (1 - p));
  const double alternative = std::sqrt(p1 * (1 - p1) + p2 * (1 - p2));
  return Square((z_alpha * null + z_power * alternative) / (p1 - p2));
}

}  // namespace

Number SampleSizeProportions(double p1, double p2, double alpha, double power) {
  Number result;
  result.outcome = CheckErrorRates(alpha, power);
  if (!result.outcome.ok()) return result;
  if (!(p1 >= 0 && p1 <= 1)) {
    result.outcome = Invalid("p1", "must be from 0 to 1");
  } else if (!(p2 >= 0 && p2 <= 1)) {
    result.outcome = Invalid("p2", "must be from 0 to 1");
  } else if (p1 == p2) {
    result.outcome = Invalid("p2", "must differ from p1");
  } else {
    result.value =
        SizeForProportions(p1, p2, NormalUpperQuantile(alpha / 2), NormalQuantile(power));
    RequireFinite(&result.outcome, "sample size", result.value);
  }
  return result;
}

Number SampleSizeMeans(double sd, double difference, double alpha, double power) {
  Number result;
  result.outcome = CheckErrorRates(alpha, power);
  if (!result.outcome.ok()) return result;
  if (!(sd > 0) || !std::isfinite(sd)) {
    result.outcome = Invalid("sd", kPositiveRule);
  } else if (!std::isfinite(difference) || difference == 0) {
    result.outcome = Invalid("difference", "must be finite and not 0");
  } else {
    const double z = NormalUpperQuantile(alpha / 2) + NormalQuantile(power);
    result.value = 2 * Square(z * (sd / difference));
    RequireFinite(&result.outcome, "sample size", result.value);
  }
  return result;
}

Number MinimumDetectableEffect(double base, double n, double alpha, double power) {
  Number result;
  result.outcome = CheckErrorRates(alpha, power);
  if (!result.outcome.ok()) return result;
  if (!(base >= 0 && base < 1)) {
    result.outcome = Invalid("base", "must be at least 0 and below 1");
    return result;
  }
  if (!IsCount(n) || n == 0) {
    result.outcome = Invalid("n", kPositiveRule);
    return result;
  }
  const double z_alpha = NormalUpperQuantile(alpha / 2);
  const double z_power = NormalQuantile(power);
  const auto size = [&](double effect) {
    return SizeForProportions(base, base + effect, z_alpha, z_power);
  };
  double high = 1 - base;
  if (size(high) > n) return result;
  double low = 0;
  while (true) {
    const double middle = low + (high - low) / 2;
    if (middle <= low || middle >= high) break;
    // An effect that is lost in the base takes infinitely many.
    (base + middle > base && size(middle) <= n ? high : low) = middle;
  }
  result.value = high;
  return result;
}

}  // namespace promptreg::stats
