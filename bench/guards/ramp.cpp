// Simulated rollouts: how often a guard that compares versions fires although they are alike, while
// the share of the new one grows, errors come and go, and users call more than once; and how often
// it fires when the new version is worse.
//
//   promptreg_bench_ramp [RUNS]        2000 by default
//
// The exit code is 1 when the rule that the server uses fires in more than 5 % of the runs without
// a change, or misses more than 5 % of those in which the new version fails 5 points more often.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <random>
#include <vector>

#include "core/stats/sequences.h"

namespace {

constexpr double kAlpha = 0.05;
constexpr double kTuning = 5000;
constexpr int kUsers = 2000;
constexpr int kLooks = 20;  // in each step
constexpr double kMinCount = 100;
constexpr size_t kMostSteps = 5;

struct Scenario {
  const char* name;
  std::vector<double> shares;  // of the new version, step by step
  std::vector<double> errors;  // of both versions
  int calls;                   // that a user makes at a time
  double failing;              // share of users for whom every call fails
};

struct Seen {
  double n = 0;
  double errors = 0;
};
using Steps = std::array<Seen, kMostSteps>;

struct User {
  double place = 0;  // by which the user is assigned
  bool failing = false;
  std::array<Steps, 2> seen;  // by version
};

// Sums over users for each two steps, as the server keeps them.
struct Products {
  double users = 0;
  double errors = 0;    // products of errors with errors
  double errors_n = 0;  // of errors in the first step with calls in the second
  double n_errors = 0;
  double n = 0;

  void Add(const Seen& a, const Seen& b, double sign) {
    users += a.n > 0 && b.n > 0 ? sign : 0;
    errors += sign * a.errors * b.errors;
    errors_n += sign * a.errors * b.n;
    n_errors += sign * a.n * b.errors;
    n += sign * a.n * b.n;
  }
  double About(double mean_a, double mean_b) const {
    return errors - mean_b * errors_n - mean_a * n_errors + mean_a * mean_b * n;
  }
};

struct Counts {
  std::array<Steps, 2> seen;
  std::array<std::array<std::array<Products, kMostSteps>, kMostSteps>, 2> products;
};

bool Above(double difference, double variance, double n) {
  if (!(variance > 0)) return false;
  const auto interval = promptreg::stats::ConfidenceSequence(
      difference, std::sqrt(variance), n, kAlpha, kTuning, promptreg::stats::Sides::kOne);
  return interval.ci_low && *interval.ci_low > 0;
}

// All calls together, whatever the step.
bool Pooled(const Counts& counts) {
  std::array<Seen, 2> all;
  for (size_t version = 0; version < 2; ++version) {
    for (const Seen& seen : counts.seen[version]) {
      all[version].n += seen.n;
      all[version].errors += seen.errors;
    }
  }
  double variance = 0;
  for (const Seen& seen : all) {
    const double mean = seen.errors / seen.n;
    variance += mean * (1 - mean) / (seen.n - 1);
  }
  return Above(all[1].errors / all[1].n - all[0].errors / all[0].n, variance, all[0].n + all[1].n);
}

// Steps compared each by itself, and averaged; the spread between calls, or between users as the
// server does it (promptreg.compare_seen).
bool WithinSteps(const Counts& counts, bool by_user) {
  std::array<double, kMostSteps> share{};
  double weight = 0;
  for (size_t k = 0; k < kMostSteps; ++k) {
    const double a = counts.seen[0][k].n;
    const double b = counts.seen[1][k].n;
    share[k] = a > 0 && b > 0 ? a * b / (a + b) : 0;
    weight += share[k];
  }
  if (weight == 0) return false;
  double difference = 0;
  double variance = 0;
  double size = 0;
  for (size_t version = 0; version < 2; ++version) {
    std::array<double, kMostSteps> mean{};
    std::array<double, kMostSteps> factor{};  // with the correction for few users
    for (size_t k = 0; k < kMostSteps; ++k) {
      if (share[k] == 0) continue;
      const Seen& seen = counts.seen[version][k];
      const Seen& beside = counts.seen[1 - version][k];
      const Products& own = counts.products[version][k][k];
      const Products& other = counts.products[1 - version][k][k];
      const double part = share[k] / weight;
      const double common = (seen.errors + beside.errors) / (seen.n + beside.n);
      mean[k] = seen.errors / seen.n;
      difference += (version == 1 ? part : -part) * mean[k];
      if (!by_user) {
        const double p = mean[k] > 0 && mean[k] < 1 ? mean[k] : common;
        variance += part * part * p * (1 - p) / std::max(seen.n - 1, 1.0);
        size += seen.n;
        continue;
      }
      const double residual = own.users > 1 ? own.About(mean[k], mean[k]) / (own.users - 1) : 0;
      const double about_common = (own.About(common, common) + other.About(common, common)) /
                                  std::max(own.users + other.users - 1, 1.0);
      const double spread = residual > 1e-9 ? residual : about_common;
      variance += part * part * spread * own.users / (seen.n * seen.n);
      size += own.users;
      factor[k] = own.users > 1 ? part / seen.n * std::sqrt(own.users / (own.users - 1)) : 0;
      for (size_t l = 0; l < k; ++l) {
        variance +=
            2 * factor[l] * factor[k] * counts.products[version][l][k].About(mean[l], mean[k]);
      }
    }
  }
  return Above(difference, variance, size);
}

enum Rule { kPooled, kByCall, kByUser, kRules };
constexpr const char* kNames[kRules] = {"all calls together", "step by step, between calls",
                                        "step by step, between users"};
using Fired = std::array<bool, kRules>;

void Judge(const Counts& counts, Fired* fired) {
  for (const Steps& steps : counts.seen) {
    double n = 0;
    for (const Seen& seen : steps) n += seen.n;
    if (n < kMinCount) return;
  }
  (*fired)[kPooled] = (*fired)[kPooled] || Pooled(counts);
  (*fired)[kByCall] = (*fired)[kByCall] || WithinSteps(counts, false);
  (*fired)[kByUser] = (*fired)[kByUser] || WithinSteps(counts, true);
}

void Call(const Scenario& scenario, size_t step, double worse, std::mt19937_64* random, User* user,
          Counts* counts) {
  const size_t version = user->place < scenario.shares[step] ? 1 : 0;
  std::binomial_distribution<int> errors(scenario.calls,
                                         scenario.errors[step] + (version == 1 ? worse : 0));
  const Seen added{.n = static_cast<double>(scenario.calls),
                   .errors = user->failing ? static_cast<double>(scenario.calls)
                                           : static_cast<double>(errors(*random))};
  auto& products = counts->products[version];
  Steps& own = user->seen[version];
  Seen& seen = own[step];
  const Seen before = seen;
  seen.n += added.n;
  seen.errors += added.errors;
  products[step][step].Add(before, before, -1);
  products[step][step].Add(seen, seen, 1);
  for (size_t l = 0; l < step; ++l) {
    products[l][step].Add(own[l], before, -1);
    products[l][step].Add(own[l], seen, 1);
  }
  counts->seen[version][step].n += added.n;
  counts->seen[version][step].errors += added.errors;
}

Fired Run(const Scenario& scenario, double worse, std::mt19937_64* random) {
  std::uniform_real_distribution<double> uniform;
  std::uniform_int_distribution<size_t> anybody(0, kUsers - 1);
  std::vector<User> users(kUsers);
  for (User& user : users) {
    user.place = uniform(*random);
    user.failing = uniform(*random) < scenario.failing;
  }
  Counts counts{};
  Fired fired{};
  for (size_t step = 0; step < scenario.shares.size(); ++step) {
    for (int look = 0; look < kLooks; ++look) {
      for (int i = 0; i < kUsers / kLooks; ++i) {
        Call(scenario, step, worse, random, &users[anybody(*random)], &counts);
      }
      Judge(counts, &fired);
    }
  }
  return fired;
}

// Share of the runs in which each rule fires.
std::array<double, kRules> Simulate(const Scenario& scenario, double worse, int runs) {
  std::mt19937_64 random(23);
  std::array<double, kRules> share{};
  for (int run = 0; run < runs; ++run) {
    const Fired fired = Run(scenario, worse, &random);
    for (size_t rule = 0; rule < kRules; ++rule) share[rule] += fired[rule] ? 1.0 / runs : 0;
  }
  return share;
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 2000;
  if (argc > 2 || runs < 100) {
    std::fprintf(stderr, "usage: %s [RUNS]   (at least 100)\n", argv[0]);
    return 2;
  }
  const std::vector<double> ramp = {0.01, 0.05, 0.10, 0.25, 0.50};
  const std::vector<double> drift = {0.01, 0.06, 0.02, 0.06, 0.03};
  const std::vector<double> halves(kMostSteps, 0.50);
  const std::vector<double> steady(kMostSteps, 0.03);
  const std::vector<Scenario> scenarios = {
      {"half and half, a call a user", halves, steady, 1, 0},
      {"half and half, 20 calls a user, 5 % of users fail", halves, steady, 20, 0.05},
      {"steps, errors 1 to 6 %, a call a user", ramp, drift, 1, 0},
      {"steps, errors 1 to 6 %, 20 calls a user", ramp, drift, 20, 0},
      {"the same, 5 % of users fail", ramp, drift, 20, 0.05}};
  std::vector<std::future<std::array<double, kRules>>> pending;
  for (const Scenario& scenario : scenarios) {
    for (const double worse : {0.0, 0.05}) {
      pending.push_back(
          std::async(std::launch::async, [=] { return Simulate(scenario, worse, runs); }));
    }
  }
  std::printf("%-52s %-28s %10s %16s\n", "fires in", "", "no change", "5 points worse");
  bool holds = true;
  for (size_t i = 0; i < scenarios.size(); ++i) {
    const auto none = pending[2 * i].get();
    const auto worse = pending[2 * i + 1].get();
    for (size_t rule = 0; rule < kRules; ++rule) {
      std::printf("%-52s %-28s %8.1f %% %14.1f %%\n", rule == 0 ? scenarios[i].name : "",
                  kNames[rule], 100 * none[rule], 100 * worse[rule]);
    }
    holds = holds && none[kByUser] <= 0.05 && worse[kByUser] >= 0.95;
  }
  return holds ? 0 : 1;
}
