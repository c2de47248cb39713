// Declared and inferred variables, and what binding makes of them.
#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

using tmpl::Code;

Template Declared(std::string text, const char* declarations) {
  return {.texts = {std::move(text)}, .declarations = declarations, .snippets = "{}"};
}

std::string Names(const Template& source) {
  std::string names;
  for (uint32_t i = 0; i < source.view().variable_count(); ++i) {
    const tmpl::Variable variable = source.view().variable(i);
    names += std::string(variable.name) + (variable.declared ? "+" : "") +
             (variable.used ? "!" : "") + " ";
  }
  return names;
}

// What is only used within a section may be a member, or a variable.
TEST(Inference, ListsWhatMayBeAVariable) {
  Template source = {
      .texts =
          {"{{b}} {{a.x}} {{#list}}{{item}}{{b}}{{/list}}{{^none}}{{inner}}{{/none}}{{.}}{{b}}",
           "{{last}}"},
      .snippets = "{}"};
  ASSERT_TRUE(source.Compile());
  EXPECT_EQ(Names(source), "b! a! list! item! none! inner! last! ");
  const tmpl::Variable variable = source.view().variable(0);
  EXPECT_EQ(variable.type, tmpl::Type::kAny);
  EXPECT_FALSE(variable.required);
  EXPECT_TRUE(variable.default_value.missing());
}

TEST(Inference, LooksIntoSnippets) {
  Template source = {.texts = {"{{> s}}{{#l}}{{> t}}{{/l}}"},
                     .snippets = R"({"s":"{{x}}{{#c}}{{>s}}{{/c}}","t":"{{y}}"})"};
  ASSERT_TRUE(source.Compile());
  EXPECT_EQ(Names(source), "x! c! l! y! ");
}

TEST(Inference, TakesAnyValue) {
  Template source = {.texts = {"{{a}}"}};
  EXPECT_EQ(source.Render("{}"), "");
  EXPECT_EQ(source.Render(R"({"a":1})"), "1");
  EXPECT_EQ(source.Render(R"({"a":"1"})"), "1");
  EXPECT_EQ(source.Render(R"({"a":null})"), "");
  EXPECT_EQ(source.Render(R"({"a":[true]})"), "[true]");
}

TEST(Binding, FindsVariablesAmongOthers) {
  Template source = {.texts = {"{{a}}|{{bb}}|{{ccc}}|{{zz}}|{{b}}"}};
  EXPECT_EQ(source.Render(R"({"b":1,"a":2,"zz":3,"aa":4,"bb":5,"ccc":6,"cccc":7,"zzz":8})"),
            "2|5|6|3|1");
  EXPECT_EQ(source.Render(R"({"c":1,"aa":4,"ccb":6,"cccc":7})"), "||||");
  EXPECT_EQ(source.Render("{}"), "||||");
}

// Both ways of binding: few keys are merged, of many a few are looked up.
TEST(Binding, OfObjectsOfAllSizes) {
  for (const int count : {1, 5, 16, 31, 32, 33, 64, 100, 1000, 5000}) {
    std::string object = "{", text, expected;
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(i);
      object += "\"k" + number + "\":" + (i % 2 == 0 ? "[" + number + "]" : "\"v" + number + "\"") +
                (i + 1 < count ? "," : "}");
      if (i % 7 == 0) {
        text += "{{k" + number + "}}{{x" + number + "}};";
        expected += (i % 2 == 0 ? "[" + number + "]" : "v" + number) + ";";
      }
    }
    Template source = {.texts = {text}};
    EXPECT_EQ(source.Render(object), expected) << count;
    Template few = {.texts = {"{{k0}}"}};
    EXPECT_EQ(few.Render(object), "[0]") << count;
  }
}

TEST(Binding, NeedsAnObject) {
  Template source = {.texts = {"x"}};
  for (const char* value : {"null", "1", "\"text\"", "[]", "true"}) {
    EXPECT_EQ(source.Render(value).substr(0, 35), "!variables must be a JSON object, n") << value;
    EXPECT_EQ(source.code, Code::kNotAnObject);
  }
  EXPECT_EQ(source.Render("[1]"), "!variables must be a JSON object, not an array");
  EXPECT_EQ(source.Render(""), "x");
}

TEST(Declarations, AreListedInTheirOrder) {
  Template source = Declared(
      "{{b}}",
      R"([{"name":"c","type":"integer","required":true},{"name":"b"},{"name":"a","nullable":true,"default":[1],"type":"array"}])");
  ASSERT_TRUE(source.Compile()) << source.error.message;
  EXPECT_EQ(Names(source), "c+ b+! a+ ");
  EXPECT_EQ(source.view().variable(0).type, tmpl::Type::kInteger);
  EXPECT_TRUE(source.view().variable(0).required);
  EXPECT_EQ(source.view().variable(1).type, tmpl::Type::kString);
  EXPECT_TRUE(source.view().variable(2).nullable);
  EXPECT_EQ(Compact(source.view().variable(2).default_value), "[1]");
}

TEST(Declarations, AsAnObject) {
  Template source =
      Declared("{{a}}", R"({"a":{"default":"x"},"bb":{"type":"number","name":"bb"}})");
  EXPECT_EQ(source.Render("{}"), "x");
  EXPECT_EQ(Names(source), "a+! bb+ ");
}

TEST(Declarations, NullAndMissingAreInference) {
  Template source = Declared("{{a}}", "null");
  ASSERT_TRUE(source.Compile());
  EXPECT_EQ(Names(source), "a! ");
}

TEST(Declarations, UndeclaredNamesAreRefused) {
  Template source = Declared("ok {{a}}\n  {{b.c}}", R"([{"name":"a"},{"name":"d"}])");
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.code, Code::kUndeclaredVariable);
  EXPECT_STREQ(source.error.message, "variable \"b\" is not declared");
  EXPECT_STREQ(source.error.detail, "Line 2, column 3:\n  {{b.c}}\n  ^");
  EXPECT_STREQ(source.error.hint, "Declared are a, d.");
  Template none = Declared("{{a}}", "[]");
  EXPECT_FALSE(none.Compile());
  EXPECT_STREQ(none.error.hint, "No variables are declared.");
}

// A name in a section may be one of the items'.
TEST(Declarations, NamesWithinSectionsMayBeTheItems) {
  const char* declarations = R"([{"name":"l","type":"array"}])";
  EXPECT_EQ(
      Declared("{{#l}}{{x}}{{#y}}{{z}}{{/y}}{{/l}}", declarations).Render(R"({"l":[{"x":1}]})"),
      "1");
  for (const char* text : {"{{#x}}{{/x}}", "{{^x}}{{/x}}", "{{#l}}{{/l}}{{x}}", "{{x.y}}"}) {
    Template source = Declared(text, declarations);
    EXPECT_FALSE(source.Compile()) << text;
    EXPECT_EQ(source.code, Code::kUndeclaredVariable) << text;
  }
}

TEST(Declarations, SnippetsNamesCountToo) {
  Template source = Declared("a {{> s}}", R"([{"name":"a","type":"array"}])");
  source.snippets = R"({"s":"\n{{a}}{{b}}"})";
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.code, Code::kUndeclaredVariable);
  EXPECT_STREQ(source.error.detail, "Line 2, column 6 of snippet \"s\":\n{{a}}{{b}}\n     ^");
  source.texts = {"{{#a}}{{> s}}{{/a}}"};
  EXPECT_TRUE(source.Compile());
}

TEST(Declarations, DefaultsFillIn) {
  const char* declarations =
      R"([{"name":"a","default":"A"},{"name":"b","type":"number","default":1.50,"required":true},
      {"name":"c","type":"object","default":{"x":[1,2]}},{"name":"d","nullable":true,"default":null},
      {"name":"e","nullable":true,"default":"E"},{"name":"f","type":"boolean","default":false}])";
  const char* text = "{{a}},{{b}},{{c}},{{#c.x}}{{.}}{{/c.x}},{{d}},{{e}},{{f}}";
  Template source = Declared(text, declarations);
  EXPECT_EQ(source.Render("{}"), R"(A,1.50,{"x":[1,2]},12,,E,false)") << source.error.message;
  EXPECT_EQ(source.Render(R"({"a":"1","b":2,"c":{},"d":"4","e":"5","f":true})"),
            "1,2,{},,4,5,true");
  // For a nullable variable null is a value, for others it is none.
  EXPECT_EQ(source.Render(R"({"a":null,"b":null,"e":null})"), R"(A,1.50,{"x":[1,2]},12,,,false)");
}

TEST(Declarations, MissingVariablesAreAllListed) {
  Template source = Declared(
      "{{a}}",
      R"([{"name":"a","required":true},{"name":"b","type":"integer","required":true},{"name":"c"},
      {"name":"n","required":true,"nullable":true}])");
  EXPECT_EQ(source.Render("{}"), "!3 variables are missing");
  EXPECT_EQ(source.code, Code::kMissingVariable);
  EXPECT_STREQ(source.error.detail,
               "\"a\" is missing, a string is required\n\"b\" is missing, an integer is required\n"
               "\"n\" is missing, a string is required");
  EXPECT_EQ(source.Render(R"({"a":null,"b":1,"n":null})"), "!variable \"a\" is missing");
  EXPECT_STREQ(source.error.detail, "\"a\" is missing, a string is required, not null");
  EXPECT_EQ(source.Render(R"({"a":"","b":1,"n":null})"), "");
}

// Alone, so that nothing else asks for the closer look.
TEST(Declarations, NullForEachKindOfVariable) {
  struct Case {
    const char* declaration;
    const char* output;
  };
  for (const Case& test : {Case{R"("required":true)", "!variable \"a\" is missing"},
                           {R"("default":"D")", "D"},
                           {R"("required":true,"default":"D")", "D"},
                           {R"("nullable":true,"default":"D")", ""},
                           {R"("nullable":true,"required":true)", ""},
                           {R"("nullable":true)", ""},
                           {R"("required":false)", ""}}) {
    Template source =
        Declared("{{a}}", (std::string(R"([{"name":"a",)") + test.declaration + "}]").c_str());
    EXPECT_EQ(source.Render(R"({"a":null})"), test.output) << test.declaration;
  }
}

TEST(Declarations, InvalidOnesAreAllListed) {
  Template source = Declared(
      "{{a}}",
      R"([{"name":"a"},{"name":"b","type":"number"},{"name":"c","type":"enum","values":["x","y"]},
      {"name":"d","type":"boolean"},{"name":"e","required":true}])");
  EXPECT_EQ(source.Render(R"({"a":5,"b":"5","c":"z","d":0,"e":""})"), "!4 variables are invalid");
  EXPECT_EQ(source.code, Code::kInvalidVariable);
  EXPECT_STREQ(
      source.error.detail,
      "\"a\" must be a string, not the number 5\n\"b\" must be a number, not the string \"5\"\n"
      "\"c\" must be \"x\" or \"y\", not the string \"z\"\n\"d\" must be true or false, not the "
      "number 0");
  EXPECT_EQ(source.Render(R"({"a":{},"e":""})"), "!variable \"a\" is invalid");
  EXPECT_EQ(source.Render(R"({"a":[]})"), "!1 variable is missing and 1 variable is invalid");
  EXPECT_EQ(source.code, Code::kMissingVariable);
  EXPECT_STREQ(source.error.detail,
               "\"a\" must be a string, not an array\n\"e\" is missing, a string is required");
}

std::string ManyRequired(int count, const std::string& more) {
  std::string declarations = "[";
  for (int i = 0; i < count; ++i) {
    declarations += (i > 0 ? "," : "") + std::string("{\"required\":true,\"name\":\"name_") +
                    std::to_string(i) + "\"" + more + "}";
  }
  return declarations + "]";
}

TEST(Declarations, AllProblemsAreNamed) {
  for (const int count : {25, 1000}) {
    Template source = Declared("", ManyRequired(count, "").c_str());
    EXPECT_EQ(source.Render("{}"), "!" + std::to_string(count) + " variables are missing");
    for (int i = 0; i < count; ++i) {
      const std::string line =
          "\"name_" + std::to_string(i) + "\" is missing, a string is required";
      EXPECT_NE(source.list.find(line), std::string::npos) << line;
    }
    EXPECT_EQ(std::count(source.list.begin(), source.list.end(), '\n'), count - 1);
  }
  // Values are explained, each of them.
  Template invalid = Declared(
      "", ManyRequired(1000, R"(,"pattern":"[A-Z]{2}-[0-9]{4,6}-[a-f0-9]{8,12}")").c_str());
  std::string values = "{";
  for (int i = 0; i < 1000; ++i) {
    values += (i > 0 ? ",\"name_" : "\"name_") + std::to_string(i) + "\":\"" +
              std::string(100, 'x') + "\"";
  }
  EXPECT_EQ(invalid.Render(values + "}"), "!1000 variables are invalid");
  EXPECT_NE(invalid.list.find("\"name_999\" must match the pattern"), std::string::npos);
  // More than anybody has are counted.
  Template more = Declared("", ManyRequired(1005, "").c_str());
  EXPECT_EQ(more.Render("{}"), "!1005 variables are missing");
  EXPECT_TRUE(more.list.ends_with("\"name_999\" is missing, a string is required\nand 5 more"));
}

TEST(Declarations, TypesAreStrict) {
  struct Case {
    const char* type;
    std::vector<const char*> good, bad;
  };
  for (const Case& test :
       {Case{"string", {"\"\"", "\"5\""}, {"5", "true", "[]", "{}"}},
        {"number", {"5", "-1.5", "0"}, {"\"5\"", "true", "[5]"}},
        {"integer", {"5", "0", "-3", "5.0", "1e3"}, {"5.5", "\"5\"", "0.1", "true"}},
        {"boolean", {"true", "false"}, {"0", "1", "\"true\""}},
        {"array", {"[]", "[1]"}, {"{}", "\"[]\"", "1"}},
        {"object", {"{}", "{\"a\":1}"}, {"[]", "\"{}\"", "1"}}}) {
    Template source =
        Declared("{{v}}", (std::string(R"([{"name":"v","type":")") + test.type + "\"}]").c_str());
    ASSERT_TRUE(source.Compile());
    for (const char* good : test.good) {
      source.RenderAgain(std::string("{\"v\":") + good + "}");
      EXPECT_EQ(source.code, Code::kOk) << test.type << " " << good;
    }
    for (const char* bad : test.bad) {
      source.RenderAgain(std::string("{\"v\":") + bad + "}");
      EXPECT_EQ(source.code, Code::kInvalidVariable) << test.type << " " << bad;
    }
    // An optional variable may be null or absent.
    source.RenderAgain(R"({"v":null})");
    EXPECT_EQ(source.code, Code::kOk) << test.type;
    source.RenderAgain("{}");
    EXPECT_EQ(source.code, Code::kOk) << test.type;
  }
}

TEST(Declarations, EnumsTakeTheirValues) {
  Template source =
      Declared("{{v}}", R"([{"name":"v","type":"enum","values":["low","high"],"default":"low"}])");
  EXPECT_EQ(source.Render(R"({"v":"high"})"), "high");
  EXPECT_EQ(source.Render("{}"), "low");
  EXPECT_EQ(source.Render(R"({"v":"HIGH"})"), "!variable \"v\" is invalid");
  EXPECT_STREQ(source.error.detail, "\"v\" must be \"low\" or \"high\", not the string \"HIGH\"");
  Template many =
      Declared("", R"([{"name":"v","type":"enum","values":["1","2","3","4","5","6","7"]}])");
  EXPECT_EQ(many.Render(R"({"v":"9"})"), "!variable \"v\" is invalid");
  EXPECT_STREQ(many.error.detail,
               "\"v\" must be \"1\", \"2\", \"3\", \"4\", \"5\" or another of its 7 values, not "
               "the string \"9\"");
}

TEST(Declarations, MistakesAreNamed) {
  struct Case {
    const char* declarations;
    const char* message;
  };
  for (const Case& test : {
           Case{"5", "declarations must be an array of objects or an object, not the number 5"},
           {"\"x\"", "declarations must be an array of objects or an object, not the string \"x\""},
           {"[5]", "declaration 1 must be an object, not the number 5"},
           {R"([{"name":"a"},"b"])", "declaration 2 must be an object, not the string \"b\""},
           {R"({"a":"string"})", "declaration \"a\" must be an object, not the string \"string\""},
           {R"([{}])", "declaration 1 has no name"},
           {R"([{"name":5}])", "declaration 1: name must be a string, not the number 5"},
           {R"([{"name":""}])", "invalid name \"\" of a variable: an empty name"},
           {R"([{"name":"a b"}])", "invalid name \"a b\" of a variable: white space"},
           {R"([{"name":"a.b"}])",
            "invalid name \"a.b\" of a variable: a character that no name has"},
           {R"([{"name":"@a"}])",
            "invalid name \"@a\" of a variable: a character that no name has"},
           {R"([{"name":"a"},{"name":"a"}])", "variable \"a\" is declared twice"},
           {R"({"a":{"name":"b"}})", "declaration \"a\" has the other name \"b\""},
           {R"([{"name":"a","typ":"string"}])", "variable \"a\": unknown key \"typ\""},
           {R"([{"name":"a","type":"text"}])", "variable \"a\": unknown type \"text\""},
           {R"([{"name":"a","type":null}])", "variable \"a\": unknown type null"},
           {R"([{"name":"a","required":"yes"}])",
            "variable \"a\": required must be true or false, not the string \"yes\""},
           {R"([{"name":"a","nullable":1}])",
            "variable \"a\": nullable must be true or false, not the number 1"},
           {R"([{"name":"a","description":1}])",
            "variable \"a\": description must be a string, not the number 1"},
           {R"([{"name":"a","values":["x"]}])",
            "variable \"a\": values are for the type enum alone"},
           {R"([{"name":"a","type":"enum"}])",
            "variable \"a\": values of an enum must be an array of one or more different strings"},
           {R"([{"name":"a","type":"enum","values":[]}])",
            "variable \"a\": values of an enum must be an array of one or more different strings"},
           {R"([{"name":"a","type":"enum","values":["x","x"]}])",
            "variable \"a\": values of an enum must be an array of one or more different strings"},
           {R"([{"name":"a","type":"enum","values":["x",1]}])",
            "variable \"a\": values of an enum must be an array of one or more different strings"},
           {R"([{"name":"a","default":5}])",
            "variable \"a\": default must be a string, not the number 5"},
           {R"([{"name":"a","default":null}])",
            "variable \"a\": default must be a string, not null"},
           {R"([{"name":"a","type":"integer","default":1.5}])",
            "variable \"a\": default must be an integer, not the number 1.5"},
           {R"([{"name":"a","type":"enum","values":["x"],"default":"y"}])",
            "variable \"a\": default must be \"x\", not the string \"y\""},
       }) {
    Template source = Declared("", test.declarations);
    EXPECT_FALSE(source.Compile()) << test.declarations;
    EXPECT_EQ(source.code, Code::kInvalidDeclaration) << test.declarations;
    EXPECT_STREQ(source.error.message, test.message);
    std::string container;
    tmpl::Error error;
    EXPECT_FALSE(tmpl::NormalizeDeclarations(Json(test.declarations).value(), nullptr, nullptr,
                                             &container, &error));
    EXPECT_STREQ(error.message, test.message);
  }
  Template source = Declared("", R"([{"name":"a","typ":1}])");
  EXPECT_FALSE(source.Compile());
  EXPECT_STREQ(source.error.hint,
               "A variable has name, type, required, nullable, default, values, pattern, min, max, "
               "filter, description, example, trusted, coerce.");
}

TEST(Declarations, NormalizeToAnArray) {
  const auto normal = [](const char* given) {
    std::string container;
    tmpl::Error error;
    EXPECT_TRUE(
        tmpl::NormalizeDeclarations(Json(given).value(), nullptr, nullptr, &container, &error))
        << error.message;
    return Compact(json::Value::FromContainer(container.data()));
  };
  EXPECT_EQ(normal("[]"), "[]");
  EXPECT_EQ(normal("{}"), "[]");
  EXPECT_EQ(normal(R"([{"name":"b","required":true},{"name":"a"}])"),
            R"([{"name":"b","required":true},{"name":"a"}])");
  EXPECT_EQ(normal(R"({"bb":{"type":"enum","values":["x"],"default":"x"},"a":{}})"),
            R"([{"name":"a"},{"name":"bb","type":"enum","values":["x"],"default":"x"}])");
}

}  // namespace
}  // namespace promptreg::testing
