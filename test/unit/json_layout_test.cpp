// The layout as a server makes it: reading its bytes, and making the same ones.
#include <bit>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "core/json/builder.h"
#include "core/json/numeric.h"
#include "core/json/parse.h"
#include "core/json/value.h"
#include "core/json/write.h"
#include "unit/support.h"

namespace promptreg::testing {
namespace {

struct Sample {
  std::string_view given, printed, hex;
};
constexpr Sample kSamples[] = {
#include "unit/jsonb_samples.inc"
};

std::string Bytes(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i < hex.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

// PostgreSQL prints a blank behind each comma and colon.
std::string WithoutBlanks(std::string_view printed) {
  std::string text;
  bool quoted = false;
  for (size_t i = 0; i < printed.size(); ++i) {
    if (printed[i] == '"') quoted = !quoted;
    if (quoted && printed[i] == '\\') text += printed[i++];
    if (quoted || printed[i] != ' ') text += printed[i];
  }
  return text;
}

TEST(JsonbLayout, PrintsWhatTheServerPrints) {
  if (std::endian::native != std::endian::little) GTEST_SKIP() << "samples are little-endian";
  for (const Sample& sample : kSamples) {
    const std::string bytes = Bytes(sample.hex);
    std::string text;
    ASSERT_TRUE(json::AppendCompact(json::Value::FromContainer(bytes.data()), 64, &text));
    EXPECT_EQ(text, WithoutBlanks(sample.printed)) << sample.given;
  }
}

TEST(JsonbLayout, BuilderMakesTheServersBytes) {
  if (std::endian::native != std::endian::little) GTEST_SKIP() << "samples are little-endian";
  for (const Sample& sample : kSamples) {
    EXPECT_EQ(Json(sample.given).bytes(), Bytes(sample.hex)) << sample.given;
  }
}

TEST(JsonbLayout, ParseMakesTheServersBytes) {
  if (std::endian::native != std::endian::little) GTEST_SKIP() << "samples are little-endian";
  for (const Sample& sample : kSamples) {
    EXPECT_EQ(json::Parse(sample.given, {}), Bytes(sample.hex)) << sample.given;
  }
}

// A short datum may have a header of one byte.
TEST(JsonbLayout, NumbersWithShortHeaders) {
  if (std::endian::native != std::endian::little) GTEST_SKIP() << "samples are little-endian";
  std::string container("\x01\x00\x00\x50\x07\x00\x00\x90", 8);
  std::string number;
  ASSERT_TRUE(json::ParseNumber("12.5", &number));
  std::string short_number(1, static_cast<char>((number.size() - 3) << 1 | 1));
  short_number += number.substr(4);
  container += short_number;
  const json::Value value = json::Value::FromContainer(container.data());
  EXPECT_EQ(json::NumberText(value), "12.5");
  EXPECT_TRUE(value.Truthy());
  EXPECT_FALSE(json::NumberIsInteger(value));
}

}  // namespace
}  // namespace promptreg::testing
