// Beta posteriors of proportions: which one is the best, and what it costs to be wrong. Computed by
// quadrature, not by random draws: the same data always give the same answer.
#pragma once

#include <span>

#include "core/stats/outcome.h"

namespace promptreg::stats {

inline constexpr size_t kMostPosteriors = 100;
inline constexpr double kSmallestShape = 0.001;
inline constexpr double kLargestShape = 1e9;

// For each k the probability that p_k is the largest of independent p_k ~ Beta(alpha_k, beta_k):
// the integral of its density times the product of the others' distribution functions. They add up
// to 1. Probabilities below 1e-20 may be 0. Domain: arrays of one length, 1 .. kMostPosteriors,
// elements kSmallestShape .. kLargestShape.
Outcome ProbBest(std::span<const double> alpha, std::span<const double> beta,
                 std::span<double> probabilities);

// For each k the expectation of max(p_1, .., p_K) - p_k: what is lost on average, in points of the
// proportion, when k is chosen. As the integral over t of P(p_k <= t and some other > t), which has
// no cancellation. Domain as above.
Outcome ExpectedLoss(std::span<const double> alpha, std::span<const double> beta,
                     std::span<double> losses);

}  // namespace promptreg::stats
