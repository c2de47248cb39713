// Sketches: the guaranteed error against sorted data, ten million values in all, or of each
// distribution with PROMPTREG_SKETCH_VALUES=10000000 in the environment, which takes a minute;
// merging; the binary form and what it refuses.
#include "core/sketch/sketch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace promptreg::sketch {
namespace {

const Memory kHeap = {nullptr, [](void*, size_t bytes) { return std::malloc(bytes); },
                      [](void*, void* block) { std::free(block); }};

// Released with the test.
struct Owned : Sketch {
  explicit Owned(double error = kDefaultError) : Sketch(error, kHeap) {}
  ~Owned() { Release(); }
  Owned(const Owned&) = delete;
  Owned& operator=(const Owned&) = delete;
};

std::string Encoded(const Sketch& sketch) {
  std::string bytes(sketch.EncodedSize(), '\0');
  EXPECT_EQ(sketch.Encode(bytes.data()), bytes.data() + bytes.size());
  return bytes;
}

double ExactQuantile(const std::vector<double>& sorted, double q) {
  const double rank = std::ceil(q * static_cast<double>(sorted.size()));
  return sorted[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

void ExpectGuarantee(const Sketch& sketch, const std::vector<double>& sorted) {
  ASSERT_EQ(sketch.count(), sorted.size());
  std::vector<double> qs = {0, 1e-7, 1e-4, 0.001, 0.01, 0.05, 0.95, 0.99, 0.999, 0.9999, 1};
  for (int i = 1; i < 100; ++i) qs.push_back(i / 100.0);
  for (const double q : qs) {
    const double exact = ExactQuantile(sorted, q);
    const double bound = std::abs(exact) * sketch.error() * (1 + 1e-9);
    ASSERT_NEAR(*sketch.Quantile(q), exact, bound) << "q = " << q;
  }
  ASSERT_EQ(sketch.Quantile(0), sorted.front());
  ASSERT_EQ(sketch.Quantile(1), sorted.back());
}

// In eight parts, as parallel workers would, which are merged in both ways.
void CheckDistribution(size_t usual_count, const std::function<double()>& draw,
                       double error = kDefaultError) {
  const char* wanted = std::getenv("PROMPTREG_SKETCH_VALUES");
  const size_t count = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : usual_count;
  std::vector<double> values(count);
  for (double& value : values) value = draw();
  Owned whole(error);
  Owned merged(error);
  Owned decoded(error);
  constexpr size_t kParts = 8;
  for (size_t part = 0; part < kParts; ++part) {
    Owned piece(error);
    for (size_t i = part; i < count; i += kParts) {
      ASSERT_TRUE(piece.Add(values[i]));
      ASSERT_TRUE(whole.Add(values[i]));
    }
    ASSERT_TRUE(merged.Merge(piece));
    ASSERT_EQ(decoded.MergeEncoded(Encoded(piece)), Sketch::Decoded::kOk);
  }
  std::sort(values.begin(), values.end());
  ExpectGuarantee(whole, values);
  EXPECT_EQ(Encoded(merged), Encoded(whole));
  EXPECT_EQ(Encoded(decoded), Encoded(whole));
}

TEST(SketchErrorTest, Lognormal) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> distribution(6, 1.2);
  CheckDistribution(2'000'000, [&] { return distribution(random); });
}

TEST(SketchErrorTest, Uniform) {
  std::mt19937_64 random(2);
  std::uniform_real_distribution<double> distribution(-50, 1000);
  CheckDistribution(2'000'000, [&] { return distribution(random); });
}

TEST(SketchErrorTest, Constant) {
  CheckDistribution(1'000'000, [] { return 42.42; });
}

TEST(SketchErrorTest, HeavyTailed) {
  std::mt19937_64 random(3);
  std::cauchy_distribution<double> distribution(0, 1);
  CheckDistribution(2'000'000, [&] { return distribution(random); });
}

// Every magnitude there is, denormal numbers and both zeros among them: bit patterns at random.
TEST(SketchErrorTest, AllMagnitudes) {
  std::mt19937_64 random(4);
  CheckDistribution(1'000'000, [&] {
    for (;;) {
      const double value = std::bit_cast<double>(random());
      if (std::isfinite(value)) return value;
    }
  });
}

// Values at the edges of bins, where rounding would show; both neighbours of each.
TEST(SketchErrorTest, EdgesOfBins) {
  std::mt19937_64 random(5);
  const double gamma = (1 + kDefaultError) / (1 - kDefaultError);
  CheckDistribution(1'500'000, [&] {
    const double edge = std::pow(gamma, static_cast<double>(random() % 4000) - 2000);
    switch (random() % 3) {
      case 0:
        return edge;
      case 1:
        return std::nextafter(edge, 0);
      default:
        return -std::nextafter(edge, std::numeric_limits<double>::infinity());
    }
  });
}

// A few values far away from a mass of equal ones, and zeros.
TEST(SketchErrorTest, Outliers) {
  std::mt19937_64 random(6);
  CheckDistribution(500'000, [&]() -> double {
    const auto dice = random() % 1000;
    return dice == 0 ? 1e300 : dice == 1 ? -1e-300 : dice < 500 ? 0 : 7;
  });
}

TEST(SketchErrorTest, OtherErrors) {
  for (const double error : {0.2, 0.05, 0.001, kLeastError}) {
    std::mt19937_64 random(7);
    std::lognormal_distribution<double> distribution(0, 0.5);
    CheckDistribution(
        200'000, [&] { return distribution(random); }, error);
  }
}

// Beyond the bound the bins nearest to zero are joined; the others keep the guarantee.
TEST(SketchErrorTest, BoundKeepsTheOuterBins) {
  Owned sketch(kLeastError);
  std::vector<double> values;
  for (int exponent = -300; exponent <= 300; ++exponent) {
    values.push_back(std::pow(10, exponent));
    ASSERT_TRUE(sketch.Add(values.back()));
  }
  EXPECT_LT(sketch.EncodedSize(), 100'000U);
  EXPECT_EQ(sketch.count(), values.size());
  EXPECT_NEAR(*sketch.Quantile(0.999) / ExactQuantile(values, 0.999), 1, kLeastError * 1.0001);
  EXPECT_EQ(*sketch.Quantile(0), values.front());
  // The same whichever comes first.
  Owned reversed(kLeastError);
  for (size_t i = values.size(); i-- > 0;) ASSERT_TRUE(reversed.Add(values[i]));
  EXPECT_EQ(Encoded(reversed), Encoded(sketch));
}

TEST(SketchTest, Empty) {
  Owned sketch;
  EXPECT_EQ(sketch.count(), 0U);
  EXPECT_FALSE(sketch.Quantile(0.5));
  const std::string bytes = Encoded(sketch);
  EXPECT_EQ(bytes.size(), 10U);
  Owned again;
  EXPECT_EQ(again.MergeEncoded(bytes), Sketch::Decoded::kOk);
  EXPECT_EQ(again.count(), 0U);
}

TEST(SketchTest, ZeroHasNoSign) {
  Owned sketch;
  ASSERT_TRUE(sketch.Add(-0.0));
  EXPECT_FALSE(std::signbit(*sketch.Quantile(0.5)));
}

TEST(SketchTest, HourOfLatenciesIsSmall) {
  std::mt19937_64 random(8);
  std::lognormal_distribution<double> distribution(6, 0.5);
  Owned sketch;
  for (int i = 0; i < 10'000; ++i) ASSERT_TRUE(sketch.Add(distribution(random)));
  EXPECT_LT(sketch.EncodedSize(), 400U);
}

// The form is fixed for ever.
TEST(SketchTest, GoldenBytes) {
  Owned sketch;
  for (const double value : {1.0, 1.0, 3.5, -2.0, 0.0}) ASSERT_TRUE(sketch.Add(value));
  std::string hexadecimal;
  for (const char byte : Encoded(sketch)) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x",
                  static_cast<unsigned>(static_cast<uint8_t>(byte)));
    hexadecimal += digits;
  }
  EXPECT_EQ(hexadecimal,
            "017b14ae47e17a843f0100000000000000c00000000000000c40"
            "02000002"
            "3d0001"
            "01460001");
}

TEST(SketchTest, OtherErrorIsRefused) {
  Owned one(0.01);
  Owned other(0.02);
  ASSERT_TRUE(one.Add(1));
  EXPECT_EQ(other.MergeEncoded(Encoded(one)), Sketch::Decoded::kOtherError);
  EXPECT_EQ(Sketch::EncodedError(Encoded(other)), 0.02);
  EXPECT_FALSE(Sketch::EncodedError("\x01"));
}

bool IsRefused(const std::string& bytes) {
  Owned sketch;
  return sketch.MergeEncoded(bytes) != Sketch::Decoded::kOk;
}

TEST(SketchTest, HostileBytes) {
  Owned sketch;
  for (const double value : {0.5, 1.0, 1.0, 2.0, 900.0, 0.0, -4.0, -4.1})
    ASSERT_TRUE(sketch.Add(value));
  const std::string good = Encoded(sketch);
  ASSERT_FALSE(IsRefused(good));
  // Cut short, and with something behind.
  for (size_t size = 0; size < good.size(); ++size) EXPECT_TRUE(IsRefused(good.substr(0, size)));
  EXPECT_TRUE(IsRefused(good + '\0'));
  // Every change of a byte is refused, or gives a sketch that is encoded as it came.
  for (size_t i = 0; i < good.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = good;
      changed[i] = static_cast<char>(byte);
      Owned read;
      if (read.MergeEncoded(changed) == Sketch::Decoded::kOk) {
        EXPECT_EQ(Encoded(read), changed);
        const double median = *read.Quantile(0.5);
        EXPECT_TRUE(std::isfinite(median));
      }
    }
  }
}

TEST(SketchTest, MemoryThatRunsOut) {
  struct Budget {
    int left;
  } budget = {0};
  const Memory scarce = {&budget,
                         [](void* context, size_t bytes) -> void* {
                           return static_cast<Budget*>(context)->left-- > 0 ? std::malloc(bytes)
                                                                            : nullptr;
                         },
                         [](void*, void* block) { std::free(block); }};
  Sketch sketch(kDefaultError, scarce);
  EXPECT_FALSE(sketch.Add(1));
  EXPECT_EQ(sketch.count(), 0U);
  budget.left = 1;
  EXPECT_TRUE(sketch.Add(1));
  EXPECT_FALSE(sketch.Add(1e200));
  EXPECT_EQ(sketch.count(), 1U);
  EXPECT_EQ(*sketch.Quantile(1), 1);
  Owned other;
  ASSERT_TRUE(other.Add(1e200));
  EXPECT_EQ(sketch.MergeEncoded(Encoded(other)), Sketch::Decoded::kOutOfMemory);
  sketch.Release();
}

}  // namespace
}  // namespace promptreg::sketch
