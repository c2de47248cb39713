// Simulated bandits: how soon the better variant is found, how much traffic the others still get,
// and what it costs when the better one changes. Weights come from src/core/stats, as in the
// server; the outcomes are drawn from binomial distributions with a fixed seed.
//
//   promptreg_bench_bandits [RUNS]        2000 by default; with drift a fifth, or where weights
//   change hourly a twentieth of it
//
// Each figure stands beside the one it has to reproduce, an earlier simulation with as many runs:
// the exit code is 1 when one is more than three standard errors of the difference away.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <numbers>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/stats/bandit.h"

namespace {

using promptreg::stats::Algorithm;

constexpr double kCertain = 0.95;

using Rates = std::vector<double>;

class Bandit {
 public:
  // `half_life` in updates; 0: nothing is forgotten.
  Bandit(size_t variants, double floor, double half_life)
      : floor_(floor),
        keep_(half_life > 0 ? std::exp2(-1 / half_life) : 1),
        successes_(variants),
        n_(variants),
        ppm_(variants) {
    Update();
  }

  const std::vector<int>& ppm() const { return ppm_; }

  // The weight without the floor.
  double ProbBest(size_t variant) const {
    const double share = static_cast<double>(ppm_[variant]) / promptreg::stats::kPartsPerMillion;
    return (share - floor_) / (1 - floor_ * static_cast<double>(n_.size()));
  }

  void Forget() {
    for (size_t i = 0; i < n_.size(); ++i) {
      n_[i] *= keep_;
      successes_[i] *= keep_;
    }
  }

  void Learn(size_t variant, double successes, double n) {
    successes_[variant] += successes;
    n_[variant] += n;
  }

  void Update() {
    const promptreg::stats::Outcome outcome =
        promptreg::stats::BanditWeights(Algorithm::kThompson, successes_, n_, floor_, ppm_);
    if (outcome.ok()) return;
    std::fprintf(stderr, "%s %s\n", outcome.name, outcome.rule);
    std::exit(2);
  }

 private:
  double floor_, keep_;
  std::vector<double> successes_, n_;
  std::vector<int> ppm_;
};

// The users between two updates, each variant's by its weight, and what they lose against the best.
struct Period {
  std::vector<double> users;
  double regret = 0;
};

Period Serve(Bandit* bandit, const Rates& rates, int users, std::mt19937_64* random) {
  Period period{.users = std::vector<double>(rates.size())};
  const double best = *std::max_element(rates.begin(), rates.end());
  bandit->Forget();
  int left = users;
  double rest = promptreg::stats::kPartsPerMillion;
  for (size_t i = 0; i < rates.size(); ++i) {
    const double share = std::min(1.0, bandit->ppm()[i] / rest);
    const int n =
        i + 1 == rates.size() ? left : std::binomial_distribution<int>(left, share)(*random);
    left -= n;
    rest -= bandit->ppm()[i];
    bandit->Learn(i, std::binomial_distribution<int>(n, rates[i])(*random), n);
    period.users[i] = n;
    period.regret += n * (best - rates[i]);
  }
  bandit->Update();
  return period;
}

struct Summary {
  double mean;
  double error;  // standard error of the mean
};

Summary Summarise(std::span<const double> values) {
  double sum = 0;
  double squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / static_cast<double>(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);
  const auto n = static_cast<double>(values.size());
  return {.mean = mean, .error = std::sqrt(squares / (n - 1) / n)};
}

// `rounding` is half a unit of the last digit of the reference, which has an error of its own.
bool Reproduces(const Summary& found, double reference, double rounding) {
  return std::fabs(found.mean - reference) <= 3 * std::numbers::sqrt2 * found.error + rounding;
}

double Quantile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  const auto index = static_cast<size_t>(std::ceil(p * static_cast<double>(values.size()))) - 1;
  return values[index];
}

// Whether the quantile of `values` may be the reference: their shares below it and up to it, with
// the errors of both simulations.
bool ReproducesQuantile(const std::vector<double>& values, double p, double reference) {
  const auto n = static_cast<double>(values.size());
  double below = 0;
  double up_to = 0;
  for (const double value : values) {
    below += value < reference ? 1 / n : 0;
    up_to += value <= reference ? 1 / n : 0;
  }
  const double error = 3 * std::numbers::sqrt2 * std::sqrt(p * (1 - p) / n);
  return below <= p + error && up_to >= p - error;
}

// What a simulation found, ready to be printed.
struct Report {
  std::string line;
  bool reproduced;
};

template <typename... Arguments>
std::string Format(const char* format, Arguments... arguments) {
  char buffer[300];
  std::snprintf(buffer, sizeof(buffer), format, arguments...);
  return buffer;
}

struct TwoVariants {
  double worse_rate, better_rate;
  int users;                  // a day
  double median, p90, worse;  // the reference
};

Report Simulate(const TwoVariants& two, int runs) {
  constexpr int kDays = 14;
  std::mt19937_64 random(42);
  std::vector<double> worse;
  std::vector<double> certain_after;
  for (int run = 0; run < runs; ++run) {
    Bandit bandit(2, 0.05, 0);
    double to_worse = 0;
    double days = kDays + 1;  // if not within the time
    for (int day = 1; day <= kDays; ++day) {
      to_worse += Serve(&bandit, {two.worse_rate, two.better_rate}, two.users, &random).users[0];
      if (days > kDays && bandit.ProbBest(1) >= kCertain) days = day;
    }
    worse.push_back(to_worse / (kDays * two.users));
    certain_after.push_back(days);
  }
  const Summary summary = Summarise(worse);
  const double median = Quantile(certain_after, 0.5);
  const double p90 = Quantile(certain_after, 0.9);
  return {
      .line = Format("%5d a day, %.2f / %.2f   days %2.0f / %2.0f (%2.0f / %2.0f)   to the "
                     "worse %.4f +- %.4f (%.3f)   cut %.0f %%",
                     two.users, two.worse_rate, two.better_rate, median, p90, two.median, two.p90,
                     summary.mean, summary.error, two.worse, 100 * (1 - summary.mean / 0.5)),
      .reproduced = ReproducesQuantile(certain_after, 0.5, two.median) &&
                    ReproducesQuantile(certain_after, 0.9, two.p90) &&
                    Reproduces(summary, two.worse, 0.0005)};
}

// The reference does not say how often its weights changed and with which floor. Hourly and 3 %
// give its figures; daily and 5 %, as for two variants, do not, and are shown beside it only.
struct Drift {
  double half_life;  // days; 0: nothing is forgotten
  int updates;       // a day
  double floor;
  double regret;  // the reference
  bool must_reproduce;
};

Report Simulate(const Drift& drift, int runs) {
  constexpr int kUsers = 1200;  // a day
  std::mt19937_64 random(43);
  std::vector<double> regrets;
  for (int run = 0; run < runs; ++run) {
    Bandit bandit(3, drift.floor, drift.half_life * drift.updates);
    double regret = 0;
    for (int update = 0; update < 28 * drift.updates; ++update) {
      const Rates rates =
          update < 14 * drift.updates ? Rates{0.70, 0.75, 0.70} : Rates{0.75, 0.68, 0.70};
      regret += Serve(&bandit, rates, kUsers / drift.updates, &random).regret;
    }
    regrets.push_back(regret);
  }
  const Summary summary = Summarise(regrets);
  return {.line = Format(
              "%2d changes a day, floor %.2f, half-life %.0f days   regret %.1f +- %.1f (%.0f%s)",
              drift.updates, drift.floor, drift.half_life, summary.mean, summary.error,
              drift.regret, drift.must_reproduce ? "" : ", otherwise set"),
          .reproduced = !drift.must_reproduce || Reproduces(summary, drift.regret, 0.5)};
}

template <typename Case>
std::future<Report> Start(const Case& simulated, int runs) {
  return std::async(std::launch::async, [=] { return Simulate(simulated, runs); });
}

bool Print(std::future<Report>* pending) {
  const Report report = pending->get();
  std::printf("%s%s\n", report.line.c_str(), report.reproduced ? "" : "   NOT REPRODUCED");
  return report.reproduced;
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 2000;
  if (argc > 2 || runs < 40) {
    std::fprintf(stderr, "usage: %s [RUNS]   (at least 40)\n", argv[0]);
    return 2;
  }
  std::future<Report> pending[] = {
      Start(Drift{0, 24, 0.03, 790, true}, runs / 20),
      Start(Drift{3, 24, 0.03, 381, true}, runs / 20),
      Start(Drift{0, 1, 0.05, 790, false}, runs / 5),
      Start(Drift{3, 1, 0.05, 381, false}, runs / 5),
      Start(TwoVariants{0.70, 0.75, 1200, 1, 3, 0.093}, runs),
      Start(TwoVariants{0.70, 0.72, 4800, 2, 4, 0.104}, runs),
      Start(TwoVariants{0.70, 0.75, 240, 4, 12, 0.164}, runs),
  };
  bool reproduced = true;
  std::printf(
      "Two variants, 14 days, Thompson sampling with a floor of 5 %%, weights changed daily;\n"
      "days until the better is best with P >= 0.95, median / p90; (reference)\n");
  for (int i = 4; i < 7; ++i) reproduced = Print(&pending[i]) && reproduced;
  std::printf(
      "Three variants, .70/.75/.70 for 14 days, then .75/.68/.70 for 14, 1200 a day;\n"
      "successes lost in 28 days\n");
  for (int i = 0; i < 4; ++i) reproduced = Print(&pending[i]) && reproduced;
  return reproduced ? 0 : 1;
}
