#include "core/json/value.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "core/json/builder.h"
#include "core/json/numeric.h"
#include "unit/support.h"

namespace promptreg::testing {
namespace {

using json::Kind;
using json::Value;

TEST(Value, MissingByDefault) {
  const Value value;
  EXPECT_TRUE(value.missing());
  EXPECT_FALSE(value.Truthy());
  EXPECT_EQ(value.size(), 0U);
  EXPECT_TRUE(value.Find("a").missing());
}

TEST(Value, ScalarsAtTheRoot) {
  EXPECT_EQ(Json("null").value().kind(), Kind::kNull);
  EXPECT_EQ(Json("true").value().kind(), Kind::kTrue);
  EXPECT_EQ(Json("false").value().kind(), Kind::kFalse);
  EXPECT_EQ(Json("12.5").value().kind(), Kind::kNumber);
  EXPECT_EQ(Json("\"text\"").value().string(), "text");
  EXPECT_EQ(Json("[]").value().kind(), Kind::kArray);
  EXPECT_EQ(Json("[1]").value().kind(), Kind::kArray);
  EXPECT_EQ(Json("{}").value().kind(), Kind::kObject);
}

TEST(Value, FalsyAreMissingNullFalseZeroAndWhatIsEmpty) {
  for (const char* text : {"null", "false", "0", "0.00", "-0", "0e5", "\"\"", "[]"}) {
    EXPECT_FALSE(Json(text).value().Truthy()) << text;
  }
  for (const char* text :
       {"true", "1", "-1", "0.01", "1e-9", "\"0\"", "\" \"", "[0]", "[null]", "{}"}) {
    EXPECT_TRUE(Json(text).value().Truthy()) << text;
  }
}

TEST(Value, FindsEveryKeyWhateverTheirNumber) {
  for (const int count :
       {0, 1, 2, 15, 16, 17, 31, 32, 33, 34, 63, 64, 65, 66, 96, 97, 98, 1000, 1024, 1025, 3000}) {
    json::Builder builder;
    builder.BeginObject();
    for (int i = 0; i < count; ++i) {
      builder.Key("key" + std::to_string(i * 7 % 10'007));
      builder.String("value of " + std::to_string(i * 7 % 10'007));
    }
    builder.EndObject();
    const std::string bytes = builder.Finish();
    const Value object = Value::FromContainer(bytes.data());
    ASSERT_EQ(object.size(), static_cast<uint32_t>(count));
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(i * 7 % 10'007);
      const Value value = object.Find("key" + number);
      ASSERT_EQ(value.kind(), Kind::kString) << count << " " << number;
      ASSERT_EQ(value.string(), "value of " + number) << count;
    }
    for (const char* absent :
         {"", "k", "key", "key1 ", "kez0", "kex9999", "key99999", "zzzz", "key0000", "aaaaaaaa"}) {
      ASSERT_TRUE(object.Find(absent).missing()) << count << " " << absent;
    }
  }
}

TEST(Value, FindsKeysOfAllLengths) {
  json::Builder builder;
  builder.BeginObject();
  for (size_t length = 0; length < 40; ++length) {
    builder.Key(std::string(length, 'k'));
    builder.Number(std::to_string(length));
  }
  builder.EndObject();
  const std::string bytes = builder.Finish();
  const Value object = Value::FromContainer(bytes.data());
  for (size_t length = 0; length < 40; ++length) {
    std::string key(length, 'k');
    EXPECT_EQ(json::NumberText(object.Find(key)), std::to_string(length));
    for (size_t i = 0; i < length; ++i) {
      std::string other = key;
      other[i] = 'j';
      EXPECT_TRUE(object.Find(other).missing()) << length << " " << i;
      other[i] = 'l';
      EXPECT_TRUE(object.Find(other).missing()) << length << " " << i;
    }
  }
}

TEST(Value, SmallObjectsCompareWholeKeys) {
  const Json object(
      R"({"a":1,"ab":2,"abc":3,"abcd":4,"abcde":5,"abcdefgh":6,"abcdefghi":7,"abcdefghijklmnopq":8})");
  EXPECT_EQ(json::NumberText(object.value().Find("abcdefghijklmnopq")), "8");
  EXPECT_EQ(json::NumberText(object.value().Find("abcde")), "5");
  for (const char* other : {"b", "aa", "abd", "abce", "bbcde", "abcdf", "abcdefgi", "bbcdefghi",
                            "abcdefghij", "abcdefghxjklmnopq", "abcdefghijklmnopr"}) {
    EXPECT_TRUE(object.value().Find(other).missing()) << other;
  }
}

TEST(Value, FindOnOtherKindsIsMissing) {
  for (const char* text : {"null", "1", "\"a\"", "[\"a\"]"}) {
    EXPECT_TRUE(Json(text).value().Find("a").missing()) << text;
  }
}

TEST(Cursor, WalksLongArrays) {
  for (const int count : {0, 1, 31, 32, 33, 64, 65, 1000, 5000}) {
    json::Builder builder;
    builder.BeginArray();
    for (int i = 0; i < count; ++i) {
      if (i % 3 == 0) {
        builder.Number(std::to_string(i));
      } else {
        builder.String(std::to_string(i));
      }
    }
    builder.EndArray();
    const std::string bytes = builder.Finish();
    json::Cursor cursor(Value::FromContainer(bytes.data()));
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(cursor.Next());
      const Value value = cursor.value();
      ASSERT_EQ(
          value.kind() == Kind::kNumber ? json::NumberText(value) : std::string(value.string()),
          std::to_string(i));
    }
    EXPECT_FALSE(cursor.Next());
    EXPECT_FALSE(cursor.Next());
  }
}

TEST(Cursor, WalksObjectsInStoredOrder) {
  const Json object(R"({"bb":2,"a":1,"ccc":3,"ab":4})");
  std::string seen;
  for (json::Cursor cursor(object.value()); cursor.Next();) {
    seen += std::string(cursor.key()) + "=" + json::NumberText(cursor.value()) + " ";
  }
  EXPECT_EQ(seen, "a=1 ab=4 bb=2 ccc=3 ");
}

TEST(Cursor, HasNothingToWalkInScalars) {
  EXPECT_FALSE(json::Cursor().Next());
  EXPECT_FALSE(json::Cursor(Value()).Next());
  EXPECT_FALSE(json::Cursor(Json("\"text\"").value()).Next());
  EXPECT_FALSE(json::Cursor(Json("3").value()).Next());
}

TEST(Value, NestedContainersAndMixedAlignment) {
  const Json json(R"({"a":"x","b":{"c":["yy",{"d":[1.5,"zzz",[2,[]]]}]},"e":3})");
  EXPECT_EQ(Compact(json.value()), R"({"a":"x","b":{"c":["yy",{"d":[1.5,"zzz",[2,[]]]}]},"e":3})");
  json::Cursor cursor(json.value().Find("b").Find("c"));
  ASSERT_TRUE(cursor.Next());
  ASSERT_TRUE(cursor.Next());
  EXPECT_EQ(Compact(cursor.value().Find("d")), "[1.5,\"zzz\",[2,[]]]");
}

TEST(Value, LongStrings) {
  const std::string text(3'000'000, 'x');
  json::Builder builder;
  builder.BeginArray();
  builder.String("a");
  builder.String(text);
  builder.Number("7");
  builder.EndArray();
  const std::string bytes = builder.Finish();
  json::Cursor cursor(Value::FromContainer(bytes.data()));
  cursor.Next();
  cursor.Next();
  EXPECT_EQ(cursor.value().string(), text);
  cursor.Next();
  EXPECT_EQ(json::NumberText(cursor.value()), "7");
}

}  // namespace
}  // namespace promptreg::testing
