// Variables that were given and that a program does not have.
#include <string>

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

std::string list;  // of the last error

tmpl::Error Unknown(const char* declarations, const std::string& variables) {
  Template source = {.texts = {"{{#l}}{{x}}{{/l}}"}, .declarations = declarations};
  EXPECT_TRUE(source.Compile()) << source.error.message;
  tmpl::Error error;
  const ScratchPointer scratch(tmpl::NewScratch());
  const bool known =
      tmpl::CheckKnown(source.view(), Json(variables).value(), scratch.get(), &error);
  list = error.list != nullptr ? error.list : error.detail;
  error.list = nullptr;
  EXPECT_EQ(known, error.code == tmpl::Code::kOk);
  return error;
}

TEST(Unknown, NamesAreAllListed) {
  const char* declared = R"([{"name":"l","type":"array"},{"name":"customer"}])";
  for (const char* known : {"{}", R"({"l":[]})", R"({"customer":"","l":[]})"}) {
    EXPECT_EQ(Unknown(declared, known).code, tmpl::Code::kOk) << known;
  }
  const tmpl::Error one = Unknown(declared, R"({"l":[],"custmoer":1})");
  EXPECT_EQ(one.code, tmpl::Code::kUnknownVariable);
  EXPECT_STREQ(one.message, "variable \"custmoer\" is unknown");
  EXPECT_STREQ(one.hint, "Perhaps \"customer\" was meant instead of \"custmoer\".");
  const tmpl::Error two = Unknown(declared, R"({"x":1,"other":2,"l":[]})");
  EXPECT_STREQ(two.message, "2 variables are unknown");
  EXPECT_STREQ(two.detail, "Not a variable of the prompt: \"x\", \"other\".");
  EXPECT_STREQ(two.hint, "");
}

// Without declarations, a name in a section may be a variable.
TEST(Unknown, InferredNamesAreKnown) {
  EXPECT_EQ(Unknown("", R"({"l":[],"x":1})").code, tmpl::Code::kOk);
  EXPECT_EQ(Unknown("", R"({"y":1})").code, tmpl::Code::kUnknownVariable);
}

TEST(Unknown, ManyAndLongNamesAreListed) {
  for (const int count : {1000, 1005}) {
    std::string variables = "{";
    for (int i = 0; i < count; ++i) {
      variables += (i > 0 ? ",\"" : "\"") + std::to_string(i) + std::string(100, 'n') + "\":1";
    }
    const tmpl::Error error = Unknown("[{\"name\":\"l\",\"type\":\"array\"}]", variables + "}");
    EXPECT_EQ(error.message, std::to_string(count) + " variables are unknown");
    for (int i = 0; i < 100; ++i) {
      EXPECT_NE(list.find("\"" + std::to_string(i) + "nnn"), std::string::npos) << i;
    }
    EXPECT_EQ(list.ends_with(" and 5 more."), count == 1005);
  }
}

TEST(Described, VariablesAreTheirDeclarationsAndMore) {
  Template declared = {.texts = {"{{a}}"},
                       .declarations = R"([{"name":"a","max":3},{"name":"bb","type":"number"}])"};
  ASSERT_TRUE(declared.Compile());
  const std::string container = tmpl::DescribeVariables(declared.view());
  EXPECT_EQ(Compact(json::Value::FromContainer(container.data())),
            R"([{"max":3,"name":"a","type":"string","used":true,"declared":true,"required":false},)"
            R"({"name":"bb","type":"number","used":false,"declared":true,"required":false}])");
  Template inferred = {.texts = {"{{a}}"}};
  ASSERT_TRUE(inferred.Compile());
  const std::string other = tmpl::DescribeVariables(inferred.view());
  EXPECT_EQ(Compact(json::Value::FromContainer(other.data())),
            R"([{"name":"a","type":"any","used":true,"declared":false,"required":false}])");
}

}  // namespace
}  // namespace promptreg::testing
