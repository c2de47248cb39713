#include "core/json/write.h"

#include <string>

#include <gtest/gtest.h>

#include "core/json/builder.h"
#include "core/json/escape.h"
#include "unit/support.h"

namespace promptreg::testing {
namespace {

std::string Canonical(const Json& json) {
  std::string text;
  EXPECT_TRUE(json::AppendCanonical(json.value(), 1000, &text));
  return text;
}

std::string Nested(int depth) {
  return std::string(static_cast<size_t>(depth), '[') +
         std::string(static_cast<size_t>(depth), ']');
}

TEST(Compact, HasNoWhiteSpaceAndStoredOrder) {
  EXPECT_EQ(Compact(Json(R"({ "bb" : [ 1 , 2.50, null ], "a" : { } , "c": "x y" })").value()),
            R"({"a":{},"c":"x y","bb":[1,2.50,null]})");
  EXPECT_EQ(Compact(Json("[]").value()), "[]");
  EXPECT_EQ(Compact(Json("[[],[[]],{}]").value()), "[[],[[]],{}]");
  EXPECT_EQ(Compact(Json("\"a\"").value()), "\"a\"");
  EXPECT_EQ(Compact(Json("true").value()), "true");
}

TEST(Compact, AppendsAndLeavesTheRestAlone) {
  std::string text = "before ";
  ASSERT_TRUE(json::AppendCompact(Json("[1]").value(), 1, &text));
  EXPECT_EQ(text, "before [1]");
  EXPECT_FALSE(json::AppendCompact(Json("[1,[2]]").value(), 1, &text));
  EXPECT_EQ(text, "before [1]");
}

TEST(Compact, DepthLimit) {
  std::string text;
  EXPECT_TRUE(json::AppendCompact(Json("1").value(), 0, &text));
  EXPECT_FALSE(json::AppendCompact(Json("[]").value(), 0, &text));
  EXPECT_TRUE(json::AppendCompact(Json(Nested(64)).value(), 64, &text));
  EXPECT_FALSE(json::AppendCompact(Json(Nested(65)).value(), 64, &text));
  EXPECT_FALSE(json::AppendCompact(Json("{\"a\":{\"b\":1}}").value(), 1, &text));
}

TEST(Canonical, SortsKeysByTheirBytes) {
  EXPECT_EQ(
      Canonical(R"({"b":1,"aa":2,"a":3,"B":4,"":5,"ä":6,"z":7,"€":8,"😀":9,"ab":{"d":1,"c":2}})"),
      R"({"":5,"B":4,"a":3,"aa":2,"ab":{"c":2,"d":1},"b":1,"z":7,"ä":6,"€":8,"😀":9})");
}

// U+FFFD sorts after U+10000 in UTF-16 and before it in UTF-8.
TEST(Canonical, IsNotTheOrderOfUtf16) {
  EXPECT_EQ(Canonical("{\"\U00010000\":1,\"\uFFFD\":2}"), "{\"\uFFFD\":2,\"\U00010000\":1}");
}

TEST(Canonical, EscapesAsLittleAsPossible) {
  EXPECT_EQ(Canonical(R"("\u0000\u0001\u001f\b\t\n\f\r\"\\\/\u007f\u00e4")"),
            "\"\\u0000\\u0001\\u001f\\b\\t\\n\\f\\r\\\"\\\\/\x7f\u00e4\"");
}

TEST(Canonical, KeepsNumbersAsStored) {
  EXPECT_EQ(Canonical("[1,1.0,1.50,-0,1e3,0.000]"), "[1,1.0,1.50,0,1000,0.000]");
}

TEST(Canonical, ManyKeysAndDepth) {
  std::string object = "{", expected = "{";
  for (int i = 999; i >= 100; --i)
    object += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + (i > 100 ? "," : "}");
  for (int i = 100; i <= 999; ++i)
    expected += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + (i < 999 ? "," : "}");
  EXPECT_EQ(Canonical(object), expected);
  EXPECT_EQ(Canonical(Nested(900)), Nested(900));
  std::string text = "x";
  EXPECT_FALSE(json::AppendCanonical(Json(Nested(11)).value(), 10, &text));
  EXPECT_EQ(text, "x");
  EXPECT_TRUE(json::AppendCanonical(Json(Nested(10)).value(), 10, &text));
}

TEST(Canonical, MixesContainersAndScalars) {
  EXPECT_EQ(Canonical(R"([{"b":[],"a":[1,{"x":null}]},2,[[3],4],{}])"),
            R"([{"a":[1,{"x":null}],"b":[]},2,[[3],4],{}])");
}

// Every byte at every place within the words that are looked at together.
TEST(Escape, FindsWhatNeedsIt) {
  for (int byte = 0; byte < 256; ++byte) {
    for (size_t place = 0; place < 20; ++place) {
      std::string text(20, 'a');
      text[place] = static_cast<char>(byte);
      const bool special = byte < 0x20 || byte == '"' || byte == '\\';
      EXPECT_EQ(json::PlainPrefix(text.data(), text.size()), special ? place : text.size())
          << byte << " " << place;
    }
  }
}

TEST(Builder, LastOfEqualKeysWins) {
  EXPECT_EQ(Compact(Json(R"({"a":1,"b":2,"a":[3],"c":4,"a":5})").value()),
            R"({"a":5,"b":2,"c":4})");
}

TEST(Builder, CopiesValues) {
  const Json given(R"({"a":[1,{"b":"x"}],"n":12.50,"s":"text","t":true,"f":false,"z":null})");
  json::Builder builder;
  builder.BeginArray();
  builder.String("abc");  // so that what follows is not aligned by itself
  builder.Add(given.value());
  for (json::Cursor cursor(given.value()); cursor.Next();) builder.Add(cursor.value());
  builder.Add(json::Value());
  builder.EndArray();
  const std::string bytes = builder.Finish();
  EXPECT_EQ(Compact(json::Value::FromContainer(bytes.data())),
            R"(["abc",{"a":[1,{"b":"x"}],"f":false,"n":12.50,"s":"text","t":true,"z":null},)"
            R"([1,{"b":"x"}],false,12.50,"text",true,null,null])");
}

TEST(Builder, StartsAnewAfterFinish) {
  json::Builder builder;
  builder.String("first");
  EXPECT_EQ(Compact(json::Value::FromContainer(builder.Finish().data())), "\"first\"");
  const std::string empty = builder.Finish();
  EXPECT_EQ(Compact(json::Value::FromContainer(empty.data())), "null");
  EXPECT_FALSE(builder.Number("x"));
}

}  // namespace
}  // namespace promptreg::testing
