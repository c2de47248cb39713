#include "core/stats/means.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/stats/bayes.h"
#include "core/stats/best.h"
#include "core/stats/special.h"

namespace promptreg::stats {
namespace {

constexpr double kMostObservations = 1e9;
constexpr double kFall = 60;  // a density is 0 where its logarithm is so far below its peak

// The variable of integration is u with x = centre + unit sinh(u): near the centre it is x, far
// from it the logarithm, in which also the heavy tails of few observations fall exponentially.
struct Point {
  double x;
  double slope;  // dx/du
};

struct Sinh {
  double centre;
  double unit;

  Point At(double u) const {
    return {.x = centre + unit * std::sinh(u), .slope = unit * std::cosh(u)};
  }
  double Inverse(double x) const { return std::asinh((x - centre) / unit); }
};

class Student {
 public:
  Student(double location, double scale, double df)
      : location_(location), scale_(scale), df_(df), log_height_(LogHeight(df)) {
    reach_ = std::sqrt(df * std::expm1(2 * kFall / (df + 1)));
  }

  double location() const { return location_; }
  double scale() const { return scale_; }
  double reach() const { return reach_; }  // in scales

  Tails TailsAt(const Point& at) const {
    const double t = (at.x - location_) / scale_;
    if (t <= -reach_) return {.lower = 0, .upper = 1};
    if (t >= reach_) return {.lower = 1, .upper = 0};
    const double tail = StudentTail(std::fabs(t), df_);
    return t > 0 ? Tails{.lower = 1 - tail, .upper = tail}
                 : Tails{.lower = tail, .upper = 1 - tail};
  }

  double Density(const Point& at) const {
    const double t = (at.x - location_) / scale_;
    if (std::fabs(t) >= reach_) return 0;
    return std::exp(log_height_ - (df_ + 1) / 2 * std::log1p(t * t / df_)) / scale_ * at.slope;
  }

 private:
  // ln of Gamma((df + 1) / 2) / (Gamma(df / 2) sqrt(pi df)), with Stirling's formula for both.
  static double LogHeight(double df) {
    const double half = df / 2;
    return half * std::log1p(0.5 / half) - 0.5 + StirlingRest(half + 0.5) - StirlingRest(half) -
           0.5 * std::log(2 * std::numbers::pi);
  }

  double location_, scale_, df_, log_height_;
  double reach_ = 0;
};

using Students = std::vector<Student>;

Outcome Check(const MeanSamples& samples) {
  const size_t count = samples.n.size();
  if (count == 0) return Invalid("n", "must have at least one element");
  if (count > kMostPosteriors) return Invalid("n", "must have at most 100 elements");
  if (samples.means.size() != count) return Invalid("means", "must have as many elements as n");
  if (samples.sds.size() != count) return Invalid("sds", "must have as many elements as n");
  for (size_t i = 0; i < count; ++i) {
    if (!IsCount(samples.n[i])) return Invalid("n", kNotNegativeRule);
    if (samples.n[i] > kMostObservations) {
      return Invalid("n", "must have elements of at most 1000000000");
    }
    if (!(std::fabs(samples.means[i]) <= 1e100)) return Invalid("means", "must be within 1e100");
    if (!(samples.sds[i] >= 0 && samples.sds[i] <= 1e100)) {
      return Invalid("sds", "must be from 0 to 1e100");
    }
  }
  return {};
}

// Mean and variance of all observations together.
struct Pooled {
  double mean = 0;
  double variance = 0;
};

Pooled Pool(const MeanSamples& samples) {
  Pooled pooled;
  double all = 0;
  for (size_t i = 0; i < samples.n.size(); ++i) {
    all += samples.n[i];
    if (samples.n[i] > 0) pooled.mean += (samples.means[i] - pooled.mean) * (samples.n[i] / all);
  }
  if (all <= 1) return pooled;
  for (size_t i = 0; i < samples.n.size(); ++i) {
    if (samples.n[i] == 0) continue;
    const double away = samples.means[i] - pooled.mean;
    const double within = std::max(0.0, samples.n[i] - 1) * samples.sds[i] * samples.sds[i];
    pooled.variance += (within + samples.n[i] * away * away) / (all - 1);
  }
  return pooled;
}

Students Posteriors(const MeanSamples& samples, const Pooled& pooled) {
  Students posteriors;
  posteriors.reserve(samples.n.size());
  for (size_t i = 0; i < samples.n.size(); ++i) {
    const double n = samples.n[i];
    const double away = n > 0 ? samples.means[i] - pooled.mean : 0;
    const double within = std::max(0.0, n - 1) * samples.sds[i] * samples.sds[i];
    const double beta = pooled.variance + within / 2 + n * away * away / (2 * (1 + n));
    posteriors.emplace_back(pooled.mean + n * away / (1 + n),
                            std::sqrt(beta / ((1 + n / 2) * (1 + n))), 2 + n);
  }
  return posteriors;
}

Sinh ScaleOf(const Students& posteriors) {
  double low = posteriors[0].location();
  double high = low;
  double unit = posteriors[0].scale();
  for (const Student& posterior : posteriors) {
    low = std::min(low, posterior.location());
    high = std::max(high, posterior.location());
    unit = std::min(unit, posterior.scale());
  }
  return {.centre = low + (high - low) / 2, .unit = unit};
}

// Panels to start from: the peaks and their flanks, without those that say the same.
std::vector<double> Breakpoints(const Students& posteriors, const Sinh& scale) {
  std::vector<double> candidates;
  double finest = 1;
  for (const Student& posterior : posteriors) {
    const double peak = scale.Inverse(posterior.location());
    finest = std::min(finest, posterior.scale() / scale.At(peak).slope);
    for (const double flank : {-5.0, -2.5, 0.0, 2.5, 5.0}) {
      candidates.push_back(scale.Inverse(posterior.location() + flank * posterior.scale()));
    }
    for (const double side : {-posterior.reach(), posterior.reach()}) {
      candidates.push_back(scale.Inverse(posterior.location() + side * posterior.scale()));
    }
  }
  std::sort(candidates.begin(), candidates.end());
  std::vector<double> points = {candidates.front()};
  for (const double candidate : candidates) {
    if (candidate - points.back() >= 2 * finest && candidates.back() - candidate >= 2 * finest) {
      points.push_back(candidate);
    }
  }
  points.push_back(candidates.back());
  return points;
}

constexpr Outcome kNotConverged = {
    .status = Status::kOutOfRange, .name = "means", .rule = "are too far apart for the quadrature"};

}  // namespace

Outcome ProbBestMean(const MeanSamples& samples, std::span<double> probabilities) {
  const Outcome outcome = Check(samples);
  if (!outcome.ok()) return outcome;
  const Pooled pooled = Pool(samples);
  if (!(pooled.variance > 0)) {
    std::fill(probabilities.begin(), probabilities.end(),
              1 / static_cast<double>(probabilities.size()));
    return {};
  }
  const Students posteriors = Posteriors(samples, pooled);
  const Sinh scale = ScaleOf(posteriors);
  const bool converged =
      IntegrateBest(scale, posteriors, Breakpoints(posteriors, scale), probabilities);
  return converged ? Outcome{} : kNotConverged;
}

Outcome ExpectedLossMean(const MeanSamples& samples, std::span<double> losses) {
  const Outcome outcome = Check(samples);
  if (!outcome.ok()) return outcome;
  const Pooled pooled = Pool(samples);
  if (!(pooled.variance > 0)) {
    std::fill(losses.begin(), losses.end(), 0.0);
    return {};
  }
  const Students posteriors = Posteriors(samples, pooled);
  const Sinh scale = ScaleOf(posteriors);
  const bool converged = IntegrateLoss(scale, posteriors, Breakpoints(posteriors, scale), losses);
  return converged ? Outcome{} : kNotConverged;
}

Outcome BanditWeightsOfMeans(Algorithm algorithm, const MeanSamples& samples, double floor,
                             std::span<int> ppm) {
  if (algorithm != Algorithm::kThompson && algorithm != Algorithm::kTopTwo) {
    return Invalid("algorithm", "must be thompson or top_two for means");
  }
  std::vector<double> shares(samples.n.size());
  const Outcome outcome = ProbBestMean(samples, shares);
  if (!outcome.ok()) return outcome;
  if (algorithm == Algorithm::kTopTwo) TopTwoShares(shares);
  return WeightsInPpm(shares, floor, ppm);
}

}  // namespace promptreg::stats
