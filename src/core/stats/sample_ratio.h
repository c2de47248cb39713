// Sample-ratio mismatch: whether the variants were met as often as their weights promise.
#pragma once

#include <span>

#include "core/stats/outcome.h"

namespace promptreg::stats {

// Chi-squared of the counts against n * weight / (sum of weights), with one degree less than there
// are positive weights, at a sample size set in advance. Domain: as many weights as counts, at
// least two; counts >= 0, not all 0; weights finite and >= 0, with a positive sum. A count where
// the weight is 0 cannot happen: p is 0, and the statistic, which would be infinite, unknown. p is
// unknown when only one weight is positive.
struct SampleRatio {
  Outcome outcome;
  Maybe statistic;
  double df = 0;
  Maybe p_value;
};
SampleRatio SampleRatioTest(std::span<const double> counts, std::span<const double> weights);

// The same question for looks at any time: the Bayes factor of a Dirichlet-multinomial with a_i =
// 100 w_i (w_i sum to 1) against the multinomial with w_i (Lindon and Malek, arXiv 2011.03567),
//   ln BF = ln G(100) - ln G(100 + n) + sum of ln G(a_i + n_i) - ln G(a_i) - n_i ln w_i,   p =
//   min(1, 1 / BF).
// Somebody who looks repeatedly keeps the smallest p. Domain as above.
struct SequentialSampleRatio {
  Outcome outcome;
  Maybe log_bayes_factor;
  double p_value = 1;
};
SequentialSampleRatio SequentialSampleRatioTest(std::span<const double> counts,
                                                std::span<const double> weights);

}  // namespace promptreg::stats
