// Tests of differences at a sample size set in advance. Differences are b minus a; p values are
// two-sided, in [0, 1].
#pragma once

#include <span>

#include "core/stats/outcome.h"

namespace promptreg::stats {

// Pearson's chi-squared test of independence without continuity correction: the sum of (O - E)^2 /
// E over the cells, against (rows - 1)(columns - 1) degrees of freedom. `counts` are whole tables,
// row by row, a row for each group. Domain: at least two rows and columns, counts >= 0, no row
// empty. A column that is empty leaves nothing to compare.
struct ChiSquared {
  Outcome outcome;
  Maybe statistic;
  double df = 0;
  Maybe p_value;
};
ChiSquared ChiSquaredTest(std::span<const double> counts, size_t columns);

// Two proportions: z = (pb - pa) / sqrt(p (1 - p) (1/na + 1/nb)) with the pooled p, and Newcombe's
// interval of the difference (hybrid score: Wilson on both sides; Statistics in Medicine 17, 1998,
// method 10). Domain: n > 0, 0 <= successes <= n, 0 < confidence < 1. z is unknown where all
// succeed or all fail.
struct TwoProportions {
  Outcome outcome;
  double difference = 0;
  Maybe z;
  Maybe p_value;
  double ci_low = 0;
  double ci_high = 0;
};
TwoProportions TwoProportionTest(double successes_a, double n_a, double successes_b, double n_b,
                                 double confidence);

// Two means with unequal variances: Welch's t with the degrees of freedom of Welch and
// Satterthwaite, from sample standard deviations (n - 1 in the denominator). Domain: n >= 2, sd >=
// 0, 0 < confidence < 1. Everything but the difference is unknown where both sd are 0.
struct Welch {
  Outcome outcome;
  double difference = 0;
  Maybe t;
  Maybe df;
  Maybe p_value;
  Maybe ci_low;
  Maybe ci_high;
};
Welch WelchTest(double mean_a, double sd_a, double n_a, double mean_b, double sd_b, double n_b,
                double confidence);

// Fisher's exact test of [[a, b], [c, d]], two-sided: the probability, given the margins, of all
// tables that are not more likely than this one. Domain: whole numbers >= 0, no row empty, at most
// kMostInFisher together.
inline constexpr double kMostInFisher = 1e9;
struct Fisher {
  Outcome outcome;
  double p_value = 0;
};
Fisher FisherTest(double a, double b, double c, double d);

}  // namespace promptreg::stats
