#include "core/stats/sample_ratio.h"

#include <algorithm>
#include <cmath>

#include "core/stats/special.h"

namespace promptreg::stats {
namespace {

constexpr double kConcentration = 100;

struct Sums {
  Outcome outcome;
  double count = 0;
  double weight = 0;  // of weights divided by the largest, so that it cannot overflow
  double heaviest = 0;
  bool impossible = false;  // something was counted where nothing was to be
  int positive_weights = 0;

  double Share(double of_weight) const { return of_weight / heaviest / weight; }
};

Sums Add(std::span<const double> counts, std::span<const double> weights) {
  Sums sums;
  if (counts.size() < 2) {
    sums.outcome = Invalid("counts", "must have at least two elements");
  } else if (counts.size() != weights.size()) {
    sums.outcome = Invalid("weights", "must have as many elements as counts");
  }
  if (!sums.outcome.ok()) return sums;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (!IsCount(counts[i])) {
      sums.outcome = Invalid("counts", kNotNegativeRule);
      return sums;
    }
    if (!IsCount(weights[i])) {
      sums.outcome = Invalid("weights", "must be finite and not negative");
      return sums;
    }
    sums.count += counts[i];
    sums.heaviest = std::max(sums.heaviest, weights[i]);
  }
  if (sums.heaviest == 0) {
    sums.outcome = Invalid("weights", "must have a positive sum");
  } else if (sums.count == 0) {
    sums.outcome = Invalid("counts", "must have a positive sum");
  }
  if (!sums.outcome.ok()) return sums;
  for (const double weight : weights) sums.weight += weight / sums.heaviest;
  for (size_t i = 0; i < counts.size(); ++i) {
    const bool expected = sums.Share(weights[i]) > 0;
    sums.positive_weights += expected;
    sums.impossible = sums.impossible || (!expected && counts[i] > 0);
  }
  return sums;
}

}  // namespace

SampleRatio SampleRatioTest(std::span<const double> counts, std::span<const double> weights) {
  SampleRatio result;
  const Sums sums = Add(counts, weights);
  result.outcome = sums.outcome;
  if (!sums.outcome.ok()) return result;
  result.df = sums.positive_weights - 1;
  if (sums.impossible) {
    result.p_value = 0;
    return result;
  }
  double statistic = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = sums.count * sums.Share(weights[i]);
    if (expected == 0) continue;
    const double off = counts[i] - expected;
    if (off != 0) statistic += off * (off / expected);
  }
  result.statistic = statistic;
  RequireFinite(&result.outcome, "statistic", result.statistic);
  if (result.df > 0 && result.outcome.ok()) result.p_value = ChiSquaredTail(statistic, result.df);
  RequireFinite(&result.outcome, "p_value", result.p_value);
  return result;
}

// With x_i = a_i + n_i, X = 100 + n, e_i = X w_i and ln Gamma from Stirling's formula, the large
// terms of the log gammas add up to e_i ((1+u) ln(1+u) - u), u = x_i / e_i - 1: a sum of what is
// not negative, where the plain formula subtracts numbers that are larger by many orders of
// magnitude.
SequentialSampleRatio SequentialSampleRatioTest(std::span<const double> counts,
                                                std::span<const double> weights) {
  SequentialSampleRatio result;
  const Sums sums = Add(counts, weights);
  result.outcome = sums.outcome;
  if (!sums.outcome.ok()) return result;
  if (sums.impossible) {
    result.p_value = 0;
    return result;
  }
  const double all = kConcentration + sums.count;
  double log_factor =
      0.5 * std::log(all / kConcentration) - StirlingRest(all) + StirlingRest(kConcentration);
  for (size_t i = 0; i < counts.size(); ++i) {
    const double share = sums.Share(weights[i]);
    if (share == 0) continue;
    const double prior = kConcentration * share;
    const double expected = all * share;
    const double posterior = prior + counts[i];
    const double u = (counts[i] - sums.count * share) / expected;
    const double surprise = u > -1 ? (1 + u) * Log1pMinusX(u) + u * u : 1;
    log_factor += expected * surprise - 0.5 * std::log(posterior / prior) +
                  StirlingRest(posterior) - StirlingRest(prior);
  }
  result.log_bayes_factor = log_factor;
  result.p_value = std::min(1.0, std::exp(-log_factor));
  RequireFinite(&result.outcome, "log_bayes_factor", result.log_bayes_factor);
  return result;
}

}  // namespace promptreg::stats
