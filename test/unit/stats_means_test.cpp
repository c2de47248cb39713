#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "core/stats/means.h"

namespace promptreg::stats {
namespace {

using Values = std::vector<double>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Values BestOf(const Values& means, const Values& sds, const Values& n) {
  Values result(n.size());
  const Outcome outcome = ProbBestMean({.means = means, .sds = sds, .n = n}, result);
  EXPECT_TRUE(outcome.ok()) << outcome.name << " " << outcome.rule;
  return result;
}

Values LossOf(const Values& means, const Values& sds, const Values& n) {
  Values result(n.size());
  const Outcome outcome = ExpectedLossMean({.means = means, .sds = sds, .n = n}, result);
  EXPECT_TRUE(outcome.ok()) << outcome.name << " " << outcome.rule;
  return result;
}

void ExpectGolden(const Values& actual, const Values& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], 1e-9 * expected[i]) << i;
  }
}

// By mpmath 1.3 with 25 digits, from the formulas of means.h.
TEST(Means, GoldenValues) {
  ExpectGolden(BestOf({4.1, 4.25}, {1.2, 1.3}, {500, 480}), {0.03068522322208, 0.9693147767779});
  ExpectGolden(LossOf({4.1, 4.25}, {1.2, 1.3}, {500, 480}), {0.1506509756491, 0.0009567284355568});
  ExpectGolden(BestOf({10, 12, 11}, {3, 4, 5}, {3, 5, 8}),
               {0.1797806973564, 0.5332925063651, 0.2869267962785});
  ExpectGolden(LossOf({10, 12, 11}, {3, 4, 5}, {3, 5, 8}),
               {2.452691627941, 0.8797749612739, 1.720052739052});
}

TEST(Means, AgreeWithRandomDraws) {
  const Values means = {5, 5.2, 4.9};
  const Values sds = {2, 3, 1};
  const Values n = {40, 30, 200};
  // The posteriors, written down once more.
  const double all = 270;
  const double pooled = (40 * 5 + 30 * 5.2 + 200 * 4.9) / all;
  double variance = 0;
  for (size_t i = 0; i < 3; ++i) {
    variance += ((n[i] - 1) * sds[i] * sds[i] + n[i] * std::pow(means[i] - pooled, 2)) / (all - 1);
  }
  std::mt19937_64 random(7);
  constexpr int kDraws = 200'000;
  Values wins(3);
  for (int draw = 0; draw < kDraws; ++draw) {
    size_t best = 0;
    double most = -1e300;
    for (size_t i = 0; i < 3; ++i) {
      const double shape = 1 + n[i] / 2;
      const double rate = variance + (n[i] - 1) * sds[i] * sds[i] / 2 +
                          n[i] * std::pow(means[i] - pooled, 2) / (2 * (1 + n[i]));
      const double precision = std::gamma_distribution<double>(shape, 1 / rate)(random);
      const double location = (pooled + n[i] * means[i]) / (1 + n[i]);
      const double x =
          std::normal_distribution<double>(location, 1 / std::sqrt(precision * (1 + n[i])))(random);
      if (x > most) {
        most = x;
        best = i;
      }
    }
    ++wins[best];
  }
  const Values expected = BestOf(means, sds, n);
  for (size_t i = 0; i < 3; ++i) {
    const double error = std::sqrt(expected[i] * (1 - expected[i]) / kDraws);
    EXPECT_NEAR(wins[i] / kDraws, expected[i], 4 * error);
  }
}

TEST(Means, ShiftAndScaleChangeNothingButTheLossesUnit) {
  const Values best = BestOf({1, 2, 3}, {4, 4, 5}, {50, 60, 70});
  ExpectGolden(BestOf({1001, 1002, 1003}, {4, 4, 5}, {50, 60, 70}), best);
  ExpectGolden(BestOf({1e6, 2e6, 3e6}, {4e6, 4e6, 5e6}, {50, 60, 70}), best);
  Values loss = LossOf({1, 2, 3}, {4, 4, 5}, {50, 60, 70});
  for (double& value : loss) value *= 1e6;
  ExpectGolden(LossOf({1e6, 2e6, 3e6}, {4e6, 4e6, 5e6}, {50, 60, 70}), loss);
}

TEST(Means, KnowingNothingIsEqual) {
  ExpectGolden(BestOf({0, 0}, {0, 0}, {0, 0}), {0.5, 0.5});
  ExpectGolden(BestOf({3, 3, 3}, {0, 0, 0}, {10, 20, 30}), {1. / 3, 1. / 3, 1. / 3});
  EXPECT_EQ(LossOf({3, 3}, {0, 0}, {10, 20}), (Values{0, 0}));
  // One without observations may still be the best.
  const Values best = BestOf({5, 6, 0}, {1, 1, 0}, {100, 100, 0});
  EXPECT_GT(best[2], 0.1);
  EXPECT_LT(best[2], 0.6);
}

TEST(Means, ExtremesConverge) {
  for (const double n : {2.0, 3.5, 1e3, 1e6, 1e9}) {
    for (const double away : {0.0, 1e-6, 1.0, 1e6}) {
      const Values best = BestOf({0, away, -away}, {1, 1e-3, 1e3}, {n, n, n});
      EXPECT_NEAR(best[0] + best[1] + best[2], 1, 1e-12);
      for (const double loss : LossOf({0, away, -away}, {1, 1e-3, 1e3}, {n, n, n})) {
        EXPECT_GE(loss, 0);
      }
    }
  }
  const Values many(100, 10.0);
  EXPECT_NEAR(BestOf(many, many, many)[99], 0.01, 1e-9);
}

TEST(Means, WeightsKeepTheFloorAndSumToAMillion) {
  const Values means = {10, 12, 11};
  const Values sds = {3, 4, 5};
  const Values n = {30, 50, 80};
  const MeanSamples samples = {.means = means, .sds = sds, .n = n};
  std::vector<int> ppm(3);
  ASSERT_TRUE(BanditWeightsOfMeans(Algorithm::kThompson, samples, 0.05, ppm).ok());
  EXPECT_EQ(ppm[0] + ppm[1] + ppm[2], kPartsPerMillion);
  const Values best = BestOf(means, sds, n);
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(ppm[i], 1e6 * (0.05 + 0.85 * best[i]), 1);
  ASSERT_TRUE(BanditWeightsOfMeans(Algorithm::kTopTwo, samples, 0.05, ppm).ok());
  EXPECT_LT(ppm[1], 560'000);
  EXPECT_GT(ppm[1], 400'000);
}

TEST(Means, Domain) {
  Values out(2);
  std::vector<int> ppm(2);
  const Values two = {1, 2};
  const Values bad = {1, kNan};
  const Values negative = {1, -1};
  const Values one = {1};
  const auto best = [&](const Values& means, const Values& sds, const Values& n) {
    return ProbBestMean({.means = means, .sds = sds, .n = n}, out);
  };
  EXPECT_STREQ(best(bad, two, two).name, "means");
  EXPECT_STREQ(best(one, two, two).name, "means");
  EXPECT_STREQ(best(two, bad, two).name, "sds");
  EXPECT_STREQ(best(two, negative, two).name, "sds");
  EXPECT_STREQ(best(two, one, two).name, "sds");
  EXPECT_STREQ(best(two, two, bad).name, "n");
  EXPECT_STREQ(best(two, two, negative).name, "n");
  EXPECT_STREQ(best({}, {}, {}).name, "n");
  EXPECT_STREQ(best(Values(101, 1), Values(101, 1), Values(101, 1)).name, "n");
  const MeanSamples samples = {.means = two, .sds = two, .n = two};
  EXPECT_STREQ(BanditWeightsOfMeans(Algorithm::kUcb1, samples, 0.05, ppm).name, "algorithm");
  EXPECT_STREQ(BanditWeightsOfMeans(Algorithm::kThompson, samples, 0.6, ppm).name, "floor");
}

}  // namespace
}  // namespace promptreg::stats
