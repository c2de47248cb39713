// Shares of traffic from outcomes: the part of a bandit that decides. Deterministic: the same
// outcomes give the same weights.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "core/stats/outcome.h"

namespace promptreg::stats {

enum class Algorithm : uint8_t {
  kThompson,  // share = P(best) with posteriors Beta(1 + s, 1 + n - s)
  kTopTwo,  // top-two Thompson sampling (Russo, arXiv 1602.08448) with one half for the challenger
  kUcb1,   // all to the largest s/n + sqrt(2 ln N / n) (Auer and others, Machine Learning 47, 2002)
  kKlUcb,  // all to the largest q with n d(s/n, q) <= ln N (Garivier and Cappe, arXiv 1102.2490,
           // with c = 0)
};

std::optional<Algorithm> AlgorithmOf(std::string_view name);  // thompson, top_two, ucb1, kl_ucb

inline constexpr int kPartsPerMillion = 1'000'000;

// Shares w of the algorithm; with the floor f under each p = f + (1 - K f) w; and p in parts per
// million, rounded by largest remainder (ties to the earlier variant) so that they sum to a
// million. N is the sum of n; the bandits that give all to the largest index share equally between
// equal ones, and variants without outcomes come first. Discounted outcomes, which are not whole,
// are welcome. Domain: arrays of one length, 1 .. kMostPosteriors; 0 <= successes <= n <= 1e9 - 1;
// 0 <= floor <= 1 / K.
Outcome BanditWeights(Algorithm algorithm, std::span<const double> successes,
                      std::span<const double> n, double floor, std::span<int> ppm);

// Turns each variant's P(best) into its share under kTopTwo: with probability one half the best of
// a draw is played, otherwise the draw is repeated until another is the best. share_i = a_i (1 +
// sum over j != i of a_j / (1 - a_j)) / 2, a = P(best).
void TopTwoShares(std::span<double> shares);

// Only the last two steps, for shares that come from elsewhere: finite, not negative, with a
// positive sum.
Outcome WeightsInPpm(std::span<const double> shares, double floor, std::span<int> ppm);

}  // namespace promptreg::stats
