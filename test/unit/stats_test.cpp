#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/stats/bandit.h"
#include "core/stats/bayes.h"
#include "core/stats/bernoulli.h"
#include "core/stats/multiplicity.h"
#include "core/stats/power.h"
#include "core/stats/sample_ratio.h"
#include "core/stats/sequences.h"
#include "core/stats/tests.h"

namespace promptreg::stats {
namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr int kPaths = 500;  // a tenth of the speed
#else
constexpr int kPaths = 10'000;
#endif

using Values = std::vector<double>;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

#define EXPECT_RELATIVE(actual, expected, tolerance) \
  EXPECT_NEAR((actual), (expected), std::fabs(expected) * (tolerance))
// Published with twelve digits or fewer: half a unit of the last one, or 1e-9 of the value.
#define EXPECT_GOLDEN(actual, expected) EXPECT_RELATIVE(actual, expected, 1e-9)

#define EXPECT_INVALID(outcome, argument)       \
  do {                                          \
    const Outcome failed = (outcome);           \
    EXPECT_EQ(failed.status, Status::kInvalid); \
    EXPECT_STREQ(failed.name, argument);        \
    EXPECT_STRNE(failed.rule, "");              \
  } while (0)

Values BestOf(const Values& alpha, const Values& beta) {
  Values result(alpha.size());
  const Outcome outcome = ProbBest(alpha, beta, result);
  EXPECT_TRUE(outcome.ok()) << outcome.name << " " << outcome.rule;
  return result;
}

Values LossOf(const Values& alpha, const Values& beta) {
  Values result(alpha.size());
  const Outcome outcome = ExpectedLoss(alpha, beta, result);
  EXPECT_TRUE(outcome.ok()) << outcome.name << " " << outcome.rule;
  return result;
}

std::vector<int> WeightsOf(Algorithm algorithm, const Values& successes, const Values& n,
                           double floor) {
  std::vector<int> result(n.size());
  const Outcome outcome = BanditWeights(algorithm, successes, n, floor, result);
  EXPECT_TRUE(outcome.ok()) << outcome.name << " " << outcome.rule;
  return result;
}

// --- Tests at a fixed sample size ---

TEST(ChiSquared, GoldenValues) {
  const ChiSquared two = ChiSquaredTest(Values{120, 880, 150, 850}, 2);
  ASSERT_TRUE(two.outcome.ok());
  EXPECT_GOLDEN(*two.statistic, 3.85356454721);
  EXPECT_GOLDEN(*two.p_value, 0.0496403868654);
  EXPECT_EQ(two.df, 1);
  const ChiSquared three = ChiSquaredTest(Values{120, 880, 150, 850, 90, 910}, 2);
  EXPECT_GOLDEN(*three.statistic, 17.0454545455);
  EXPECT_GOLDEN(*three.p_value, 0.000198896240702);
  EXPECT_EQ(three.df, 2);
}

// Time grows with the number of cells: with its square, this would take minutes.
TEST(ChiSquared, TakesManyColumns) {
  constexpr size_t kColumns = 500'000;
  Values counts(2 * kColumns, 1.0);
  counts.front() = 2;
  const ChiSquared chi = ChiSquaredTest(counts, kColumns);
  EXPECT_TRUE(chi.outcome.ok());
  EXPECT_EQ(chi.df, kColumns - 1.0);
  EXPECT_NEAR(chi.p_value.value(), 1, 1e-9);
}

TEST(ChiSquared, IsTheSquareOfZ) {
  for (const double successes : {1.0, 40.0, 333.0, 999.0}) {
    const auto z = TwoProportionTest(120, 1000, successes, 1000, 0.95);
    const auto chi = ChiSquaredTest(Values{120, 880, successes, 1000 - successes}, 2);
    EXPECT_RELATIVE(*chi.statistic, *z.z * *z.z, 1e-12);
    EXPECT_RELATIVE(*chi.p_value, *z.p_value, 1e-11);
  }
}

TEST(ChiSquared, DoesNotDependOnTheOrderOfGroupsOrOutcomes) {
  const double statistic = *ChiSquaredTest(Values{12, 88, 15, 85, 9, 91}, 2).statistic;
  EXPECT_RELATIVE(*ChiSquaredTest(Values{9, 91, 12, 88, 15, 85}, 2).statistic, statistic, 1e-13);
  EXPECT_RELATIVE(*ChiSquaredTest(Values{88, 12, 85, 15, 91, 9}, 2).statistic, statistic, 1e-13);
  EXPECT_RELATIVE(*ChiSquaredTest(Values{12, 15, 9, 88, 85, 91}, 3).statistic, statistic, 1e-13);
}

TEST(ChiSquared, KnowsNothingWhereNoGroupHasAnOutcome) {
  const auto result = ChiSquaredTest(Values{0, 10, 0, 20}, 2);
  EXPECT_TRUE(result.outcome.ok());
  EXPECT_FALSE(result.statistic);
  EXPECT_FALSE(result.p_value);
}

TEST(ChiSquared, Domain) {
  EXPECT_INVALID(ChiSquaredTest(Values{}, 0).outcome, "counts");
  EXPECT_INVALID(ChiSquaredTest(Values{1, 2}, 2).outcome, "counts");
  EXPECT_INVALID(ChiSquaredTest(Values{1, 2}, 1).outcome, "counts");
  EXPECT_INVALID(ChiSquaredTest(Values{1, 2, 3, 4, 5}, 2).outcome, "counts");
  EXPECT_INVALID(ChiSquaredTest(Values{1, -2, 3, 4}, 2).outcome, "counts");
  EXPECT_INVALID(ChiSquaredTest(Values{1, kNan, 3, 4}, 2).outcome, "counts");
  EXPECT_INVALID(ChiSquaredTest(Values{0, 0, 3, 4}, 2).outcome, "counts");
}

TEST(TwoProportions, GoldenValues) {
  const TwoProportions result = TwoProportionTest(120, 1000, 150, 1000, 0.95);
  ASSERT_TRUE(result.outcome.ok());
  EXPECT_RELATIVE(result.difference, 0.03, 1e-14);
  EXPECT_GOLDEN(*result.z, 1.96304980762);
  EXPECT_GOLDEN(*result.p_value, 0.0496403868654);
  EXPECT_GOLDEN(result.ci_low, 1.37824342041e-05);
  EXPECT_GOLDEN(result.ci_high, 0.0600082585701);
}

TEST(TwoProportions, IsAntisymmetric) {
  const auto there = TwoProportionTest(12, 200, 31, 150, 0.9);
  const auto back = TwoProportionTest(31, 150, 12, 200, 0.9);
  EXPECT_DOUBLE_EQ(there.difference, -back.difference);
  EXPECT_DOUBLE_EQ(*there.z, -*back.z);
  EXPECT_DOUBLE_EQ(*there.p_value, *back.p_value);
  EXPECT_DOUBLE_EQ(there.ci_low, -back.ci_high);
  EXPECT_DOUBLE_EQ(there.ci_high, -back.ci_low);
}

// Newcombe's own worked examples, with four digits: 56/70 - 48/80 and 10/10 - 0/10.
TEST(TwoProportions, IntervalOfThePaper) {
  const auto common = TwoProportionTest(48, 80, 56, 70, 0.95);
  EXPECT_NEAR(common.ci_low, 0.0524, 5e-5);
  EXPECT_NEAR(common.ci_high, 0.3339, 5e-5);
  const auto extreme = TwoProportionTest(0, 10, 10, 10, 0.95);
  EXPECT_NEAR(extreme.ci_low, 0.6075, 5e-5);
  EXPECT_DOUBLE_EQ(extreme.ci_high, 1);
}

TEST(TwoProportions, WithoutVarianceThereIsAnIntervalButNoTest) {
  const auto result = TwoProportionTest(0, 20, 0, 30, 0.95);
  EXPECT_TRUE(result.outcome.ok());
  EXPECT_EQ(result.difference, 0);
  EXPECT_FALSE(result.z);
  EXPECT_FALSE(result.p_value);
  EXPECT_LT(result.ci_low, 0);
  EXPECT_GT(result.ci_high, 0);
}

TEST(TwoProportions, MoreConfidenceIsWider) {
  double width = 0;
  for (const double confidence : {0.5, 0.8, 0.9, 0.95, 0.99, 0.999999}) {
    const auto result = TwoProportionTest(3, 50, 9, 70, confidence);
    EXPECT_GT(result.ci_high - result.ci_low, width);
    width = result.ci_high - result.ci_low;
  }
}

TEST(TwoProportions, Domain) {
  EXPECT_INVALID(TwoProportionTest(0, 0, 1, 2, 0.95).outcome, "n_a");
  EXPECT_INVALID(TwoProportionTest(1, 2, 0, 0, 0.95).outcome, "n_b");
  EXPECT_INVALID(TwoProportionTest(1, kNan, 1, 2, 0.95).outcome, "n_a");
  EXPECT_INVALID(TwoProportionTest(1, kInfinity, 1, 2, 0.95).outcome, "n_a");
  EXPECT_INVALID(TwoProportionTest(-1, 2, 1, 2, 0.95).outcome, "successes_a");
  EXPECT_INVALID(TwoProportionTest(1, 2, 3, 2, 0.95).outcome, "successes_b");
  for (const double confidence : {0.0, 1.0, -0.5, kNan, kInfinity}) {
    EXPECT_INVALID(TwoProportionTest(1, 2, 1, 2, confidence).outcome, "confidence");
  }
}

TEST(Welch, GoldenValues) {
  const Welch result = WelchTest(4.1, 1.2, 500, 4.25, 1.3, 480, 0.95);
  ASSERT_TRUE(result.outcome.ok());
  EXPECT_RELATIVE(result.difference, 0.15, 1e-13);
  EXPECT_GOLDEN(*result.t, 1.87487794161);
  EXPECT_GOLDEN(*result.df, 963.981301902);
  EXPECT_GOLDEN(*result.p_value, 0.0611116832609);
  EXPECT_GOLDEN(*result.ci_low, -0.00700445542706);
  EXPECT_GOLDEN(*result.ci_high, 0.307004455427);
}

TEST(Welch, EqualVariancesAndSizesGiveStudentsTest) {
  const Welch result = WelchTest(0, 1, 6, 1.5, 1, 6, 0.95);
  EXPECT_RELATIVE(*result.df, 10, 1e-14);
  EXPECT_RELATIVE(*result.t, 1.5 * std::sqrt(3.0), 1e-14);
  // 2.228138851986274 is the 97.5 % quantile with ten degrees of freedom.
  EXPECT_RELATIVE(*result.ci_high - 1.5, 2.228138851986274 / std::sqrt(3.0), 1e-12);
}

TEST(Welch, IsAntisymmetricAndDoesNotDependOnTheUnit) {
  const auto there = WelchTest(3, 2, 12, 5, 4, 9, 0.95);
  const auto back = WelchTest(5, 4, 9, 3, 2, 12, 0.95);
  EXPECT_DOUBLE_EQ(*there.t, -*back.t);
  EXPECT_DOUBLE_EQ(*there.p_value, *back.p_value);
  EXPECT_DOUBLE_EQ(*there.ci_low, -*back.ci_high);
  for (const double unit : {1e-200, 1e200}) {
    const auto scaled = WelchTest(3 * unit, 2 * unit, 12, 5 * unit, 4 * unit, 9, 0.95);
    EXPECT_RELATIVE(*scaled.p_value, *there.p_value, 1e-12);
    EXPECT_RELATIVE(*scaled.df, *there.df, 1e-12);
  }
}

TEST(Welch, WithoutVarianceThereIsOnlyADifference) {
  const auto result = WelchTest(1, 0, 10, 2, 0, 10, 0.95);
  EXPECT_TRUE(result.outcome.ok());
  EXPECT_EQ(result.difference, 1);
  EXPECT_FALSE(result.t || result.df || result.p_value || result.ci_low || result.ci_high);
}

TEST(Welch, Domain) {
  EXPECT_INVALID(WelchTest(kNan, 1, 10, 2, 1, 10, 0.95).outcome, "mean_a");
  EXPECT_INVALID(WelchTest(1, 1, 10, kInfinity, 1, 10, 0.95).outcome, "mean_b");
  EXPECT_INVALID(WelchTest(1, -1, 10, 2, 1, 10, 0.95).outcome, "sd_a");
  EXPECT_INVALID(WelchTest(1, 1, 1, 2, 1, 10, 0.95).outcome, "n_a");
  EXPECT_INVALID(WelchTest(1, 1, 10, 2, 1, 0, 0.95).outcome, "n_b");
  EXPECT_INVALID(WelchTest(1, 1, 10, 2, 1, 10, 1).outcome, "confidence");
  const Welch huge = WelchTest(-1e308, 1, 10, 1e308, 1, 10, 0.95);
  EXPECT_EQ(huge.outcome.status, Status::kOutOfRange);
  EXPECT_STREQ(huge.outcome.name, "difference");
}

// The definition, with exact binomial coefficients.
double FisherByEnumeration(int a, int b, int c, int d) {
  const auto choose = [](int n, int k) {
    long double result = 1;
    for (int i = 0; i < k; ++i) result = result * (n - i) / (i + 1);
    return std::round(result);
  };
  const int low = std::max(0, a - d);
  const int high = std::min(a + b, a + c);
  const auto ways = [&](int x) { return choose(a + b, x) * choose(c + d, a + c - x); };
  long double total = 0;
  long double unlikely = 0;
  for (int x = low; x <= high; ++x) {
    total += ways(x);
    if (ways(x) <= ways(a)) unlikely += ways(x);
  }
  return static_cast<double>(unlikely / total);
}

TEST(Fisher, GoldenValue) {
  EXPECT_GOLDEN(FisherTest(8, 2, 1, 5).p_value, 0.034965034965);
}

TEST(Fisher, IsTheEnumerationOfAllTables) {
  for (int a = 0; a <= 12; ++a) {
    for (int b = 0; b <= 9; ++b) {
      for (int c = 0; c <= 11; ++c) {
        for (int d = 0; d <= 7; ++d) {
          if (a + b == 0 || c + d == 0) continue;
          const Fisher result = FisherTest(a, b, c, d);
          ASSERT_TRUE(result.outcome.ok());
          ASSERT_NEAR(result.p_value, FisherByEnumeration(a, b, c, d), 1e-12)
              << a << " " << b << " " << c << " " << d;
        }
      }
    }
  }
}

TEST(Fisher, ApproachesTheChiSquaredTest) {
  const double chi = *ChiSquaredTest(Values{1.2e8, 8.8e8 - 1e8, 3e4, 1.97e5}, 2).p_value;
  EXPECT_NEAR(FisherTest(1.2e8, 7.8e8, 3e4, 1.97e5).p_value, chi, 0.01);
}

TEST(Fisher, DoesNotDependOnTheOrder) {
  const double p = FisherTest(3, 17, 9, 11).p_value;
  EXPECT_RELATIVE(FisherTest(9, 11, 3, 17).p_value, p, 1e-13);
  EXPECT_RELATIVE(FisherTest(17, 3, 11, 9).p_value, p, 1e-13);
  EXPECT_RELATIVE(FisherTest(3, 9, 17, 11).p_value, p, 1e-13);
}

TEST(Fisher, Domain) {
  EXPECT_INVALID(FisherTest(-1, 2, 3, 4).outcome, "a");
  EXPECT_INVALID(FisherTest(1, 2.5, 3, 4).outcome, "b");
  EXPECT_INVALID(FisherTest(1, 2, kNan, 4).outcome, "c");
  EXPECT_INVALID(FisherTest(1, 2, 3, kInfinity).outcome, "d");
  EXPECT_INVALID(FisherTest(0, 0, 3, 4).outcome, "a + b");
  EXPECT_INVALID(FisherTest(1, 2, 0, 0).outcome, "c + d");
  EXPECT_INVALID(FisherTest(1e9, 2, 3, 4).outcome, "a + b + c + d");
  EXPECT_DOUBLE_EQ(FisherTest(0, 5, 0, 7).p_value, 1);
}

// --- Sample ratio ---

TEST(SampleRatio, GoldenValues) {
  EXPECT_GOLDEN(*SampleRatioTest(Values{5000, 5210}, Values{1, 1}).p_value, 0.0376825354731);
  const auto sequential = SequentialSampleRatioTest(Values{5000, 5400}, Values{0.5, 0.5});
  EXPECT_GOLDEN(*sequential.log_bayes_factor, 5.29216141607);
  EXPECT_GOLDEN(sequential.p_value, 0.00503087468641);
}

TEST(SampleRatio, WeightsAreRelative) {
  const Values counts = {480, 310, 215};
  const auto fixed = SampleRatioTest(counts, Values{.5, .3, .2});
  EXPECT_EQ(fixed.df, 2);
  for (const double unit : {1e-308, 10.0, 1e307}) {
    const Values weights = {5 * unit, 3 * unit, 2 * unit};
    EXPECT_RELATIVE(*SampleRatioTest(counts, weights).p_value, *fixed.p_value, 1e-12);
    EXPECT_NEAR(*SequentialSampleRatioTest(counts, weights).log_bayes_factor,
                *SequentialSampleRatioTest(counts, Values{.5, .3, .2}).log_bayes_factor, 1e-12);
  }
}

// The definition, good enough where the log gammas are small.
double PlainLogBayesFactor(const Values& counts, const Values& weights) {
  const double n = std::accumulate(counts.begin(), counts.end(), 0.0);
  double result = std::lgamma(100) - std::lgamma(100 + n);
  for (size_t i = 0; i < counts.size(); ++i) {
    const double a = 100 * weights[i];
    result += std::lgamma(a + counts[i]) - std::lgamma(a) - counts[i] * std::log(weights[i]);
  }
  return result;
}

TEST(SequentialSampleRatio, IsThePlainFormula) {
  for (const Values& counts : {Values{0, 0, 1}, Values{1, 0, 0}, Values{30, 50, 20},
                               Values{500, 310, 215}, Values{0, 900, 3}}) {
    const Values weights = {.5, .49, .01};
    EXPECT_NEAR(*SequentialSampleRatioTest(counts, weights).log_bayes_factor,
                PlainLogBayesFactor(counts, weights), 1e-9);
  }
}

// In the limit of many: n times the divergence, less the price of two parameters. From 60 digits of
// precision.
TEST(SequentialSampleRatio, KeepsItsDigitsWhereTheLogGammasAreHuge) {
  EXPECT_RELATIVE(
      *SequentialSampleRatioTest(Values{5e11, 5.00005e11}, Values{1, 1}).log_bayes_factor,
      0.9845095757750334, 1e-9);
  EXPECT_RELATIVE(*SequentialSampleRatioTest(Values{5e17, 5e17}, Values{1, 1}).log_bayes_factor,
                  -18.4231807022907, 1e-9);
}

// The false alarms of somebody who looks after every visit.
TEST(SequentialSampleRatio, AlarmsRarelyHoweverOftenItIsLookedAt) {
  const int paths = kPaths / 10;
  std::mt19937_64 random(7);
  int alarms = 0;
  for (int path = 0; path < paths; ++path) {
    Values counts = {0, 0};
    for (int i = 0; i < 1000; ++i) {
      counts[random() >> 63] += 1;
      if (SequentialSampleRatioTest(counts, Values{1, 1}).p_value < 0.05) {
        ++alarms;
        break;
      }
    }
  }
  EXPECT_LT(alarms, 0.05 * paths);
}

TEST(SampleRatio, CountsWithoutWeightAreImpossible) {
  const auto fixed = SampleRatioTest(Values{5, 5, 1}, Values{1, 1, 0});
  EXPECT_FALSE(fixed.statistic);
  EXPECT_EQ(*fixed.p_value, 0);
  const auto sequential = SequentialSampleRatioTest(Values{5, 5, 1}, Values{1, 1, 0});
  EXPECT_FALSE(sequential.log_bayes_factor);
  EXPECT_EQ(sequential.p_value, 0);
  // A variant that is off and was not met changes nothing.
  EXPECT_DOUBLE_EQ(*SampleRatioTest(Values{5, 9, 0}, Values{1, 1, 0}).p_value,
                   *SampleRatioTest(Values{5, 9}, Values{1, 1}).p_value);
  EXPECT_FALSE(SampleRatioTest(Values{5, 0}, Values{1, 0}).p_value);
}

TEST(SampleRatio, Domain) {
  const auto both = [](const Values& counts, const Values& weights, const char* name) {
    EXPECT_INVALID(SampleRatioTest(counts, weights).outcome, name);
    EXPECT_INVALID(SequentialSampleRatioTest(counts, weights).outcome, name);
  };
  both({}, {}, "counts");
  both({1}, {1}, "counts");
  both({1, 2}, {1}, "weights");
  both({1, -2}, {1, 1}, "counts");
  both({0, 0}, {1, 1}, "counts");
  both({1, 2}, {0, 0}, "weights");
  both({1, 2}, {1, -1}, "weights");
  both({1, 2}, {1, kNan}, "weights");
  both({1, 2}, {1, kInfinity}, "weights");
}

// --- Posteriors ---

TEST(ProbBest, GoldenValues) {
  EXPECT_GOLDEN(BestOf({121, 151}, {881, 851})[1], 0.975067836812);
  const Values best = BestOf({31, 41, 51, 36}, {971, 961, 951, 966});
  const Values expected = {0.00579296350, 0.13178114706, 0.82819133716, 0.03423455228};
  for (size_t i = 0; i < 4; ++i) EXPECT_NEAR(best[i], expected[i], 1e-9 * expected[i] + 5e-12);
}

TEST(ExpectedLoss, GoldenValue) {
  EXPECT_GOLDEN(LossOf({121, 151}, {881, 851})[1], 0.000144177855114);
}

// P(B > A) for whole alpha of B: sum over i < alpha_b of B(alpha_a + i, beta_a + beta_b) / ((beta_b
// + i) B(1 + i, beta_b) B(alpha_a, beta_a)).
double ProbabilityByFiniteSum(double alpha_a, double beta_a, double alpha_b, double beta_b) {
  const auto log_beta = [](double x, double y) {
    return std::lgamma(x) + std::lgamma(y) - std::lgamma(x + y);
  };
  double sum = 0;
  for (int i = 0; i < alpha_b; ++i) {
    sum += std::exp(log_beta(alpha_a + i, beta_a + beta_b) - std::log(beta_b + i) -
                    log_beta(1 + i, beta_b) - log_beta(alpha_a, beta_a));
  }
  return sum;
}

TEST(ProbBest, IsTheFiniteSumForTwo) {
  const double shapes[][4] = {{1, 1, 1, 1},         {1, 1, 5, 2},    {3.5, 8, 2, 9},
                              {121, 881, 151, 851}, {0.5, 1, 1, 3},  {20, 1, 30, 0.25},
                              {701, 301, 90, 40},   {1, 2000, 3, 10}};
  for (const auto& s : shapes) {
    const double expected = ProbabilityByFiniteSum(s[0], s[1], s[2], s[3]);
    const Values best = BestOf({s[0], s[2]}, {s[1], s[3]});
    EXPECT_NEAR(best[1], expected, 1e-10);
  }
}

TEST(ProbBest, SumsToOneUpToTen) {
  std::mt19937_64 random(3);
  for (int k = 1; k <= 10; ++k) {
    for (int i = 0; i < 20; ++i) {
      Values alpha;
      Values beta;
      for (int j = 0; j < k; ++j) {
        const double n = std::exp(std::uniform_real_distribution<>(0, 15)(random));
        const double p = std::uniform_real_distribution<>(0, 1)(random);
        alpha.push_back(1 + n * p);
        beta.push_back(1 + n * (1 - p));
      }
      const Values best = BestOf(alpha, beta);
      double sum = 0;
      for (const double p : best) {
        EXPECT_GE(p, 0);
        sum += p;
      }
      EXPECT_NEAR(sum, 1, 1e-12);
    }
  }
}

TEST(ProbBest, EqualPosteriorsShareEqually) {
  for (const size_t k : {2u, 3u, 10u, 40u}) {
    for (const double shape : {0.001, 0.5, 1.0, 20.0, 1e5, 1e9}) {
      for (const double p : BestOf(Values(k, shape), Values(k, 2 * std::min(shape, 5e8)))) {
        EXPECT_NEAR(p, 1.0 / static_cast<double>(k), 1e-9);
      }
    }
  }
}

TEST(ProbBest, SwappingSuccessAndFailureSwapsTwo) {
  const Values best = BestOf({30, 2}, {70, 9});
  const Values worst = BestOf({70, 9}, {30, 2});
  EXPECT_NEAR(best[0], worst[1], 1e-12);
}

TEST(ProbBest, GrowsWithSuccesses) {
  double before = 0;
  for (double alpha = 1; alpha < 60; ++alpha) {
    const double now = BestOf({20, 25, alpha}, {30, 30, 30})[2];
    EXPECT_GT(now, before);
    before = now;
  }
}

// A uniform between two nearly certain ones: exact to what is not certain.
TEST(ProbBest, ShapesOfVeryDifferentSize) {
  const Values best = BestOf({1, 5e8}, {1, 5e8});
  EXPECT_NEAR(best[0], 0.5, 1e-9);
  const Values three = BestOf({1, 2.5e8, 1e-3}, {1, 7.5e8, 1e9});
  EXPECT_NEAR(three[0], 0.75, 1e-8);
  EXPECT_NEAR(three[1], 0.25, 1e-8);
  EXPECT_NEAR(three[2], 0, 1e-8);
}

TEST(ProbBest, AgreesWithRandomDraws) {
  const Values alpha = {31, 41, 36};
  const Values beta = {71, 88, 64};
  const Values best = BestOf(alpha, beta);
  const Values loss = LossOf(alpha, beta);
  std::mt19937_64 random(11);
  const int draws = 20 * kPaths;
  Values wins(3);
  Values lost(3);
  for (int draw = 0; draw < draws; ++draw) {
    double p[3];
    for (size_t k = 0; k < 3; ++k) {
      const double x = std::gamma_distribution<>(alpha[k], 1)(random);
      const double y = std::gamma_distribution<>(beta[k], 1)(random);
      p[k] = x / (x + y);
    }
    const double largest = *std::max_element(p, p + 3);
    for (size_t k = 0; k < 3; ++k) {
      wins[k] += p[k] == largest;
      lost[k] += largest - p[k];
    }
  }
  for (size_t k = 0; k < 3; ++k) {
    EXPECT_NEAR(wins[k] / draws, best[k], 4 * 0.5 / std::sqrt(draws));
    EXPECT_NEAR(lost[k] / draws, loss[k], 4 * 0.07 / std::sqrt(draws));
  }
}

TEST(ExpectedLoss, DifferencesAreThoseOfTheMeans) {
  const Values alpha = {3, 40, 700, 0.5};
  const Values beta = {5, 61, 1000, 0.7};
  const Values loss = LossOf(alpha, beta);
  for (size_t i = 0; i < 4; ++i) {
    const double mean = alpha[i] / (alpha[i] + beta[i]);
    EXPECT_NEAR(loss[0] - loss[i], mean - alpha[0] / (alpha[0] + beta[0]), 1e-11);
  }
  EXPECT_NEAR(LossOf({1, 1}, {1, 1})[0], 1.0 / 6, 1e-13);
  EXPECT_NEAR(LossOf({1, 1, 1}, {1, 1, 1})[0], 0.25, 1e-13);
  EXPECT_EQ(LossOf({7}, {8})[0], 0);
}

TEST(Posteriors, Domain) {
  Values out(200);
  for (const auto function : {ProbBest, ExpectedLoss}) {
    EXPECT_INVALID(function({}, {}, {}), "alpha");
    EXPECT_INVALID(function(Values{1, 2}, Values{1}, out), "beta");
    for (const double bad : {0.0, -1.0, 1e-4, 1.1e9, kNan, kInfinity}) {
      EXPECT_INVALID(function(Values{1, bad}, Values{1, 1}, out), "alpha");
      EXPECT_INVALID(function(Values{1, 1}, Values{bad, 1}, out), "beta");
    }
    EXPECT_INVALID(function(Values(101, 1), Values(101, 1), out), "alpha");
  }
}

// --- Confidence sequences ---

TEST(ConfidenceSequence, GoldenValues) {
  const auto result = ConfidenceSequence(0.04, 0.01, 2000, 0.05, 5000, Sides::kTwo);
  ASSERT_TRUE(result.outcome.ok());
  EXPECT_GOLDEN(*result.half_width, 0.0312377909167);
  EXPECT_GOLDEN(*result.p_value, 0.00465835646082);
  EXPECT_GOLDEN(*result.ci_low, 0.04 - 0.0312377909167);
  EXPECT_GOLDEN(*result.ci_high, 0.04 + 0.0312377909167);
}

// p is the alpha at which the bound touches 0, at the rho of the alpha that was given.
TEST(ConfidenceSequence, PIsWhereTheIntervalTouchesZero) {
  for (const Sides sides : {Sides::kOne, Sides::kTwo}) {
    const auto at = ConfidenceSequence(0, 0.01, 2000, 0.05, 5000, sides);
    const auto touching = ConfidenceSequence(*at.half_width, 0.01, 2000, 0.05, 5000, sides);
    EXPECT_NEAR(*touching.ci_low, 0, 1e-15);
    EXPECT_RELATIVE(*touching.p_value, 0.05, 1e-12);
    EXPECT_LT(*ConfidenceSequence(*at.half_width * 1.01, 0.01, 2000, 0.05, 5000, sides).p_value,
              0.05);
  }
}

TEST(ConfidenceSequence, OneSidedIsNarrowerAndOnlyForPositiveEffects) {
  const auto one = ConfidenceSequence(0.04, 0.01, 2000, 0.05, 5000, Sides::kOne);
  const auto two = ConfidenceSequence(0.04, 0.01, 2000, 0.05, 5000, Sides::kTwo);
  EXPECT_LT(*one.half_width, *two.half_width);
  EXPECT_LT(*one.p_value, *two.p_value);
  EXPECT_FALSE(one.ci_high);
  EXPECT_EQ(*ConfidenceSequence(-0.04, 0.01, 2000, 0.05, 5000, Sides::kOne).p_value, 1);
  EXPECT_EQ(*ConfidenceSequence(0, 0.01, 2000, 0.05, 5000, Sides::kTwo).p_value, 1);
}

TEST(ConfidenceSequence, WiderThanAFixedIntervalAndNarrowestNearItsTuning) {
  double best = kInfinity;
  double best_n = 0;
  for (double n = 100; n < 1e6; n *= 1.1) {
    // in units of the standard error
    const double width = *ConfidenceSequence(0, 1, n, 0.05, 5000, Sides::kTwo).half_width;
    EXPECT_GT(width, 1.96);
    if (width < best) {
      best = width;
      best_n = n;
    }
  }
  EXPECT_GT(best_n, 2500);
  EXPECT_LT(best_n, 10000);
}

TEST(ConfidenceSequence, ExtremesStayFinite) {
  const auto far = ConfidenceSequence(1e300, 1e-300, 10, 0.05, 5000, Sides::kTwo);
  ASSERT_TRUE(far.outcome.ok());
  EXPECT_EQ(*far.p_value, 0);
  const auto one = ConfidenceSequence(1e300, 1e-300, 10, 0.05, 5000, Sides::kOne);
  ASSERT_TRUE(one.outcome.ok());
  EXPECT_EQ(*one.p_value, 0);
  EXPECT_EQ(ConfidenceSequence(0, 1e308, 1, 0.05, 5000, Sides::kTwo).outcome.status,
            Status::kOutOfRange);
  EXPECT_FALSE(ConfidenceSequence(0.1, 0, 10, 0.05, 5000, Sides::kTwo).p_value);
}

TEST(ConfidenceSequence, Domain) {
  const auto outcome = [](double estimate, double se, double n, double alpha, double tuning,
                          Sides sides) {
    return ConfidenceSequence(estimate, se, n, alpha, tuning, sides).outcome;
  };
  EXPECT_INVALID(outcome(kNan, 1, 10, .05, 5000, Sides::kTwo), "estimate");
  EXPECT_INVALID(outcome(0, -1, 10, .05, 5000, Sides::kTwo), "standard_error");
  EXPECT_INVALID(outcome(0, 1, 0, .05, 5000, Sides::kTwo), "n");
  EXPECT_INVALID(outcome(0, 1, kInfinity, .05, 5000, Sides::kTwo), "n");
  EXPECT_INVALID(outcome(0, 1, 10, 0, 5000, Sides::kTwo), "alpha");
  EXPECT_INVALID(outcome(0, 1, 10, 1, 5000, Sides::kTwo), "alpha");
  EXPECT_INVALID(outcome(0, 1, 10, .5, 5000, Sides::kOne), "alpha");
  EXPECT_INVALID(outcome(0, 1, 10, .05, 0, Sides::kTwo), "tuning_n");
  EXPECT_INVALID(outcome(0, 1, 10, .05, kNan, Sides::kTwo), "tuning_n");
}

// The share of paths on which the mean was inside at every look, one after each observation from
// the hundredth (the sequence is asymptotic) to the last.
double Coverage(const std::function<double(std::mt19937_64&)>& draw, double mean, Sides sides) {
  constexpr int kFirst = 100;
  constexpr int kLast = 2000;
  Values width(kLast + 1);
  for (int n = kFirst; n <= kLast; ++n) {
    width[static_cast<size_t>(n)] = *ConfidenceSequence(0, 1, n, 0.05, 500, sides).half_width;
  }
  std::mt19937_64 random(2024);
  int covered = 0;
  for (int path = 0; path < kPaths; ++path) {
    double average = 0;
    double squares = 0;
    bool inside = true;
    for (int n = 1; n <= kLast && inside; ++n) {
      const double x = draw(random);
      const double off = x - average;
      average += off / n;
      squares += off * (x - average);
      if (n < kFirst) continue;
      const double half = width[static_cast<size_t>(n)] * std::sqrt(squares / (n - 1) / n);
      inside = average - half <= mean && (sides == Sides::kOne || average + half >= mean);
    }
    covered += inside;
  }
  return static_cast<double>(covered) / kPaths;
}

TEST(ConfidenceSequence, CoversWhenLookedAtContinuously) {
  const auto uniform = [](std::mt19937_64& random) {
    return static_cast<double>(random() >> 11) * 0x1p-53;
  };
  const auto pass = [](std::mt19937_64& random) {
    return (random() >> 32) < 0.8 * 0x1p32 ? 1.0 : 0.0;
  };
  EXPECT_GE(Coverage(uniform, 0.5, Sides::kTwo), 0.95);
  EXPECT_GE(Coverage(uniform, 0.5, Sides::kOne), 0.95);
  EXPECT_GE(Coverage(pass, 0.8, Sides::kTwo), 0.95);
}

// The same looks at the usual interval: the simulation can fail.
TEST(ConfidenceSequence, AFixedIntervalWouldNotCover) {
  std::mt19937_64 random(5);
  int covered = 0;
  for (int path = 0; path < kPaths / 10; ++path) {
    double sum = 0;
    bool inside = true;
    for (int n = 1; n <= 2000 && inside; ++n) {
      sum += static_cast<double>(random() >> 11) * 0x1p-53 - 0.5;
      if (n >= 100) inside = std::fabs(sum / n) <= 1.96 * std::sqrt(1.0 / 12 / n);
    }
    covered += inside;
  }
  EXPECT_LT(covered, 0.9 * kPaths / 10);
}

TEST(BernoulliConfidenceSequence, BoundsSatisfyTheDefinition) {
  const auto log_ratio = [](double s, double n, double p) {
    return std::lgamma(1 + s) + std::lgamma(1 + n - s) - std::lgamma(2 + n) - s * std::log(p) -
           (n - s) * std::log1p(-p);
  };
  for (const double n : {1.0, 2.0, 17.0, 500.0, 4000.0}) {
    for (const double share : {0.0, 0.03, 0.5, 0.9, 1.0}) {
      const double s = std::floor(n * share);
      const auto result = BernoulliConfidenceSequence(s, n, 0.05);
      ASSERT_TRUE(result.outcome.ok());
      EXPECT_LE(result.ci_low, s / n);
      EXPECT_GE(result.ci_high, s / n);
      if (s > 0)
        EXPECT_NEAR(log_ratio(s, n, result.ci_low), std::log(20), 1e-8);
      else
        EXPECT_EQ(result.ci_low, 0);
      if (s < n)
        EXPECT_NEAR(log_ratio(s, n, result.ci_high), std::log(20), 1e-8);
      else
        EXPECT_EQ(result.ci_high, 1);
    }
  }
}

TEST(BernoulliConfidenceSequence, IsSymmetricAndShrinks) {
  double width = 1;
  for (const double n : {10.0, 100.0, 1e4, 1e6, 1e9, 1e15}) {
    const auto there = BernoulliConfidenceSequence(0.3 * n, n, 0.05);
    const auto back = BernoulliConfidenceSequence(n - 0.3 * n, n, 0.05);
    EXPECT_NEAR(there.ci_low, 1 - back.ci_high, 1e-12);
    EXPECT_NEAR(there.ci_high, 1 - back.ci_low, 1e-12);
    EXPECT_LT(there.ci_high - there.ci_low, width);
    width = there.ci_high - there.ci_low;
  }
}

TEST(BernoulliConfidenceSequence, CoversWhenLookedAtContinuously) {
  constexpr int kLast = 400;
  std::vector<std::vector<ProportionInterval>> intervals(kLast + 1);
  for (int n = 1; n <= kLast; ++n) {
    for (int s = 0; s <= n; ++s) {
      intervals[static_cast<size_t>(n)].push_back(BernoulliConfidenceSequence(s, n, 0.05));
    }
  }
  for (const double p : {0.02, 0.3, 0.8}) {
    std::mt19937_64 random(99);
    int covered = 0;
    for (int path = 0; path < kPaths; ++path) {
      size_t successes = 0;
      bool inside = true;
      for (size_t n = 1; n <= kLast && inside; ++n) {
        successes += static_cast<double>(random() >> 11) * 0x1p-53 < p;
        inside = intervals[n][successes].ci_low <= p && p <= intervals[n][successes].ci_high;
      }
      covered += inside;
    }
    EXPECT_GE(covered, 0.95 * kPaths) << p;
  }
}

TEST(BernoulliConfidenceSequence, Domain) {
  EXPECT_INVALID(BernoulliConfidenceSequence(0, 0, 0.05).outcome, "n");
  EXPECT_INVALID(BernoulliConfidenceSequence(-1, 5, 0.05).outcome, "successes");
  EXPECT_INVALID(BernoulliConfidenceSequence(6, 5, 0.05).outcome, "successes");
  EXPECT_INVALID(BernoulliConfidenceSequence(1, 5, 0).outcome, "alpha");
  EXPECT_INVALID(BernoulliConfidenceSequence(1, 5, kNan).outcome, "alpha");
}

// By mpmath 1.3 with 25 digits.
TEST(ThresholdSequence, GoldenValues) {
  const auto log_factor = [](double successes, double n, double threshold) {
    return ThresholdSequence(successes, n, threshold).log_bayes_factor.value();
  };
  EXPECT_GOLDEN(log_factor(30, 500, 0.03), 2.4338869434799);
  EXPECT_GOLDEN(log_factor(5, 10, 0.2), 1.4470038617718);
  EXPECT_GOLDEN(log_factor(0, 1, 0.5), -0.69314718055995);
  EXPECT_GOLDEN(log_factor(700, 10000, 0.05), 32.649926031671);
  EXPECT_GOLDEN(log_factor(450, 10000, 0.05), -7.0338831470435);
  EXPECT_GOLDEN(ThresholdSequence(30, 500, 0.03).p_value, 0.087695302573891);
  EXPECT_EQ(ThresholdSequence(450, 10000, 0.05).p_value, 1);
}

TEST(ThresholdSequence, FarBelowTheThresholdIsNoAlarm) {
  const ThresholdTest test = ThresholdSequence(0, 1e6, 0.5);
  EXPECT_TRUE(test.outcome.ok());
  EXPECT_FALSE(test.log_bayes_factor);
  EXPECT_EQ(test.p_value, 1);
  EXPECT_TRUE(ThresholdSequence(1e8, 1e8, 0.01).outcome.ok());
}

// At the threshold it fires in at most 5 % of all paths, however often one looks; above it does.
TEST(ThresholdSequence, HoldsWhenLookedAtContinuously) {
  const auto fires = [](double rate) {
    int fired = 0;
    std::mt19937_64 random(11);
    std::bernoulli_distribution failure(rate);
    for (int path = 0; path < kPaths / 10; ++path) {
      double failures = 0;
      for (int n = 1; n <= 2000; ++n) {
        failures += failure(random) ? 1 : 0;
        if (n % 5 == 0 && ThresholdSequence(failures, n, 0.05).p_value < 0.05) {
          ++fired;
          break;
        }
      }
    }
    return static_cast<double>(fired) / (kPaths / 10);
  };
  EXPECT_LE(fires(0.05), 0.05);
  EXPECT_GE(fires(0.08), 0.95);
}

TEST(ThresholdSequence, Domain) {
  EXPECT_INVALID(ThresholdSequence(1, 0, 0.5).outcome, "n");
  EXPECT_INVALID(ThresholdSequence(kNan, 10, 0.5).outcome, "successes");
  EXPECT_INVALID(ThresholdSequence(11, 10, 0.5).outcome, "successes");
  EXPECT_INVALID(ThresholdSequence(1, 10, 0).outcome, "threshold");
  EXPECT_INVALID(ThresholdSequence(1, 10, 1).outcome, "threshold");
}

TEST(BernoulliDivergence, IsInverted) {
  const auto divergence = [](double p, double q) {
    return (p > 0 ? p * std::log(p / q) : 0) + (p < 1 ? (1 - p) * std::log((1 - p) / (1 - q)) : 0);
  };
  for (const double p : {0.0, 0.01, 0.3, 0.5, 0.99, 1.0}) {
    for (const double d : {1e-3, 0.1, 1.0, 3.0}) {
      if (p < 1 && KlUpper(p, d) < 1 - 1e-9) {
        EXPECT_RELATIVE(divergence(p, KlUpper(p, d)), d, 1e-7);
      }
      if (p > 0) {
        EXPECT_RELATIVE(divergence(p, KlLower(p, d)), d, 1e-7);
      }
    }
    EXPECT_DOUBLE_EQ(KlUpper(p, 0), p);
    EXPECT_DOUBLE_EQ(KlLower(p, 0), p);
  }
}

// --- Power ---

TEST(Power, GoldenValues) {
  EXPECT_NEAR(*SampleSizeProportions(.70, .75, .05, .8).value, 1250.72, 0.005);
  EXPECT_NEAR(*SampleSizeProportions(.04, .05, .05, .95).value, 11165.99, 0.005);
  // z = 1.959963984540054 + 0.8416212335729143
  EXPECT_GOLDEN(*SampleSizeMeans(10, 2, .05, .8).value, 2 * std::pow(2.8015852181129683 * 5, 2));
}

TEST(Power, EffectAndSizeAreInverse) {
  for (const double base : {0.0, 1e-6, 0.04, 0.7, 0.99}) {
    for (const double n : {100.0, 500.0, 1e6}) {
      const Maybe effect = MinimumDetectableEffect(base, n, .05, .8).value;
      if (!effect) continue;
      EXPECT_RELATIVE(*SampleSizeProportions(base, base + *effect, .05, .8).value, n, 1e-6);
    }
  }
}

TEST(Power, FiveHundredSeeEightPoints) {
  EXPECT_NEAR(*MinimumDetectableEffect(.7, 500, .05, .8).value, 0.08, 0.003);
  EXPECT_FALSE(MinimumDetectableEffect(.99, 20, .05, .8).value);
}

TEST(Power, IsMonotone) {
  double size = kInfinity;
  double effect = 1;
  for (int i = 1; i < 30; ++i) {
    const double now = *SampleSizeProportions(.3, .3 + .02 * i, .05, .8).value;
    EXPECT_LT(now, size);
    size = now;
    const double seen = *MinimumDetectableEffect(.3, 100 * i * i, .05, .8).value;
    EXPECT_LT(seen, effect);
    effect = seen;
  }
  EXPECT_DOUBLE_EQ(*SampleSizeProportions(.2, .3, .05, .8).value,
                   *SampleSizeProportions(.3, .2, .05, .8).value);
  EXPECT_LT(*SampleSizeMeans(1, .1, .05, .8).value, *SampleSizeMeans(1, .1, .05, .9).value);
  EXPECT_LT(*SampleSizeMeans(1, .1, .05, .8).value, *SampleSizeMeans(1, .1, .01, .8).value);
}

TEST(Power, Domain) {
  EXPECT_INVALID(SampleSizeProportions(.2, .2, .05, .8).outcome, "p2");
  EXPECT_INVALID(SampleSizeProportions(-.2, .2, .05, .8).outcome, "p1");
  EXPECT_INVALID(SampleSizeProportions(.2, kNan, .05, .8).outcome, "p2");
  EXPECT_INVALID(SampleSizeProportions(.2, .3, 0, .8).outcome, "alpha");
  EXPECT_INVALID(SampleSizeProportions(.2, .3, .05, 1).outcome, "power");
  EXPECT_INVALID(SampleSizeProportions(.2, .3, .05, .01).outcome, "power");
  EXPECT_INVALID(SampleSizeMeans(0, 1, .05, .8).outcome, "sd");
  EXPECT_INVALID(SampleSizeMeans(1, 0, .05, .8).outcome, "difference");
  EXPECT_INVALID(MinimumDetectableEffect(1, 10, .05, .8).outcome, "base");
  EXPECT_INVALID(MinimumDetectableEffect(.5, 0, .05, .8).outcome, "n");
  EXPECT_EQ(SampleSizeMeans(1e300, 1e-300, .05, .8).outcome.status, Status::kOutOfRange);
}

// --- Several at once ---

TEST(Multiplicity, GoldenValues) {
  const Values p = {.001, .008, .039, .041, .042, .06, .074, .205};
  const Values holm = {.008, .056, .234, .234, .234, .234, .234, .234};
  const Values fdr = {.008, .032, .0672, .0672, .0672, .08, 0.592 / 7, .205};
  Values adjusted(p.size());
  ASSERT_TRUE(Holm(p, adjusted).ok());
  for (size_t i = 0; i < p.size(); ++i) EXPECT_GOLDEN(adjusted[i], holm[i]);
  ASSERT_TRUE(BenjaminiHochberg(p, adjusted).ok());
  for (size_t i = 0; i < p.size(); ++i) EXPECT_GOLDEN(adjusted[i], fdr[i]);
}

TEST(Multiplicity, KeepsTheOrderGiven) {
  const Values p = {.06, .001, .205, .042, .008, .074, .041, .039};
  Values adjusted(p.size());
  ASSERT_TRUE(Holm(p, adjusted).ok());
  EXPECT_GOLDEN(adjusted[1], .008);
  EXPECT_GOLDEN(adjusted[4], .056);
  ASSERT_TRUE(BenjaminiHochberg(p, adjusted).ok());
  EXPECT_GOLDEN(adjusted[0], .08);
  EXPECT_GOLDEN(adjusted[2], .205);
}

TEST(Multiplicity, AdjustedIsBetweenRawAndBonferroni) {
  std::mt19937_64 random(4);
  Values p(50);
  for (double& value : p) value = std::uniform_real_distribution<>(0, 0.2)(random);
  Values holm(50);
  Values fdr(50);
  ASSERT_TRUE(Holm(p, holm).ok());
  ASSERT_TRUE(BenjaminiHochberg(p, fdr).ok());
  for (size_t i = 0; i < p.size(); ++i) {
    EXPECT_LE(p[i], fdr[i]);
    EXPECT_LE(fdr[i], holm[i]);
    EXPECT_LE(holm[i], std::min(1.0, 50 * p[i]));
  }
}

TEST(Multiplicity, Domain) {
  Values out(2);
  for (const double bad : {-0.1, 1.1, kNan}) {
    EXPECT_INVALID(Holm(Values{0.5, bad}, out), "p");
    EXPECT_INVALID(BenjaminiHochberg(Values{0.5, bad}, out), "p");
  }
  EXPECT_TRUE(Holm({}, {}).ok());
  EXPECT_TRUE(BenjaminiHochberg({}, {}).ok());
}

// --- Bandits ---

constexpr Algorithm kAlgorithms[] = {Algorithm::kThompson, Algorithm::kTopTwo, Algorithm::kUcb1,
                                     Algorithm::kKlUcb};

TEST(BanditWeights, SumToAMillionAndKeepTheFloor) {
  std::mt19937_64 random(8);
  for (size_t k = 1; k <= 10; ++k) {
    for (int round = 0; round < 20; ++round) {
      Values n(k);
      Values successes(k);
      for (size_t i = 0; i < k; ++i) {
        n[i] = static_cast<double>(random() % 5000);
        successes[i] = std::floor(n[i] * std::uniform_real_distribution<>(0, 1)(random));
      }
      for (const Algorithm algorithm : kAlgorithms) {
        for (const double floor : {0.0, 0.03, 1.0 / static_cast<double>(k)}) {
          const std::vector<int> ppm = WeightsOf(algorithm, successes, n, floor);
          EXPECT_EQ(std::accumulate(ppm.begin(), ppm.end(), 0), kPartsPerMillion);
          EXPECT_GE(*std::min_element(ppm.begin(), ppm.end()), static_cast<int>(floor * 1e6));
        }
      }
    }
  }
}

TEST(BanditWeights, ThompsonIsPBestAboveTheFloor) {
  const std::vector<int> ppm = WeightsOf(Algorithm::kThompson, {120, 150}, {1000, 1000}, 0.05);
  EXPECT_EQ(ppm[1], static_cast<int>(std::lround(1e6 * (0.05 + 0.9 * 0.975067836812))));
}

TEST(BanditWeights, GreedyOnesGiveAllToTheLargestIndex) {
  // s/n + sqrt(2 ln 330 / n): .9406, 1.2770, .8783
  EXPECT_EQ(WeightsOf(Algorithm::kUcb1, {60, 20, 90}, {100, 30, 200}, 0.1),
            (std::vector<int>{100000, 800000, 100000}));
  // Without doubt about either, the better mean.
  for (const Algorithm algorithm : kAlgorithms) {
    EXPECT_EQ(WeightsOf(algorithm, {6e5, 7e5}, {1e6, 1e6}, 0)[1],
              algorithm == Algorithm::kTopTwo ? 500000 : 1000000);
  }
}

TEST(BanditWeights, UntriedVariantsComeFirst) {
  for (const Algorithm algorithm : {Algorithm::kUcb1, Algorithm::kKlUcb}) {
    EXPECT_EQ(WeightsOf(algorithm, {9, 0, 0}, {10, 0, 0}, 0),
              (std::vector<int>{0, 500000, 500000}));
    EXPECT_EQ(WeightsOf(algorithm, {0, 0, 0}, {0, 0, 0}, 0),
              (std::vector<int>{333334, 333333, 333333}));
  }
  EXPECT_EQ(WeightsOf(Algorithm::kThompson, {0, 0}, {0, 0}, 0), (std::vector<int>{500000, 500000}));
}

// Against the definition: half of the time the best of a draw, else the best of a draw that another
// has won.
TEST(BanditWeights, TopTwoAgreesWithRandomDraws) {
  const Values successes = {30, 40, 35};
  const Values n = {100, 110, 95};
  const std::vector<int> ppm = WeightsOf(Algorithm::kTopTwo, successes, n, 0);
  std::mt19937_64 random(21);
  const auto best = [&] {
    double p[3];
    for (size_t k = 0; k < 3; ++k) {
      const double x = std::gamma_distribution<>(1 + successes[k], 1)(random);
      const double y = std::gamma_distribution<>(1 + n[k] - successes[k], 1)(random);
      p[k] = x / (x + y);
    }
    return static_cast<size_t>(std::max_element(p, p + 3) - p);
  };
  const int draws = 5 * kPaths;
  Values played(3);
  for (int draw = 0; draw < draws; ++draw) {
    const size_t leader = best();
    size_t chosen = leader;
    if ((random() & 1) != 0) {
      while (chosen == leader) chosen = best();
    }
    played[chosen] += 1;
  }
  for (size_t k = 0; k < 3; ++k)
    EXPECT_NEAR(played[k] / draws, ppm[k] * 1e-6, 4 * 0.5 / std::sqrt(draws));
}

TEST(BanditWeights, TopTwoSplitsBetweenCertaintyAndTheRest) {
  EXPECT_EQ(WeightsOf(Algorithm::kTopTwo, {1e5, 9e5, 1e5}, {1e6, 1e6, 1e6}, 0),
            (std::vector<int>{250000, 500000, 250000}));
}

TEST(BanditWeights, BetterOutcomesNeverGetLess) {
  for (const Algorithm algorithm : {Algorithm::kThompson, Algorithm::kUcb1, Algorithm::kKlUcb}) {
    int before = 0;
    for (double s = 0; s <= 100; s += 5) {
      const int now = WeightsOf(algorithm, {50, s, 45}, {100, 100, 100}, 0.02)[1];
      EXPECT_GE(now, before);
      before = now;
    }
  }
}

TEST(BanditWeights, LargestRemainder) {
  std::vector<int> ppm(3);
  ASSERT_TRUE(WeightsInPpm(Values{1, 1, 1}, 0, ppm).ok());
  EXPECT_EQ(ppm, (std::vector<int>{333334, 333333, 333333}));
  ASSERT_TRUE(WeightsInPpm(Values{0.1, 0.2, 0.7}, 0.1, ppm).ok());
  EXPECT_EQ(ppm, (std::vector<int>{170000, 240000, 590000}));
  ASSERT_TRUE(WeightsInPpm(Values{0.1234564, 0.1234567, 0.7530869}, 0, ppm).ok());
  EXPECT_EQ(ppm, (std::vector<int>{123456, 123457, 753087}));
}

TEST(BanditWeights, Domain) {
  std::vector<int> out(200);
  const auto weights = [&](const Values& successes, const Values& n, double floor) {
    return BanditWeights(Algorithm::kThompson, successes, n, floor, out);
  };
  EXPECT_INVALID(weights({}, {}, 0), "n");
  EXPECT_INVALID(weights({1}, {1, 2}, 0), "successes");
  EXPECT_INVALID(weights({1, 3}, {1, 2}, 0), "successes");
  EXPECT_INVALID(weights({1, -1}, {1, 2}, 0), "successes");
  EXPECT_INVALID(weights({0, 0}, {1, -2}, 0), "n");
  EXPECT_INVALID(weights({0, 0}, {1, 1e9}, 0), "n");
  EXPECT_INVALID(weights({0, 0}, {1, 1}, -0.1), "floor");
  EXPECT_INVALID(weights({0, 0}, {1, 1}, 0.51), "floor");
  EXPECT_INVALID(weights({0, 0}, {1, 1}, kNan), "floor");
  EXPECT_INVALID(weights(Values(101), Values(101), 0), "n");
  EXPECT_EQ(AlgorithmOf("thompson"), Algorithm::kThompson);
  EXPECT_EQ(AlgorithmOf("Thompson"), std::nullopt);
}

}  // namespace
}  // namespace promptreg::stats
