// Simulated guards: how often a rule for automatic rollback fires although nothing has changed, and
// how soon it fires when the new version is worse. Scores are right or wrong, 80 % of them right
// before; a look every 50 scores of the new version, up to 20,000.
//
//   promptreg_bench_guards [RUNS]        2000 by default
//
// The exit code is 1 when the rule that the server uses fires in more than 5 % of the runs without
// a change, or misses more than 2 % of the drops of 5 points, or takes 1,200 scores or more for
// half of them.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <random>
#include <vector>

#include "core/stats/sequences.h"

namespace {

constexpr double kBefore = 0.80;
constexpr int kScores = 20'000;
constexpr int kLook = 50;
constexpr double kAlpha = 0.05;
constexpr double kTuning = 5000;

struct Arm {
  double right = 0;
  double n = 0;

  double mean() const { return right / n; }
  double variance() const { return mean() * (1 - mean()) / n; }
};

// What each look sees since the start: the new version and the old one beside it, with as many
// scores; and the last thousand scores of the new version.
struct Look {
  Arm before;
  Arm after;
  Arm window;
};

bool ConcurrentSequence(const Look& look, double tolerance) {
  const double error = std::sqrt(look.before.variance() + look.after.variance());
  const auto interval = promptreg::stats::ConfidenceSequence(
      look.before.mean() - look.after.mean(), error, look.before.n + look.after.n, kAlpha, kTuning,
      promptreg::stats::Sides::kOne);
  return interval.ci_low && *interval.ci_low > tolerance;
}

// What others do: a test of significance against the known share, two-sided at 1 %, on the last
// thousand scores.
bool RepeatedTest(const Look& look) {
  if (look.window.n < 1000) return false;
  const double z =
      (look.window.mean() - kBefore) / std::sqrt(kBefore * (1 - kBefore) / look.window.n);
  return z < -2.5758;
}

bool FixedThreshold(const Look& look) {
  return look.window.n >= 1000 && look.window.mean() < kBefore - 0.03;
}

// The rule for a version that has all traffic: its errors against a hard limit.
bool HardLimit(const Look& look) {
  const double wrong = look.after.n - look.after.right;
  return promptreg::stats::ThresholdSequence(wrong, look.after.n, 1 - kBefore).p_value < kAlpha;
}

enum Rule { kSequence, kTolerant, kLimit, kTest, kThreshold, kRules };
constexpr const char* kNames[kRules] = {
    "confidence sequence against a concurrent control", "the same with a tolerance of 1 point",
    "beta-binomial sequence against a limit", "significance test on the last 1,000",
    "threshold of -3 points on the last 1,000"};

bool Fires(Rule rule, const Look& look) {
  switch (rule) {
    case kSequence:
      return ConcurrentSequence(look, 0);
    case kTolerant:
      return ConcurrentSequence(look, 0.01);
    case kLimit:
      return HardLimit(look);
    case kTest:
      return RepeatedTest(look);
    default:
      return FixedThreshold(look);
  }
}

// After how many scores of the new version the rule fires first; kScores + 1: never.
int FiresAfter(Rule rule, double drop, std::mt19937_64* random) {
  std::binomial_distribution<int> before(kLook, kBefore);
  std::binomial_distribution<int> after(kLook, kBefore - drop);
  constexpr size_t kWindow = 1000 / kLook;
  std::vector<int> recent;
  Look look;
  for (int scores = kLook; scores <= kScores; scores += kLook) {
    const int right = after(*random);
    look.before.right += before(*random);
    look.before.n += kLook;
    look.after.right += right;
    look.after.n += kLook;
    recent.push_back(right);
    look.window.right += right;
    look.window.n += kLook;
    if (recent.size() > kWindow) {
      look.window.right -= recent[recent.size() - 1 - kWindow];
      look.window.n -= kLook;
    }
    if (Fires(rule, look)) return scores;
  }
  return kScores + 1;
}

struct Result {
  double fired = 0;   // share of the runs
  double median = 0;  // scores until it fired, of the runs in which it did
};

Result Simulate(Rule rule, double drop, int runs) {
  std::mt19937_64 random(17);
  std::vector<int> fired;
  for (int run = 0; run < runs; ++run) {
    const int scores = FiresAfter(rule, drop, &random);
    if (scores <= kScores) fired.push_back(scores);
  }
  std::sort(fired.begin(), fired.end());
  return {.fired = static_cast<double>(fired.size()) / runs,
          .median = fired.empty() ? 0 : static_cast<double>(fired[fired.size() / 2])};
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 2000;
  if (argc > 2 || runs < 100) {
    std::fprintf(stderr, "usage: %s [RUNS]   (at least 100)\n", argv[0]);
    return 2;
  }
  const double drops[] = {0, 0.02, 0.05};
  std::future<Result> pending[kRules][3];
  for (int rule = 0; rule < kRules; ++rule) {
    for (int i = 0; i < 3; ++i) {
      pending[rule][i] = std::async(
          std::launch::async, [=] { return Simulate(static_cast<Rule>(rule), drops[i], runs); });
    }
  }
  std::printf("%-50s %10s %21s %21s\n", "fires in (median scores until then)", "no change",
              "-2 points", "-5 points");
  bool holds = true;
  for (int rule = 0; rule < kRules; ++rule) {
    const Result none = pending[rule][0].get();
    const Result small = pending[rule][1].get();
    const Result large = pending[rule][2].get();
    std::printf("%-50s %8.1f %% %9.1f %% (%6.0f) %9.1f %% (%6.0f)\n", kNames[rule],
                100 * none.fired, 100 * small.fired, small.median, 100 * large.fired, large.median);
    if (rule == kSequence) {
      holds = none.fired <= 0.05 && large.fired >= 0.98 && large.median < 1200;
    } else if (rule == kTolerant || rule == kLimit) {
      holds = holds && none.fired <= 0.05;
    }
  }
  return holds ? 0 : 1;
}
