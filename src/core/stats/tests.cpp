#include "core/stats/tests.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/stats/special.h"

namespace promptreg::stats {
namespace {

struct Interval {
  double low;
  double high;
};

// Wilson's score interval of a proportion.
Interval Wilson(double successes, double n, double z) {
  const double p = successes / n;
  const double z2 = z * z / n;
  const double middle = p + z2 / 2;
  const double half = std::sqrt(z2) * std::sqrt(p * (1 - p) + z2 / 4);
  return {.low = successes == 0 ? 0 : std::max(0.0, (middle - half) / (1 + z2)),
          .high = successes == n ? 1 : std::min(1.0, (middle + half) / (1 + z2))};
}

Outcome CheckProportion(double successes, double n, const char* successes_name,
                        const char* n_name) {
  if (!IsCount(n) || n == 0) return Invalid(n_name, kPositiveRule);
  if (!IsCount(successes)) return Invalid(successes_name, kNotNegativeRule);
  if (successes > n)
    return Invalid(successes_name, "must not be greater than the number of trials");
  return {};
}

Outcome CheckSample(double mean, double sd, double n, const char* mean_name, const char* sd_name,
                    const char* n_name) {
  if (!std::isfinite(mean)) return Invalid(mean_name, kFiniteRule);
  if (!IsCount(sd)) return Invalid(sd_name, kNotNegativeRule);
  if (!(n >= 2) || !std::isfinite(n)) return Invalid(n_name, "must be at least 2");
  return {};
}

double SumOfColumn(std::span<const double> counts, size_t columns, size_t column) {
  double sum = 0;
  for (size_t i = column; i < counts.size(); i += columns) sum += counts[i];
  return sum;
}

double SumOf(std::span<const double> values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

// Tables with fixed margins, by their upper left cell x, with likelihoods relative to the likeliest
// one.
class Hypergeometric {
 public:
  Hypergeometric(double row, double other_row, double column)
      : row_(row),
        column_(column),
        rest_(other_row - column),
        low_(std::max(0.0, -rest_)),
        high_(std::min(row, column)),
        mode_(std::clamp(std::floor((row + 1) * (column + 1) / (row + other_row + 2)), low_,
                         high_)) {}

  // Calls visit(x, likelihood) for all x whose likelihood is not 0 as a double.
  template <typename Visit>
  void ForEach(Visit visit) const {
    double likelihood = 1;
    for (double x = mode_; x <= high_ && likelihood > 0; ++x) {
      visit(x, likelihood);
      likelihood *= Step(x);
    }
    likelihood = 1;
    for (double x = mode_ - 1; x >= low_; --x) {
      likelihood /= Step(x);
      if (likelihood == 0) break;
      visit(x, likelihood);
    }
  }

 private:
  // Likelihood of x + 1 over that of x.
  double Step(double x) const { return (row_ - x) * (column_ - x) / ((x + 1) * (rest_ + x + 1)); }

  double row_, column_, rest_;
  double low_, high_, mode_;
};

bool IsWhole(double value) {
  return IsCount(value) && value == std::floor(value);
}

}  // namespace

ChiSquared ChiSquaredTest(std::span<const double> counts, size_t columns) {
  ChiSquared result;
  if (columns < 2 || counts.size() < 2 * columns || counts.size() % columns != 0) {
    result.outcome = Invalid("counts", "must have at least two rows and two columns");
    return result;
  }
  for (const double count : counts) {
    if (IsCount(count)) continue;
    result.outcome = Invalid("counts", kNotNegativeRule);
    return result;
  }
  const size_t rows = counts.size() / columns;
  std::vector<double> row_sums(rows);
  for (size_t row = 0; row < rows; ++row) {
    row_sums[row] = SumOf(counts.subspan(row * columns, columns));
    if (row_sums[row] > 0) continue;
    result.outcome = Invalid("counts", "must have no empty row");
    return result;
  }
  result.df = static_cast<double>(rows - 1) * static_cast<double>(columns - 1);

  const double total = SumOf(counts);
  double statistic = 0;
  for (size_t column = 0; column < columns; ++column) {
    const double share = SumOfColumn(counts, columns, column) / total;
    if (share == 0) return result;
    for (size_t row = 0; row < rows; ++row) {
      const double expected = row_sums[row] * share;
      const double off = counts[row * columns + column] - expected;
      statistic += off * off / expected;
    }
  }
  result.statistic = statistic;
  result.p_value = ChiSquaredTail(statistic, result.df);
  RequireFinite(&result.outcome, "statistic", result.statistic);
  RequireFinite(&result.outcome, "p_value", result.p_value);
  return result;
}

TwoProportions TwoProportionTest(double successes_a, double n_a, double successes_b, double n_b,
                                 double confidence) {
  TwoProportions result;
  result.outcome = CheckProportion(successes_a, n_a, "successes_a", "n_a");
  if (!result.outcome.ok()) return result;
  result.outcome = CheckProportion(successes_b, n_b, "successes_b", "n_b");
  if (!result.outcome.ok()) return result;
  if (!IsOpenFraction(confidence)) {
    result.outcome = Invalid("confidence", kOpenFractionRule);
    return result;
  }

  const double p_a = successes_a / n_a;
  const double p_b = successes_b / n_b;
  result.difference = p_b - p_a;
  const double pooled = (successes_a + successes_b) / (n_a + n_b);
  const double variance = pooled * (1 - pooled) * (1 / n_a + 1 / n_b);
  if (variance > 0) {
    result.z = result.difference / std::sqrt(variance);
    result.p_value = 2 * NormalTail(std::fabs(*result.z));
  }

  const double z = NormalUpperQuantile((1 - confidence) / 2);
  const Interval a = Wilson(successes_a, n_a, z);
  const Interval b = Wilson(successes_b, n_b, z);
  result.ci_low = std::max(-1.0, result.difference - std::hypot(p_b - b.low, a.high - p_a));
  result.ci_high = std::min(1.0, result.difference + std::hypot(b.high - p_b, p_a - a.low));
  RequireFinite(&result.outcome, "z", result.z);
  RequireFinite(&result.outcome, "ci_low", result.ci_low);
  RequireFinite(&result.outcome, "ci_high", result.ci_high);
  return result;
}

Welch WelchTest(double mean_a, double sd_a, double n_a, double mean_b, double sd_b, double n_b,
                double confidence) {
  Welch result;
  result.outcome = CheckSample(mean_a, sd_a, n_a, "mean_a", "sd_a", "n_a");
  if (!result.outcome.ok()) return result;
  result.outcome = CheckSample(mean_b, sd_b, n_b, "mean_b", "sd_b", "n_b");
  if (!result.outcome.ok()) return result;
  if (!IsOpenFraction(confidence)) {
    result.outcome = Invalid("confidence", kOpenFractionRule);
    return result;
  }

  result.difference = mean_b - mean_a;
  RequireFinite(&result.outcome, "difference", result.difference);
  // Roots and shares instead of squares, which could overflow or vanish.
  const double error_a = sd_a / std::sqrt(n_a);
  const double error_b = sd_b / std::sqrt(n_b);
  const double error = std::hypot(error_a, error_b);
  if (error == 0 || !result.outcome.ok()) return result;
  const double share_a = (error_a / error) * (error_a / error);
  const double share_b = (error_b / error) * (error_b / error);
  const double df = 1 / (share_a * share_a / (n_a - 1) + share_b * share_b / (n_b - 1));
  const double t = result.difference / error;
  result.df = df;
  result.t = t;
  RequireFinite(&result.outcome, "df", result.df);
  RequireFinite(&result.outcome, "t", result.t);
  if (!result.outcome.ok()) return result;
  result.p_value = 2 * StudentTail(std::fabs(t), df);
  const double half = error * StudentUpperQuantile((1 - confidence) / 2, df);
  result.ci_low = result.difference - half;
  result.ci_high = result.difference + half;
  RequireFinite(&result.outcome, "p_value", result.p_value);
  RequireFinite(&result.outcome, "ci_low", result.ci_low);
  RequireFinite(&result.outcome, "ci_high", result.ci_high);
  return result;
}

Fisher FisherTest(double a, double b, double c, double d) {
  Fisher result;
  constexpr const char* kNames[] = {"a", "b", "c", "d"};
  const double cells[] = {a, b, c, d};
  for (int i = 0; i < 4; ++i) {
    if (IsWhole(cells[i])) continue;
    result.outcome = Invalid(kNames[i], "must be a whole number that is not negative");
    return result;
  }
  if (a + b + c + d > kMostInFisher) {
    result.outcome = Invalid("a + b + c + d", "must be at most 1000000000");
  } else if (a + b == 0) {
    result.outcome = Invalid("a + b", kPositiveRule);
  } else if (c + d == 0) {
    result.outcome = Invalid("c + d", kPositiveRule);
  }
  if (!result.outcome.ok()) return result;

  const Hypergeometric tables(a + b, c + d, a + c);
  double observed = 0;
  double total = 0;
  tables.ForEach([&](double x, double likelihood) {
    if (x == a) observed = likelihood;
    total += likelihood;
  });
  // Tables that are exactly as likely differ by rounding.
  const double limit = observed * (1 + 1e-9);
  double unlikely = 0;
  tables.ForEach([&](double, double likelihood) {
    if (likelihood <= limit) unlikely += likelihood;
  });
  result.p_value = std::min(1.0, unlikely / total);
  return result;
}

}  // namespace promptreg::stats
