#include "core/stats/bandit.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <vector>

#include "core/stats/bayes.h"
#include "core/stats/bernoulli.h"

namespace promptreg::stats {
namespace {

constexpr double kMostOutcomes = kLargestShape - 1;

Outcome Check(std::span<const double> successes, std::span<const double> n) {
  if (n.empty()) return Invalid("n", "must have at least one element");
  if (n.size() > kMostPosteriors) return Invalid("n", "must have at most 100 elements");
  if (successes.size() != n.size()) return Invalid("successes", "must have as many elements as n");
  for (size_t i = 0; i < n.size(); ++i) {
    if (!IsCount(n[i])) return Invalid("n", kNotNegativeRule);
    if (n[i] > kMostOutcomes) return Invalid("n", "must have elements below 1000000000");
    if (!IsCount(successes[i])) return Invalid("successes", kNotNegativeRule);
    if (successes[i] > n[i]) return Invalid("successes", "must not be greater than n");
  }
  return {};
}

Outcome CheckFloor(double floor, size_t variants) {
  if (!(floor >= 0)) return Invalid("floor", kNotNegativeRule);
  // 1 / K is allowed, whatever its rounding.
  if (floor * static_cast<double>(variants) > 1 + 1e-12) {
    return Invalid("floor", "must be at most 1 divided by the number of variants");
  }
  return {};
}

Outcome ThompsonShares(std::span<const double> successes, std::span<const double> n,
                       std::span<double> shares) {
  std::vector<double> alpha(n.size());
  std::vector<double> beta(n.size());
  for (size_t i = 0; i < n.size(); ++i) {
    alpha[i] = 1 + successes[i];
    beta[i] = 1 + n[i] - successes[i];
  }
  return ProbBest(alpha, beta, shares);
}

double UpperIndex(Algorithm algorithm, double successes, double n, double log_all) {
  if (n == 0) return std::numeric_limits<double>::infinity();
  const double mean = successes / n;
  return algorithm == Algorithm::kUcb1 ? mean + std::sqrt(2 * log_all / n)
                                       : KlUpper(mean, log_all / n);
}

void GreedyShares(Algorithm algorithm, std::span<const double> successes, std::span<const double> n,
                  std::span<double> shares) {
  const double all = std::accumulate(n.begin(), n.end(), 0.0);
  const double log_all = all > 1 ? std::log(all) : 0;
  for (size_t i = 0; i < n.size(); ++i)
    shares[i] = UpperIndex(algorithm, successes[i], n[i], log_all);
  const double largest = *std::max_element(shares.begin(), shares.end());
  for (double& share : shares) share = share == largest ? 1 : 0;
}

}  // namespace

std::optional<Algorithm> AlgorithmOf(std::string_view name) {
  if (name == "thompson") return Algorithm::kThompson;
  if (name == "top_two") return Algorithm::kTopTwo;
  if (name == "ucb1") return Algorithm::kUcb1;
  if (name == "kl_ucb") return Algorithm::kKlUcb;
  return std::nullopt;
}

void TopTwoShares(std::span<double> shares) {
  constexpr double kUnknown = 1e-20;  // P(best) is not known below
  const std::vector<double> best(shares.begin(), shares.end());
  const size_t count = best.size();
  if (count < 2) return;
  for (size_t i = 0; i < count; ++i) shares[i] = best[i] / 2;
  for (size_t j = 0; j < count; ++j) {
    double others = 0;  // 1 - a_j, exactly
    for (size_t i = 0; i < count; ++i) others += i == j ? 0 : best[i];
    for (size_t i = 0; i < count; ++i) {
      if (i == j) continue;
      const double challenge =
          others > kUnknown ? best[i] / others : 1 / static_cast<double>(count - 1);
      shares[i] += best[j] * challenge / 2;
    }
  }
}

Outcome WeightsInPpm(std::span<const double> shares, double floor, std::span<int> ppm) {
  const size_t count = shares.size();
  const Outcome outcome = CheckFloor(floor, count);
  if (!outcome.ok()) return outcome;
  double sum = 0;
  for (const double share : shares) {
    if (!IsCount(share)) return Invalid("shares", kNotNegativeRule);
    sum += share;
  }
  if (!(sum > 0) || !std::isfinite(sum)) return Invalid("shares", "must have a positive sum");

  const double rest = std::max(0.0, 1 - static_cast<double>(count) * floor);
  std::vector<double> remainders(count);
  int left = kPartsPerMillion;
  for (size_t i = 0; i < count; ++i) {
    const double exact = kPartsPerMillion * (floor + rest * (shares[i] / sum));
    // What is whole but for rounding is whole.
    const double whole = std::floor(exact + 1e-6);
    ppm[i] = static_cast<int>(whole);
    remainders[i] = std::max(0.0, exact - whole);
    left -= ppm[i];
  }
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return remainders[a] > remainders[b]; });
  for (size_t i = 0; left > 0; i = (i + 1) % count, --left) ++ppm[order[i]];
  return {};
}

Outcome BanditWeights(Algorithm algorithm, std::span<const double> successes,
                      std::span<const double> n, double floor, std::span<int> ppm) {
  Outcome outcome = Check(successes, n);
  if (outcome.ok()) outcome = CheckFloor(floor, n.size());
  if (!outcome.ok()) return outcome;
  std::vector<double> shares(n.size());
  switch (algorithm) {
    case Algorithm::kThompson:
    case Algorithm::kTopTwo:
      outcome = ThompsonShares(successes, n, shares);
      if (!outcome.ok()) return outcome;
      if (algorithm == Algorithm::kTopTwo) TopTwoShares(shares);
      break;
    case Algorithm::kUcb1:
    case Algorithm::kKlUcb:
      GreedyShares(algorithm, successes, n, shares);
      break;
  }
  return WeightsInPpm(shares, floor, ppm);
}

}  // namespace promptreg::stats
