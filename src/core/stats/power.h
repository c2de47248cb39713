// How many observations a fixed two-sided test needs, and what it can see. Normal approximation;
// sizes are per variant, for two variants of equal size, and not rounded.
#pragma once

#include "core/stats/outcome.h"

namespace promptreg::stats {

struct Number {
  Outcome outcome;
  Maybe value;
};

// (z_{1-alpha/2} sqrt(2 p q) + z_power sqrt(p1 q1 + p2 q2))^2 / (p1 - p2)^2, p = (p1 + p2) / 2, q =
// 1 - p (Fleiss, Statistical Methods for Rates and Proportions, without continuity correction).
// Domain: p1 and p2 in [0, 1] and different, 0 < alpha < 1, alpha < power < 1.
Number SampleSizeProportions(double p1, double p2, double alpha, double power);

// 2 (z_{1-alpha/2} + z_power)^2 sd^2 / difference^2. Domain: sd > 0, difference finite and not 0,
// others as above.
Number SampleSizeMeans(double sd, double difference, double alpha, double power);

// The increase of a proportion from `base` that n observations per variant detect with that power:
// the inverse of SampleSizeProportions. Unknown where even an increase to 1 needs more. Domain: 0
// <= base < 1, n > 0, others as above.
Number MinimumDetectableEffect(double base, double n, double alpha, double power);

}  // namespace promptreg::stats
