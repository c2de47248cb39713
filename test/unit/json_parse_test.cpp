#include "core/json/parse.h"

#include <csignal>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/json/outline.h"
#include "unit/support.h"

namespace promptreg::testing {
namespace {

std::string Parsed(std::string_view text, const json::ParseOptions& options = {}) {
  const std::string container = json::Parse(text, options);
  return container.empty() ? "!" : Compact(json::Value::FromContainer(container.data()));
}

TEST(Parse, ReadsWhatJsonAllows) {
  for (const char* text : {"null", "true", "false", "0", "-1.50", "\"\"", "\"a\"", "[]", "{}",
                           "[1,[2,{}],\"x\"]", R"({"a":{"b":[null]},"c":true})"}) {
    EXPECT_EQ(Parsed(text), text);
  }
  EXPECT_EQ(Parsed(" \t\r\n[ 1 , { \"a\" : [ ] } ] "), "[1,{\"a\":[]}]");
  EXPECT_EQ(Parsed(R"({"a":1,"a":2})"), R"({"a":2})");
  EXPECT_EQ(Parsed("1e3"), "1000");
}

TEST(Parse, RefusesEverythingElse) {
  for (const char* text : {"",
                           " ",
                           "nul",
                           "True",
                           "01",
                           "+1",
                           "1.",
                           ".5",
                           "-",
                           "NaN",
                           "'a'",
                           "\"a",
                           "\"\t\"",
                           "[1,]",
                           "[,1]",
                           "[1 2]",
                           "[",
                           "]",
                           "[}",
                           "{]",
                           "{",
                           "{\"a\"}",
                           "{\"a\":}",
                           "{\"a\":1,}",
                           "{a:1}",
                           "{\"a\" 1}",
                           "1 2",
                           "[] []",
                           "{\"a\":1]",
                           "[1}",
                           "\"\\x\"",
                           "\"\\",
                           "\"\\u12",
                           "\"\\u12g4\"",
                           "\"\\u0000\"",
                           "\"\\ud800\"",
                           "\"\\ud800x\"",
                           "\"\\ud800\\n\"",
                           "\"\\udc00\"",
                           "\"\\ud800\\ud800\"",
                           "// x\n1"}) {
    EXPECT_EQ(Parsed(text), "!") << text;
  }
}

TEST(Parse, ReadsEscapes) {
  EXPECT_EQ(Parsed(R"("\"\\\/\b\f\n\r\t\u0001")"), R"("\"\\/\b\f\n\r\t\u0001")");
  EXPECT_EQ(Parsed(R"("\u00e9\u20AC\ud83d\ude00")"), "\"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\"");
  EXPECT_EQ(Parsed(R"({"\u0061":1})"), R"({"a":1})");
}

TEST(Parse, WritesOnlyAsciiIntoOtherEncodings) {
  EXPECT_EQ(Parsed(R"("\u007e")", {.utf8 = false}), "\"~\"");
  EXPECT_EQ(Parsed(R"("\u00e9")", {.utf8 = false}), "!");
}

TEST(Parse, HasALimitOfDepth) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(Parsed(nested(64)), nested(64));
  EXPECT_EQ(Parsed(nested(65)), "!");
  EXPECT_EQ(Parsed("1", {.max_depth = 0}), "1");
  EXPECT_EQ(Parsed(std::string(1'000'000, '[')), "!");
}

// Another reader and Builder make the same bytes of it.
void ExpectAsBuilt(const std::string& text) {
  EXPECT_EQ(json::Parse(text, {}), Json(text).bytes()) << text.substr(0, 200);
}

std::string Object(const std::vector<std::string>& keys) {
  std::string text = "{";
  for (size_t i = 0; i < keys.size(); ++i) {
    if (i > 0) text += ',';
    text += '"' + keys[i] + "\":" + std::to_string(i);
  }
  return text + "}";
}

TEST(Parse, OrdersKeysAndKeepsTheLastOfEqualOnes) {
  ExpectAsBuilt(R"({"bb":1,"a":2,"":3,"b":4,"aa":5})");
  ExpectAsBuilt(R"({"a":1,"b":{"x":1,"x":2,"x":3},"a":[{"y":1,"y":2}],"\u0061":4})");
  ExpectAsBuilt(R"([{"b":{"d":1,"c":2},"a":{"f":1,"e":2}},{"b":1,"a":2}])");
  std::mt19937 random(1);
  for (const size_t count : {31, 32, 33, 1023, 1024, 1025, 2048, 2049, 10'000}) {
    for (const unsigned different : {1U, 100U, 1'000'000U}) {
      std::vector<std::string> keys;
      for (size_t i = 0; i < count; ++i) keys.push_back(std::to_string(random() % different));
      ExpectAsBuilt(Object(keys));
    }
  }
}

TEST(Parse, LaysOutWhateverItReads) {
  std::mt19937 random(2);
  const auto below = [&](unsigned bound) { return random() % bound; };
  static constexpr const char* kScalars[] = {"null",
                                             "true",
                                             "false",
                                             "0",
                                             "-0",
                                             "17",
                                             "-1.50",
                                             "1e2",
                                             "\"\"",
                                             "\"x\"",
                                             "123456789012345678901234567890",
                                             "0.00001",
                                             "\"\\n\\u00e9\"",
                                             "\"longer than a word\""};
  const auto value = [&](const auto& self, unsigned depth) -> std::string {
    const unsigned what = depth == 0 ? 0 : below(4);
    if (what < 2) return kScalars[below(std::size(kScalars))];
    std::string text(1, what == 2 ? '[' : '{');
    const unsigned count = below(8) == 0 ? below(80) : below(5);
    for (unsigned i = 0; i < count; ++i) {
      if (i > 0) text += below(2) == 0 ? "," : " ,\n";
      if (what == 3) text += "\"k" + std::to_string(below(50)) + "\" : ";
      text += self(self, depth - 1);
    }
    return text + (what == 2 ? "]" : "}");
  };
  for (int i = 0; i < 2'000; ++i) ExpectAsBuilt(value(value, 5));
}

// Quotation marks, escapes and the end at every place of a block.
TEST(Parse, FindsTheEndOfStrings) {
  for (size_t length = 0; length < 100; ++length) {
    const std::string plain(length, 'x');
    EXPECT_EQ(Parsed("\"" + plain + "\""), "\"" + plain + "\"");
    EXPECT_EQ(Parsed("[\"" + plain + "\\n" + plain + "\",1]"),
              "[\"" + plain + "\\n" + plain + "\",1]");
    EXPECT_EQ(Parsed("\"" + plain), "!");
    EXPECT_EQ(Parsed("\"" + plain + "\\"), "!");
    EXPECT_EQ(Parsed("\"" + plain + "\x1f\""), "!");
    EXPECT_EQ(Parsed("\"\\n" + plain), "!");
    EXPECT_EQ(Parsed("\"\\n" + plain + "\t\""), "!");
  }
  // Bytes that have their high bit set are none of these.
  std::string high = "\"";
  for (int i = 0; i < 50; ++i) high += "\xC2\xA2\xE2\x82\xAC";
  EXPECT_EQ(Parsed(high + "\""), high + "\"");
}

TEST(Parse, RefusesNumbersThatNoNumericHolds) {
  EXPECT_EQ(Parsed("1e131071").size(), 131'072U);
  for (const char* text :
       {"1e131072", "1e-16384", "1e99999999999999999999", "0e-16384", "0e2000000000"}) {
    EXPECT_EQ(Parsed(text), "!") << text;
  }
  EXPECT_EQ(Parsed("0e100000"), "0");
  EXPECT_EQ(Parsed(std::string(200'001, '1')), "!");
}

struct Reading : json::Outline {
  ~Reading() { Free(); }
  json::Outcome Read(const std::string& given, json::Interrupt interrupt = nullptr) {
    json::Outcome outcome = json::Scan(given, {}, interrupt, this);
    if (outcome != json::Outcome::kOk) return outcome;
    bytes.assign(size, '\0');
    size_t length = 0;
    outcome = json::Write(this, interrupt, bytes.data(), &length);
    bytes.resize(length);
    return outcome;
  }
  std::string bytes;
};

TEST(Parse, UsesItsMemoryAgain) {
  Reading reading;
  const std::string large = Object(std::vector<std::string>(5'000, "key\\n"));
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(reading.Read(large), json::Outcome::kOk);
    EXPECT_EQ(reading.bytes, Json(large).bytes());
    const size_t capacity = reading.capacity();
    EXPECT_EQ(reading.Read("[1,{"), json::Outcome::kRefused);
    ASSERT_EQ(reading.Read(R"({"b":"\n","a":2.5})"), json::Outcome::kOk);
    EXPECT_EQ(reading.bytes, Json(R"({"b":"\n","a":2.5})").bytes());
    EXPECT_EQ(reading.capacity(), capacity);
  }
}

// Whatever it is that is long.
TEST(Parse, CanBeInterrupted) {
  const std::sig_atomic_t raised = 1;
  const std::string many(200'000, ' ');
  std::vector<std::string> keys;
  for (int i = 5'000; i > 0; --i) keys.push_back(std::to_string(i));
  std::string list = "[1";
  for (int i = 0; i < 5'000; ++i) list += ",1";
  for (const std::string& text : {many + "1", "1" + many, "\"" + many + "\"", "\"\\n" + many + "\"",
                                  list + "]", Object(keys)}) {
    Reading reading;
    EXPECT_EQ(reading.Read(text, &raised), json::Outcome::kInterrupted) << text.substr(0, 20);
    ASSERT_EQ(reading.Read(text), json::Outcome::kOk);
    if (reading.count < 5'000) continue;
    size_t length;
    EXPECT_EQ(json::Write(&reading, &raised, reading.bytes.data(), &length),
              json::Outcome::kInterrupted);
  }
}

}  // namespace
}  // namespace promptreg::testing
