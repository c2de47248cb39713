#include "core/stats/bayes.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "core/stats/best.h"
#include "core/stats/special.h"

namespace promptreg::stats {
namespace {

// The variable of integration is x = ln(p / (1 - p)): there every Beta density is smooth, has one
// peak and tails that fall exponentially, also where alpha or beta is below 1 and the density of p
// itself has poles.

constexpr double kFall =
    60;  // a density is taken as 0 where its logarithm is so far below its peak
constexpr double kLargeShape = 1e4;
constexpr double kEdge = 700;  // beyond, p or 1 - p is not a double any more

struct Point {
  double x;
  double p;
  double q;      // 1 - p
  double slope;  // dp/dx
};

struct Logit {
  static Point At(double x) {
    const double small = std::exp(-std::fabs(x));
    const double p = 1 / (1 + small);
    const double q = small / (1 + small);
    return x > 0 ? Point{x, p, q, p * q} : Point{x, q, p, p * q};
  }
};

class Posterior {
 public:
  Posterior(double alpha, double beta)
      : alpha_(alpha),
        beta_(beta),
        p_(alpha / (alpha + beta)),
        q_(beta / (alpha + beta)),
        peak_(std::log(alpha / beta)),
        width_(std::sqrt(1 / alpha + 1 / beta)),
        log_height_(-std::log(width_ * std::sqrt(2 * std::numbers::pi)) +
                    StirlingRest(alpha + beta) - StirlingRest(alpha) - StirlingRest(beta)),
        low_(Bound(-1)),
        high_(Bound(1)) {}

  double low() const { return low_; }
  double peak() const { return peak_; }
  double high() const { return high_; }
  double width() const { return width_; }

  // Of x, P(X <= x) and P(X > x).
  Tails TailsAt(const Point& at) const {
    if (at.x <= low_) return {.lower = 0, .upper = 1};
    if (at.x >= high_) return {.lower = 1, .upper = 0};
    if (at.x < -kEdge) {
      const double lower = BetaTails(alpha_, beta_, Logit::At(-kEdge).p).lower;
      const double smaller = lower * std::exp(alpha_ * (at.x + kEdge));
      return {.lower = smaller, .upper = 1 - smaller};
    }
    if (at.x > kEdge) {
      const double upper = BetaTails(beta_, alpha_, Logit::At(kEdge).q).lower;
      const double smaller = upper * std::exp(-beta_ * (at.x - kEdge));
      return {.lower = 1 - smaller, .upper = smaller};
    }
    if (at.x <= 0) return Sharpened(BetaTails(alpha_, beta_, at.p), alpha_, beta_, at.p, at);
    const Tails mirrored = Sharpened(BetaTails(beta_, alpha_, at.q), beta_, alpha_, at.q, at);
    return {.lower = mirrored.upper, .upper = mirrored.lower};
  }

  double Density(const Point& at) const {
    if (at.x <= low_ || at.x >= high_) return 0;
    return std::exp(log_height_ - Fall(at.x));
  }

 private:
  // Of large shapes the distribution functions lose digits, a + b times the precision of a double,
  // in a factor that the derivative has too and that Density knows better.
  Tails Sharpened(const Tails& tails, double a, double b, double x, const Point& at) const {
    if (std::min(a, b) < kLargeShape) return tails;
    const double slope = BetaSlope(a, b, x);
    if (!(slope > 0)) return tails;
    const double factor = Density(at) / slope;
    if (tails.lower < tails.upper)
      return {.lower = tails.lower * factor, .upper = 1 - tails.lower * factor};
    return {.lower = 1 - tails.upper * factor, .upper = tails.upper * factor};
  }

  // How far the logarithm of the density is below its peak: (alpha + beta) times the
  // Kullback-Leibler divergence of the mean from p, without subtracting large numbers from each
  // other.
  double Fall(double x) const {
    const double u = x - peak_;
    const double all = alpha_ + beta_;
    if (u > kEdge) return beta_ * u + all * std::log(p_);
    if (u < -kEdge) return -alpha_ * u + all * std::log(q_);
    if (std::fabs(u) >= 1) {
      // Exact for the smaller of p and q.
      return all * (p_ < q_ ? std::log1p(p_ * std::expm1(u)) - p_ * u
                            : std::log1p(q_ * std::expm1(-u)) + q_ * u);
    }
    const double e = std::expm1(u);
    const double step = e / (1 + p_ * e);
    return -(alpha_ * Log1pMinusX(q_ * step) + beta_ * Log1pMinusX(-p_ * step));
  }

  // Where the density has fallen by kFall, on one side.
  double Bound(double side) const {
    double near = 0;
    double far = width_;
    while (Fall(peak_ + side * far) < kFall) {
      near = far;
      far *= 2;
    }
    for (int i = 0; i < 20; ++i) {
      const double middle = (near + far) / 2;
      (Fall(peak_ + side * middle) < kFall ? near : far) = middle;
    }
    return peak_ + side * far;
  }

  double alpha_, beta_, p_, q_, peak_, width_, log_height_, low_, high_;
};

using Posteriors = std::vector<Posterior>;

// Panels to start from: the peaks and their flanks, without those that say the same.
std::vector<double> Breakpoints(const Posteriors& posteriors) {
  double low = posteriors[0].low();
  double high = posteriors[0].high();
  double finest = posteriors[0].width();
  std::vector<double> candidates;
  for (const Posterior& posterior : posteriors) {
    low = std::min(low, posterior.low());
    high = std::max(high, posterior.high());
    finest = std::min(finest, posterior.width());
    for (const double flank : {-5.0, -2.5, 0.0, 2.5, 5.0}) {
      candidates.push_back(posterior.peak() + flank * posterior.width());
    }
    candidates.push_back(posterior.low());
    candidates.push_back(posterior.high());
  }
  std::sort(candidates.begin(), candidates.end());
  std::vector<double> points = {low};
  for (const double candidate : candidates) {
    if (candidate - points.back() >= 2 * finest && high - candidate >= 2 * finest)
      points.push_back(candidate);
  }
  points.push_back(high);
  return points;
}

Outcome CheckShapes(std::span<const double> values, const char* name) {
  for (const double value : values) {
    if (!(value >= kSmallestShape && value <= kLargestShape)) {
      return Invalid(name, "must have elements from 0.001 to 1000000000");
    }
  }
  return {};
}

Outcome Check(std::span<const double> alpha, std::span<const double> beta) {
  if (alpha.empty()) return Invalid("alpha", "must have at least one element");
  if (alpha.size() > kMostPosteriors) return Invalid("alpha", "must have at most 100 elements");
  if (alpha.size() != beta.size()) return Invalid("beta", "must have as many elements as alpha");
  const Outcome outcome = CheckShapes(alpha, "alpha");
  return outcome.ok() ? CheckShapes(beta, "beta") : outcome;
}

Posteriors Make(std::span<const double> alpha, std::span<const double> beta) {
  Posteriors posteriors;
  posteriors.reserve(alpha.size());
  for (size_t i = 0; i < alpha.size(); ++i) posteriors.emplace_back(alpha[i], beta[i]);
  return posteriors;
}

constexpr Outcome kNotConverged = {.status = Status::kOutOfRange,
                                   .name = "alpha",
                                   .rule = "is too unlike beta for the quadrature"};

}  // namespace

Outcome ProbBest(std::span<const double> alpha, std::span<const double> beta,
                 std::span<double> probabilities) {
  const Outcome outcome = Check(alpha, beta);
  if (!outcome.ok()) return outcome;
  const Posteriors posteriors = Make(alpha, beta);
  const bool converged = IntegrateBest(Logit{}, posteriors, Breakpoints(posteriors), probabilities);
  return converged ? Outcome{} : kNotConverged;
}

Outcome ExpectedLoss(std::span<const double> alpha, std::span<const double> beta,
                     std::span<double> losses) {
  const Outcome outcome = Check(alpha, beta);
  if (!outcome.ok()) return outcome;
  const Posteriors posteriors = Make(alpha, beta);
  const bool converged = IntegrateLoss(Logit{}, posteriors, Breakpoints(posteriors), losses);
  return converged ? Outcome{} : kNotConverged;
}

}  // namespace promptreg::stats
