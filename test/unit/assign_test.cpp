#include "core/assign/assign.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>
#include <xxhash.h>

namespace promptreg::assign {
namespace {

using std::string_view;

uint64_t H(std::initializer_list<string_view> parts) {
  return Hash(std::span<const string_view>(parts.begin(), parts.size()));
}

std::string User(int number) {
  return "user_" + std::to_string(number);
}

const std::vector<std::string>& Users() {
  static const auto* users = [] {
    auto* made = new std::vector<std::string>;
    for (int i = 0; i < 1'000'000; ++i) made->push_back(User(i));
    return made;
  }();
  return *users;
}

// The definition of nl2, word for word.
uint64_t PlainNegativeLog2(uint64_t hash) {
  __extension__ using Uint128 = unsigned __int128;
  const uint64_t x = hash | 1;
  uint64_t leading_zeros = 0;
  while (((x << leading_zeros) >> 63) == 0) ++leading_zeros;
  uint64_t y = x << leading_zeros, f = 0;
  for (int i = 0; i < 32; ++i) {
    const Uint128 q = static_cast<Uint128>(y) * y;
    const auto b = static_cast<uint64_t>(q >> 127);
    f = 2 * f + b;
    y = b == 1 ? static_cast<uint64_t>(q >> 64) : static_cast<uint64_t>(q >> 63);
  }
  return (leading_zeros + 1) * (uint64_t{1} << 32) - f;
}

// The definition of the variant step, word for word.
int PlainPick(string_view salt, string_view user, const std::vector<Variant>& variants) {
  int best = -1;
  uint64_t best_score = 0;
  for (size_t i = 0; i < variants.size(); ++i) {
    if (variants[i].weight_ppm == 0) continue;
    const std::string joined = std::string("pr1") + '\0' + "arm" + '\0' + std::string(salt) + '\0' +
                               std::string(user) + '\0' + std::string(variants[i].key);
    const uint64_t score = PlainNegativeLog2(XXH64(joined.data(), joined.size(), 0));
    if (best < 0 || score * variants[best].weight_ppm < best_score * variants[i].weight_ppm) {
      best = static_cast<int>(i);
      best_score = score;
    }
  }
  return best;
}

TEST(Hash, GoldenVectors) {
  EXPECT_EQ(Hash({}), 0xef46db3751d8e999U);
  EXPECT_EQ(H({""}), 0xef46db3751d8e999U);
  EXPECT_EQ(H({"pr1", "cov", "exp_1", "user_1"}), 0x75b4d9ab5c531e08U);
  EXPECT_EQ(H({"pr1", "arm", "exp_1", "user_1", "control"}), 0xc0127789a2e05c66U);
  EXPECT_EQ(H({"pr1", "arm", "exp_1", "user_1", "b"}), 0x530c00952f1bbff1U);
  EXPECT_EQ(H({"pr1", "arm", "exp_1", "żółw-42", "control"}), 0xe68916aaa1e0f709U);
  EXPECT_EQ(H({"pr1", "ns", "checkout", "user_1"}), 0x83a06af9ca4a3bbcU);
}

TEST(Hash, PartsAreSeparated) {
  EXPECT_NE(H({"ab", "c"}), H({"a", "bc"}));
  EXPECT_NE(H({"ab", ""}), H({"ab"}));
  EXPECT_NE(H({"", "ab"}), H({"ab", ""}));
}

TEST(Hash, NothingIsNormalised) {
  EXPECT_NE(H({"User"}), H({"user"}));
  EXPECT_NE(H({"user "}), H({"user"}));
  EXPECT_NE(H({"\xc3\xa9"}), H({"e\xcc\x81"}));  // one letter, composed and decomposed
}

TEST(Hash, AnyLengthIsTheHashOfTheJoinedParts) {
  const std::string text(3000, 'x');
  for (size_t first = 0; first <= 1100; first += 1 + first / 40) {
    for (size_t second :
         {size_t{0}, size_t{1}, size_t{40}, 510 - std::min<size_t>(first, 510),
          511 - std::min<size_t>(first, 511), 512 - std::min<size_t>(first, 512), size_t{1900}}) {
      const std::string joined = text.substr(0, first) + '\0' + text.substr(0, second);
      EXPECT_EQ(H({string_view(text).substr(0, first), string_view(text).substr(0, second)}),
                XXH64(joined.data(), joined.size(), 0))
          << first << " and " << second << " bytes";
    }
  }
}

TEST(Slot, GoldenVectors) {
  EXPECT_EQ(Slot(H({"pr1", "cov", "exp_1", "user_1"})), 459790U);
  EXPECT_EQ(Slot(H({"pr1", "ns", "checkout", "user_1"})), 514166U);
  EXPECT_EQ(CoverageSlot("exp_1", "user_1"), 459790U);
}

TEST(Slot, CoversTheWholeRangeUnsigned) {
  EXPECT_EQ(Slot(0), 0U);
  EXPECT_EQ(Slot(0x7fffffffffffffffU), 499999U);
  EXPECT_EQ(Slot(0x8000000000000000U), 500000U);
  EXPECT_EQ(Slot(~uint64_t{0}), 999999U);
}

TEST(NegativeLog2, GoldenVectors) {
  EXPECT_EQ(NegativeLog2(0x75b4d9ab5c531e08U), 4814445637U);
  EXPECT_EQ(NegativeLog2(0xc0127789a2e05c66U), 1780244896U);
  EXPECT_EQ(NegativeLog2(0x530c00952f1bbff1U), 6975653392U);
  EXPECT_EQ(NegativeLog2(0xe68916aaa1e0f709U), 649205222U);
}

TEST(NegativeLog2, Ends) {
  EXPECT_EQ(NegativeLog2(0), uint64_t{64} << 32);
  EXPECT_EQ(NegativeLog2(1), uint64_t{64} << 32);
  EXPECT_EQ(NegativeLog2(uint64_t{1} << 63), PlainNegativeLog2(uint64_t{1} << 63));
  EXPECT_EQ(NegativeLog2(~uint64_t{0}), 1U);
}

TEST(NegativeLog2, EqualsThePlainLoopEverywhere) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 500'000; ++i) {
    const uint64_t hash = random() >> (i % 64);
    ASSERT_EQ(NegativeLog2(hash), PlainNegativeLog2(hash)) << std::hex << hash;
  }
  // Around the steps of the result, where an estimate is least certain.
  for (int i = 0; i < 20'000; ++i) {
    const auto fraction = static_cast<double>(random() >> 32) * 0x1p-32;
    const auto step = static_cast<uint64_t>(std::exp2(fraction) * 0x1p63);
    for (uint64_t near = 0; near < 6; ++near) {
      const uint64_t hash = step + (near << 10) - (uint64_t{3} << 10);
      ASSERT_EQ(NegativeLog2(hash), PlainNegativeLog2(hash)) << std::hex << hash;
    }
  }
}

std::vector<int> TenPicks(const std::vector<Variant>& variants) {
  std::vector<int> picks;
  for (int i = 0; i < 10; ++i) picks.push_back(PickVariant("exp_1", User(i), variants));
  return picks;
}

TEST(PickVariant, GoldenVectors) {
  EXPECT_EQ(TenPicks({{"control", 500'000}, {"b", 500'000}}),
            (std::vector<int>{0, 0, 0, 0, 1, 0, 0, 0, 1, 1}));
  EXPECT_EQ(TenPicks({{"control", 900'000}, {"b", 90'000}, {"c", 10'000}}),
            (std::vector<int>{0, 0, 0, 0, 1, 0, 0, 0, 0, 0}));
}

TEST(PickVariant, WithoutWeightNobodyIsPicked) {
  const std::vector<Variant> none = {{"control", 0}, {"b", 0}};
  EXPECT_EQ(PickVariant("s", "u", none), -1);
  EXPECT_EQ(PickVariant("s", "u", {}), -1);
  const std::vector<Variant> one = {{"control", 0}, {"b", 1}, {"c", 0}};
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(PickVariant("s", User(i), one), 1);
}

TEST(PickVariant, TieGoesToTheSmallerKeyInByteOrder) {
  // Weights in the ratio of the scores make a tie; scores as small as weights are rare, so one is
  // looked for.
  const string_view low = "z",
                    high = "\xc3\xa9";  // smaller in bytes, whatever a locale or a signed char says
  for (int i = 0;; ++i) {
    ASSERT_LT(i, 10'000'000) << "no user found";
    const std::string user = User(i);
    const uint64_t low_score = NegativeLog2(H({"pr1", "arm", "s", user, low}));
    const uint64_t high_score = NegativeLog2(H({"pr1", "arm", "s", user, high}));
    const uint64_t unit = std::gcd(low_score, high_score);
    const uint64_t low_weight = low_score / unit, high_weight = high_score / unit;
    if (low_weight > 1'000'000 || high_weight > 1'000'000) continue;
    const Variant a = {low, static_cast<uint32_t>(low_weight)};
    const Variant b = {high, static_cast<uint32_t>(high_weight)};
    EXPECT_EQ(PickVariant("s", user, std::vector<Variant>{a, b}), 0);
    EXPECT_EQ(PickVariant("s", user, std::vector<Variant>{b, a}), 1);
    return;
  }
}

TEST(PickVariant, LargestProductsDoNotOverflow) {
  const std::vector<Variant> variants = {{"a", 1'000'000}, {"b", 1'000'000}, {"c", 1}};
  for (const std::string& user : Users()) {
    ASSERT_EQ(PickVariant("overflow", user, variants), PlainPick("overflow", user, variants))
        << user;
  }
}

TEST(PickVariant, AMillionUsersAsInThePlainDefinition) {
  const std::vector<Variant> variants = {
      {"control", 600'000}, {"b", 300'000}, {"długi-klucz", 100'000}};
  uint64_t sum = 0, plain_sum = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const std::string user = User(i);
    sum = sum * 31 + static_cast<uint64_t>(PickVariant("checksum", user, variants));
    plain_sum = plain_sum * 31 + static_cast<uint64_t>(PlainPick("checksum", user, variants));
  }
  EXPECT_EQ(sum, plain_sum);
  EXPECT_EQ(sum, 8776822529718983172U);  // what an implementation in Python gives
}

// Properties that others got wrong, on many users. The tolerances are beyond four standard
// deviations.

std::vector<int> PickAll(string_view salt, const std::vector<Variant>& variants) {
  std::vector<int> picks;
  for (const std::string& user : Users()) picks.push_back(PickVariant(salt, user, variants));
  return picks;
}

double Share(const std::vector<int>& picks, int variant) {
  return static_cast<double>(std::count(picks.begin(), picks.end(), variant)) /
         static_cast<double>(picks.size());
}

double Agreement(const std::vector<int>& a, const std::vector<int>& b) {
  size_t equal = 0;
  for (size_t i = 0; i < a.size(); ++i) equal += a[i] == b[i];
  return static_cast<double>(equal) / static_cast<double>(a.size());
}

const std::vector<Variant> kHalves = {{"control", 500'000}, {"b", 500'000}};

TEST(Population, WeightsAreShares) {
  const std::vector<int> picks = PickAll("shares", {{"a", 700'000}, {"b", 299'000}, {"c", 1'000}});
  EXPECT_NEAR(Share(picks, 0), 0.7, 0.005);
  EXPECT_NEAR(Share(picks, 1), 0.299, 0.005);
  EXPECT_NEAR(Share(picks, 2), 0.001, 0.0003);  // less than a hundredth is possible
}

TEST(Population, OnlyTheRatioOfWeightsCounts) {
  EXPECT_EQ(PickAll("ratio", {{"a", 2}, {"b", 1}}),
            PickAll("ratio", {{"a", 1'000'000}, {"b", 500'000}}));
}

TEST(Population, ExperimentsWithSimilarKeysAreIndependent) {
  std::vector<std::vector<int>> experiments;
  for (int i = 0; i < 50; ++i) {
    experiments.push_back(
        PickAll("checkout-" + std::string(1, static_cast<char>('0' + i)), kHalves));
  }
  for (size_t i = 0; i < experiments.size(); ++i) {
    EXPECT_NEAR(Share(experiments[i], 0), 0.5, 0.005);
    for (size_t j = 0; j < i; ++j) {
      EXPECT_NEAR(Agreement(experiments[i], experiments[j]), 0.5, 0.005) << i << " and " << j;
    }
  }
}

TEST(Population, CoverageAndVariantAreIndependent) {
  std::vector<int> enrolled;
  for (const std::string& user : Users()) {
    if (CoverageSlot("gate", user) < 100'000)
      enrolled.push_back(PickVariant("gate", user, kHalves));
  }
  EXPECT_NEAR(static_cast<double>(enrolled.size()) / static_cast<double>(Users().size()), 0.1,
              0.003);
  EXPECT_NEAR(Share(enrolled, 0), 0.5, 0.015);
}

// Being held out, being in a range of a namespace, being enrolled and the variant: each says
// nothing about the others, also where a name is used for all of them.
TEST(Population, EveryPurposeHashesForItself) {
  constexpr uint32_t kTenth = 100'000;
  int held = 0, in_range = 0, both = 0, enrolled = 0, enrolled_and_in_range = 0, first = 0;
  for (const std::string& user : Users()) {
    const bool out = HoldoutSlot("same", user) < kTenth;
    const bool range = NamespaceSlot("same", user) < kTenth;
    const bool in = CoverageSlot("same", user) < kTenth;
    held += out;
    in_range += range;
    both += out && range;
    enrolled += in;
    enrolled_and_in_range += in && range;
    if (range) first += PickVariant("same", user, kHalves) == 0;
  }
  const auto users = static_cast<double>(Users().size());
  EXPECT_NEAR(held / users, 0.1, 0.003);
  EXPECT_NEAR(in_range / users, 0.1, 0.003);
  EXPECT_NEAR(enrolled / users, 0.1, 0.003);
  EXPECT_NEAR(both / users, 0.01, 0.001);
  EXPECT_NEAR(enrolled_and_in_range / users, 0.01, 0.001);
  EXPECT_NEAR(static_cast<double>(first) / in_range, 0.5, 0.015);
}

TEST(Slot, GoldenVectorsOfNamespacesAndHoldouts) {
  EXPECT_EQ(NamespaceSlot("checkout", "user_1"), 514'166U);
  EXPECT_EQ(HoldoutSlot("quarter", "user_1"), Slot(H({"pr1", "hold", "quarter", "user_1"})));
}

TEST(Population, TheNextExperimentOfAPromptIsANewRandomisation) {
  EXPECT_NEAR(Agreement(PickAll("first salt", kHalves), PickAll("second salt", kHalves)), 0.5,
              0.005);
}

TEST(Population, RaisingCoverageMovesNobodyBetweenVariants) {
  std::vector<int> before(Users().size(), -1);  // -1: not enrolled
  for (uint32_t coverage : {10'000U, 100'000U, 500'000U, 1'000'000U}) {
    for (size_t i = 0; i < Users().size(); ++i) {
      const bool in = CoverageSlot("ramp", Users()[i]) < coverage;
      const int now = in ? PickVariant("ramp", Users()[i], kHalves) : -1;
      ASSERT_TRUE(before[i] < 0 || now == before[i]) << Users()[i] << " at " << coverage;
      before[i] = now;
    }
  }
  EXPECT_EQ(std::count(before.begin(), before.end(), -1), 0);
}

// Share of users whose variant (by key) changes.
double Moved(const std::vector<Variant>& from, const std::vector<Variant>& to) {
  size_t moved = 0;
  for (const std::string& user : Users()) {
    moved += from[PickVariant("move", user, from)].key != to[PickVariant("move", user, to)].key;
  }
  return static_cast<double>(moved) / static_cast<double>(Users().size());
}

TEST(Population, FewMoveWhenWeightsChange) {
  EXPECT_NEAR(Moved({{"a", 50}, {"b", 50}}, {{"a", 60}, {"b", 40}}), 0.100, 0.003);
  EXPECT_NEAR(Moved({{"a", 33}, {"b", 33}, {"c", 34}}, {{"a", 20}, {"b", 40}, {"c", 40}}), 0.134,
              0.003);
  EXPECT_NEAR(Moved({{"a", 1}, {"b", 1}}, {{"a", 1}, {"b", 1}, {"c", 1}}), 0.332, 0.004);
  EXPECT_NEAR(Moved({{"a", 1}, {"b", 1}, {"c", 1}, {"d", 1}}, {{"b", 1}, {"c", 1}, {"d", 1}}),
              0.254, 0.005);
  EXPECT_NEAR(Moved({{"a", 20}, {"b", 20}, {"c", 20}, {"d", 20}, {"e", 20}},
                    {{"a", 5}, {"b", 5}, {"c", 10}, {"d", 70}, {"e", 10}}),
              0.518, 0.005);
}

TEST(Population, NobodyMovesWithoutNeed) {
  EXPECT_EQ(Moved({{"a", 20}, {"b", 30}, {"c", 50}}, {{"c", 50}, {"a", 20}, {"b", 30}}), 0);
  // A third variant takes from the others; nobody moves between those.
  const std::vector<Variant> two = {{"a", 1}, {"b", 1}}, three = {{"a", 1}, {"b", 1}, {"c", 1}};
  const std::vector<int> before = PickAll("grow", two), after = PickAll("grow", three);
  for (size_t i = 0; i < before.size(); ++i) ASSERT_TRUE(after[i] == before[i] || after[i] == 2);
}

}  // namespace
}  // namespace promptreg::assign
