#include "core/json/numeric.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <random>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

std::string RoundTrip(std::string_view text) {
  std::string varlena;
  if (!json::ParseNumber(text, &varlena)) return "invalid";
  const auto value =
      json::Value::Make(json::Kind::kNumber, varlena.data(), static_cast<uint32_t>(varlena.size()));
  const std::string printed = json::NumberText(value);
  EXPECT_EQ(printed.size(), json::NumberTextLength(value)) << text;
  char small[json::kSmallIntegerDigits];
  char* const end = json::WriteSmallInteger(value, small);
  const bool is_small = !printed.empty() && printed[0] != '0' && printed.size() <= 4 &&
                        printed.find_first_not_of("0123456789") == std::string::npos;
  EXPECT_EQ(end != nullptr, is_small) << text;
  if (end != nullptr) {
    EXPECT_EQ(std::string(+small, end), printed);
  }
  return printed;
}

TEST(Numeric, PrintsAsPostgresDoes) {
  struct Case {
    std::string_view given, printed;
  };
  for (const Case& test :
       {Case{"0", "0"},
        {"-0", "0"},
        {"0.000", "0.000"},
        {"5", "5"},
        {"-5", "-5"},
        {"42", "42"},
        {"999", "999"},
        {"1000", "1000"},
        {"9999", "9999"},
        {"10000", "10000"},
        {"10001", "10001"},
        {"100000000", "100000000"},
        {"120000000000", "120000000000"},
        {"1.5", "1.5"},
        {"1.50", "1.50"},
        {"0.5", "0.5"},
        {"0.0005", "0.0005"},
        {"0.00005", "0.00005"},
        {"-0.000000000001", "-0.000000000001"},
        {"10000.0001", "10000.0001"},
        {"12345.678901", "12345.678901"},
        {"1e3", "1000"},
        {"1E+3", "1000"},
        {"1.25e1", "12.5"},
        {"1.25e2", "125"},
        {"1.25e5", "125000"},
        {"1e-3", "0.001"},
        {"12.5e-3", "0.0125"},
        {"0e5", "0"},
        {"0.00e1", "0.0"},
        {"9007199254740993", "9007199254740993"},
        {"0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"}}) {
    EXPECT_EQ(RoundTrip(test.given), test.printed) << test.given;
  }
}

// The long form begins beyond 63 decimals and 64 base-10,000 digits.
TEST(Numeric, LongAndShortForms) {
  for (const int decimals : {1, 4, 62, 63, 64, 65, 100, 1000, 16'383}) {
    const std::string text = "3." + std::string(static_cast<size_t>(decimals) - 1, '1') + "7";
    EXPECT_EQ(RoundTrip(text), text);
  }
  for (const int digits : {251, 252, 255, 256, 257, 260, 1000, 131'072}) {
    const std::string text = "7" + std::string(static_cast<size_t>(digits) - 1, '3');
    EXPECT_EQ(RoundTrip(text), text);
    EXPECT_EQ(RoundTrip("-" + text), "-" + text);
  }
  EXPECT_EQ(RoundTrip("1e131071"), "1" + std::string(131'071, '0'));
}

TEST(Numeric, RefusesWhatIsNoJsonNumberOrTooLarge) {
  for (const char* text :
       {"",         "-",  "+1", "01", "00",   "1.",  ".5",       "1e",       "1e+",
        "a",        "1a", " 1", "1 ", "0x10", "NaN", "Infinity", "1e131073", "1e999999999999",
        "1e-20000", "--1"}) {
    EXPECT_EQ(RoundTrip(text), "invalid") << text;
  }
}

TEST(Numeric, SpecialValues) {
  const auto text = [](uint16_t header) {
    std::string varlena("\x18\x00\x00\x00", 4);
    varlena.append(reinterpret_cast<const char*>(&header), 2);
    return json::NumberText(json::Value::Make(json::Kind::kNumber, varlena.data(), 6));
  };
  EXPECT_EQ(text(0xC000), "NaN");
  EXPECT_EQ(text(0xD000), "Infinity");
  EXPECT_EQ(text(0xF000), "-Infinity");
}

TEST(Numeric, Integers) {
  for (const char* text : {"0", "0.00", "1", "-1", "10000", "1e20", "5.0", "5.000000",
                           "123456789012345678901234567890"}) {
    EXPECT_TRUE(json::NumberIsInteger(Json(text).value())) << text;
  }
  for (const char* text : {"0.1", "1.5", "-1.0001", "10000.5", "1e-1", "12345.00001"}) {
    EXPECT_FALSE(json::NumberIsInteger(Json(text).value())) << text;
  }
}

TEST(Numeric, Zero) {
  EXPECT_TRUE(json::NumberIsZero(Json("0").value()));
  EXPECT_TRUE(json::NumberIsZero(Json("0.0000").value()));
  EXPECT_FALSE(json::NumberIsZero(Json("0.0001").value()));
  EXPECT_FALSE(json::NumberIsZero(Json("10000").value()));
}

double ToDouble(std::string_view text) {
  std::string varlena;
  EXPECT_TRUE(json::ParseNumber(text, &varlena)) << text;
  return json::NumberToDouble(json::Value::Make(json::Kind::kNumber, varlena.data(),
                                                static_cast<uint32_t>(varlena.size())));
}

TEST(Numeric, NearestDouble) {
  for (const std::string_view text : {"0",
                                      "-0",
                                      "1",
                                      "-1",
                                      "0.1",
                                      "812.5",
                                      "0.30000000000000004",
                                      "9007199254740993",
                                      "9007199254740992",
                                      "9007199254740991",
                                      "90071992547409910000",
                                      "1e22",
                                      "1e23",
                                      "1e24",
                                      "123456789012345678901234567890",
                                      "1.7976931348623157e308",
                                      "2.2250738585072011e-308",
                                      "5e-324",
                                      "2.4703282292062328e-324",
                                      "0.00012345",
                                      "4503599627370497.5",
                                      "1e-22",
                                      "1e-25",
                                      "123456.7890625"}) {
    EXPECT_EQ(ToDouble(text), std::strtod(std::string(text).c_str(), nullptr)) << text;
  }
  EXPECT_EQ(ToDouble("1e400"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(ToDouble("-1e400"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(ToDouble("1e-400"), 0);
  // Halfway between two doubles but for the last of a thousand digits.
  const std::string halfway = "9007199254740993." + std::string(700, '0');
  EXPECT_EQ(ToDouble(halfway + "0"), 9007199254740992);
  EXPECT_EQ(ToDouble(halfway + "1"), 9007199254740994);
}

TEST(Numeric, NearestDoubleOfRandomNumbers) {
  std::mt19937_64 random(11);
  for (int i = 0; i < 200'000; ++i) {
    std::string text = std::to_string(random() >> (random() % 64));
    text.insert(random() % (text.size() + 1), ".");
    text = "0" + text + "0";
    text.erase(0, std::min(text.find_first_not_of('0'), text.find('.') - 1));
    ASSERT_EQ(ToDouble(text), std::strtod(text.c_str(), nullptr)) << text;
  }
}

}  // namespace
}  // namespace promptreg::testing
