// Posteriors of means: which of several variants has the largest mean of a continuous metric
// (latency, cost, a score), and what it costs to be wrong. By quadrature, as for proportions: the
// same data always give the same answer.
#pragma once

#include <span>

#include "core/stats/bandit.h"
#include "core/stats/outcome.h"

namespace promptreg::stats {

// What is known of each variant: arrays of one length, 1 .. kMostPosteriors. n observations
// (discounted ones, which are not whole, are welcome) with this mean and this standard deviation as
// of stddev_samp; mean and sd count for nothing where n is 0, and sd where n <= 1. Domain: finite
// means, sd >= 0, 0 <= n <= 1e9.
struct MeanSamples {
  std::span<const double> means;
  std::span<const double> sds;
  std::span<const double> n;
};

// Each mean has a Normal-inverse-gamma posterior (Gelman and others, Bayesian Data Analysis, 3.3):
// the prior is centred at the mean m0 of all observations with their variance v0 and is worth one
// observation of the mean and two of the variance (kappa = 1, alpha = 1, beta = v0), so that
//   location = (m0 + n mean) / (1 + n)       df = 2 + n
//   scale^2  = (v0 + (n - 1) sd^2 / 2 + n (mean - m0)^2 / (2 (1 + n))) / ((1 + n / 2) (1 + n))
// of Student's t. Where no observation differs from another all are equally good.

// For each the probability to have the largest mean; they add up to 1.
Outcome ProbBestMean(const MeanSamples& samples, std::span<double> probabilities);

// For each the expectation of the largest mean minus its own, in the unit of the metric.
Outcome ExpectedLossMean(const MeanSamples& samples, std::span<double> losses);

// As BanditWeights, for means: kThompson or kTopTwo.
Outcome BanditWeightsOfMeans(Algorithm algorithm, const MeanSamples& samples, double floor,
                             std::span<int> ppm);

}  // namespace promptreg::stats
