// Bounds on work and memory, and texts that are made to hurt.
#include <pthread.h>

#include <chrono>
#include <csignal>
#include <ctime>
#include <string>
#include <thread>

#include <gtest/gtest.h>

#include "core/template/scratch.h"
#include "unit/support.h"

namespace promptreg::testing {
namespace {

using tmpl::Code;

std::string Repeat(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

// Time that this process had the processor. Linear work takes a small part of the bounds below.
class Stopwatch {
 public:
  double Milliseconds() const {
    return 1000.0 * static_cast<double>(std::clock() - start_) / CLOCKS_PER_SEC;
  }

 private:
  std::clock_t start_ = std::clock();
};

Code CompileCode(Template source) {
  const Stopwatch watch;
  source.Compile();
  EXPECT_LT(watch.Milliseconds(), 1000) << source.texts[0].substr(0, 40);
  return source.code;
}

TEST(Limits, TemplateSize) {
  EXPECT_EQ(CompileCode({.texts = {std::string(1 << 20, 'x')}}), Code::kOk);
  EXPECT_EQ(CompileCode({.texts = {std::string((1 << 20) + 1, 'x')}}), Code::kTemplateTooLarge);
  Template source = {.texts = {"{{>s}}"},
                     .snippets = Json("{\"s\":\"" + std::string((1 << 20) + 1, 'x') + "\"}")};
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.code, Code::kTemplateTooLarge);
  EXPECT_STREQ(
      source.error.message,
      "snippet \"s\": text of 1048577 bytes exceeds the limit of 1048576 bytes for a template");
}

TEST(Limits, NestingInTheText) {
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{#a}}", 64) + Repeat("{{/a}}", 64)}}), Code::kOk);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{#a}}", 65) + Repeat("{{/a}}", 65)}}),
            Code::kNestingTooDeep);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{^a}}", 65) + Repeat("{{/a}}", 65)}}),
            Code::kNestingTooDeep);
}

TEST(Limits, NestingAtRendering) {
  Template source = {.texts = {"{{>t}}"},
                     .snippets = R"({"t":"{{#c}}{{#c}}{{#c}}{{>t}}{{/c}}{{/c}}{{/c}}"})"};
  std::string tree = "1";
  for (int i = 0; i < 120; ++i) tree = "{\"c\":" + tree + "}";
  source.Render(tree);
  EXPECT_EQ(source.code, Code::kNestingTooDeep);
}

TEST(Limits, DepthOfSnippets) {
  std::string snippets = "{";
  for (int i = 0; i < 40; ++i) {
    snippets += "\"s" + std::to_string(i) + "\":\"{{>s" + std::to_string(i + 1) + "}}\",";
  }
  snippets += "\"s40\":\"end\"}";
  Template source = {.texts = {"{{>s9}}"}, .snippets = snippets};
  EXPECT_EQ(source.Render("{}"), "end");
  source.texts = {"{{>s8}}"};
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.code, Code::kSnippetTooDeep);
}

TEST(Limits, DepthOfRecursionAtRendering) {
  // The name is found in the outermost context over and over.
  Template source = {.texts = {"{{>t}}"}, .snippets = R"({"t":"{{#c}}{{>t}}{{/c}}"})"};
  EXPECT_EQ(source.Render(R"({"c":true})"), "!rendering includes snippets more than 32 deep");
  EXPECT_EQ(source.code, Code::kSnippetTooDeep);
  source.snippets = R"({"t":"{{^c}}{{>t}}{{/c}}"})";
  EXPECT_EQ(source.Render("{}"), "!rendering includes snippets more than 32 deep");
}

TEST(Limits, OperationsOfAProgram) {
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{a}}", 9'999)}}), Code::kOk);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{a}}", 10'001)}}), Code::kProgramTooLarge);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{a}}", 6'000), Repeat("{{a}}", 6'000)}}),
            Code::kProgramTooLarge);
  // Snippets that double.
  std::string snippets = "{";
  for (int i = 0; i < 30; ++i) {
    const std::string next = "{{>s" + std::to_string(i + 1) + "}}";
    snippets += "\"s" + std::to_string(i) + "\":\"" + next + next + "\",";
  }
  EXPECT_EQ(CompileCode({.texts = {"{{>s0}}"}, .snippets = snippets + "\"s30\":\"x\"}"}),
            Code::kProgramTooLarge);
  EXPECT_EQ(CompileCode({.texts = {"{{>s0}}"}, .snippets = snippets + "\"s30\":\"\"}"}),
            Code::kProgramTooLarge);
}

TEST(Limits, TextOfAProgram) {
  Template source = {.texts = {Repeat("{{>s}}", 5'000)},
                     .snippets = Json("{\"s\":\"" + std::string(1'000'000, 'x') + "\"}")};
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.code, Code::kProgramTooLarge);
}

TEST(Limits, IndentationOfSnippets) {
  Template source = {.texts = {std::string(1000, ' ') + "{{>s}}"}, .snippets = R"({"s":"x"})"};
  EXPECT_EQ(source.Render("{}"), std::string(1000, ' ') + "x");
  source.texts[0].insert(0, " ");
  EXPECT_FALSE(source.Compile());
  EXPECT_EQ(source.code, Code::kProgramTooLarge);
}

TEST(Limits, OperationsOfARendering) {
  Template source = {.texts = {"{{#l}}{{/l}}"}, .limits = {.render_operations = 1000}};
  std::string list = "[0";
  for (int i = 1; i < 998; ++i) list += ",0";
  EXPECT_EQ(source.Render("{\"l\":" + list + "]}"), "");
  EXPECT_EQ(source.Render("{\"l\":" + list + ",0]}"),
            "!rendering exceeds the limit of 1000 operations");
  EXPECT_EQ(source.code, Code::kTooManyOperations);
}

// A list within itself k times is n^k, whether or not the bodies are empty.
TEST(Limits, PowersOfAList) {
  std::string list = "[1";
  for (int i = 1; i < 100; ++i) list += ",1";
  for (const std::string body : {"", "x"}) {
    Template source = {.texts = {Repeat("{{#l}}", 8) + body + Repeat("{{/l}}", 8)}};
    const Stopwatch watch;
    source.Render("{\"l\":" + list + "]}");
    EXPECT_EQ(source.code, Code::kTooManyOperations);
    EXPECT_LT(watch.Milliseconds(), 1000);
  }
}

TEST(Limits, OutputIsCountedToTheByte) {
  Template source = {.texts = {"{{a}}{{b}}"}, .limits = {.output_bytes = 10}};
  EXPECT_EQ(source.Render(R"({"a":"12345","b":"67890"})"), "1234567890");
  EXPECT_EQ(source.Render(R"({"a":"12345","b":"678901"})"),
            "!rendering exceeds the limit of 10 bytes of output");
  EXPECT_EQ(source.code, Code::kOutputTooLarge);
  EXPECT_EQ(source.Render(R"({"a":1e9,"b":""})"), "1000000000");
  EXPECT_EQ(source.Render(R"({"a":1e10,"b":""})"),
            "!rendering exceeds the limit of 10 bytes of output");
  EXPECT_EQ(source.Render(R"({"a":"12345678","b":42})"), "1234567842");
  EXPECT_EQ(source.Render(R"({"a":"12345678","b":420})").substr(0, 1), "!");
  EXPECT_EQ(source.Render(R"({"a":[1,2,3],"b":"abc"})"), "[1,2,3]abc");
  EXPECT_EQ(source.Render(R"({"a":[1,2,3],"b":"abcd"})").substr(0, 1), "!");
}

TEST(Limits, OutputOfAllPartsTogether) {
  Template source = {.texts = {"{{a}}", "{{a}}"}, .limits = {.output_bytes = 10}};
  ASSERT_TRUE(source.Compile());
  const Json variables(R"({"a":"123456"})");
  const ScratchPointer scratch(tmpl::NewScratch());
  const tmpl::RenderOptions options = {.limits = source.limits};
  std::string_view output;
  ASSERT_EQ(
      tmpl::Bind(source.view(), variables.value(), true, options, scratch.get(), &source.error),
      Code::kOk);
  EXPECT_EQ(tmpl::Render(source.view(), 0, options, scratch.get(), &output, &source.error),
            Code::kOk);
  EXPECT_EQ(tmpl::Render(source.view(), 1, options, scratch.get(), &output, &source.error),
            Code::kOutputTooLarge);
  // A new binding starts anew.
  ASSERT_EQ(
      tmpl::Bind(source.view(), variables.value(), true, options, scratch.get(), &source.error),
      Code::kOk);
  EXPECT_EQ(tmpl::Render(source.view(), 1, options, scratch.get(), &output, &source.error),
            Code::kOk);
}

// A few bytes of a number are a hundred thousand of text.
TEST(Limits, LargeNumbers) {
  std::string list = "[";
  for (int i = 0; i < 200; ++i) list += std::string(i > 0 ? "," : "") + "1e300";
  Template source = {.texts = {"{{l}}"}, .limits = {.output_bytes = 50'000}};
  EXPECT_EQ(source.Render("{\"l\":" + list + "]}"),
            "!rendering exceeds the limit of 50000 bytes of output");
}

TEST(Limits, DepthOfJson) {
  Template source = {.texts = {"{{v}}"}};
  const auto nested = [](int depth) {
    return "{\"v\":" + Repeat("[", depth) + Repeat("]", depth) + "}";
  };
  EXPECT_EQ(source.Render(nested(64)), Repeat("[", 64) + Repeat("]", 64));
  EXPECT_EQ(source.Render(nested(65)), "!a value is nested more than 64 deep");
  EXPECT_EQ(source.code, Code::kJsonTooDeep);
  source.escape = tmpl::Escape::kHtml;
  EXPECT_EQ(source.Render(nested(65)), "!a value is nested more than 64 deep");
}

TEST(Hostile, TextsEndInErrorsOrLinearTime) {
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{#a}}", 100'000)}}), Code::kNestingTooDeep);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{", 100'000)}}), Code::kSyntax);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{a", 100'000)}}), Code::kSyntax);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{!c}}", 80'000)}}), Code::kOk);
  EXPECT_EQ(CompileCode({.texts = {Repeat(" {{!c}}", 80'000)}}), Code::kOk);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{!c}}\n", 80'000)}}), Code::kOk);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{=<% %>=}}<%={{ }}=%>", 40'000)}}), Code::kOk);
  EXPECT_EQ(CompileCode({.texts = {Repeat("\\{{", 300'000)}}), Code::kOk);
  EXPECT_EQ(
      CompileCode({.texts = {std::string(500'000, ' ') + "{{!c}}" + std::string(500'000, ' ')}}),
      Code::kOk);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{{", 100'000)}}), Code::kSyntax);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{{/a}}", 100'000)}}), Code::kSyntax);
  EXPECT_EQ(CompileCode({.texts = {"{{" + Repeat("a.", 100'000) + "a}}"}}), Code::kSyntax);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{", 1'000'000)}, .syntax = tmpl::Syntax::kFString}),
            Code::kOk);
  EXPECT_EQ(CompileCode({.texts = {Repeat("{x", 100'000)}, .syntax = tmpl::Syntax::kFString}),
            Code::kSyntax);
}

TEST(Hostile, EntangledSnippets) {
  // Each of 12 snippets includes all of them.
  std::string snippets = "{", all;
  for (int i = 0; i < 12; ++i) all += "{{#s}}{{>s" + std::to_string(i) + "}}{{/s}}";
  for (int i = 0; i < 12; ++i)
    snippets += (i > 0 ? ",\"s" : "\"s") + std::to_string(i) + "\":\"" + all + "\"";
  Template source = {.texts = {"{{>s0}}"}, .snippets = snippets + "}"};
  const Stopwatch watch;
  EXPECT_TRUE(source.Compile()) << source.error.message;
  source.RenderAgain(R"({"s":true})");
  EXPECT_EQ(source.code, Code::kSnippetTooDeep);
  EXPECT_EQ(source.RenderAgain("{}"), "");
  EXPECT_LT(watch.Milliseconds(), 1000);
}

TEST(Interrupts, ARaisedFlagStopsAtOnce) {
  const volatile std::sig_atomic_t raised = 1;
  Template source = {.texts = {"{{a}}"}, .interrupt = &raised};
  EXPECT_EQ(source.Render(R"({"a":1})"), "!rendering was interrupted");
  EXPECT_EQ(source.code, Code::kInterrupted);
}

double Seconds(clockid_t clock) {
  timespec time;
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}

// Raises the flag in the middle of something endless, and measures how long it goes on, in the time
// that the rendering thread had the processor.
void ExpectPromptStop(Template source, const std::string& variables) {
  static volatile std::sig_atomic_t flag;
  flag = 0;
  source.limits = {.render_operations = UINT64_MAX, .output_bytes = UINT32_MAX};
  source.interrupt = &flag;
  ASSERT_TRUE(source.Compile()) << source.error.message;
  const Json json(variables);
  clockid_t clock;
  ASSERT_EQ(pthread_getcpuclockid(pthread_self(), &clock), 0);
  double raised = 0;
  std::thread other([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
    raised = Seconds(clock);
    flag = 1;
  });
  source.RenderAgain(json);
  const double stopped = Seconds(clock);
  other.join();
  EXPECT_EQ(source.code, Code::kInterrupted) << source.error.message;
  // 10 ms is the aim; sanitizers and builds without optimization take their share.
  EXPECT_LT(stopped - raised, 0.05);
}

TEST(Interrupts, InLoopsOutputAndJson) {
  std::string list = "[{\"a\":1}";
  for (int i = 1; i < 500; ++i) list += ",{\"a\":1}";
  const std::string variables = "{\"l\":" + list + "],\"s\":\"" + std::string(100'000, '<') + "\"}";
  ExpectPromptStop({.texts = {Repeat("{{#l}}", 9) + Repeat("{{/l}}", 9)}}, variables);
  ExpectPromptStop({.texts = {Repeat("{{#l}}", 9) + "{{x.y.z}}{{a}}" + Repeat("{{/l}}", 9)}},
                   variables);
  ExpectPromptStop({.texts = {"{{#l}}{{#l}}{{#l}}{{s}}{{/l}}{{/l}}{{/l}}"}}, variables);
  ExpectPromptStop(
      {.texts = {"{{#l}}{{#l}}{{#l}}{{s}}{{/l}}{{/l}}{{/l}}"}, .escape = tmpl::Escape::kHtml},
      variables);
  ExpectPromptStop({.texts = {"{{#l}}{{#l}}{{#l}}{{l}}{{/l}}{{/l}}{{/l}}"}}, variables);
}

TEST(Scratch, GivesBackWhatALargeRenderingTook) {
  Template large = {.texts = {"{{a}}"}};
  ASSERT_TRUE(large.Compile());
  const ScratchPointer scratch(tmpl::NewScratch());
  const Json big("{\"a\":\"" + std::string(5'000'000, 'x') + "\"}"), small(R"({"a":"y"})");
  const tmpl::RenderOptions options;
  std::string_view output;
  for (int i = 0; i < 3; ++i) {
    for (const Json* json : {&big, &small}) {
      ASSERT_EQ(tmpl::Bind(large.view(), json->value(), true, options, scratch.get(), &large.error),
                Code::kOk);
      ASSERT_EQ(tmpl::Render(large.view(), 0, options, scratch.get(), &output, &large.error),
                Code::kOk);
      EXPECT_EQ(output, json->value().Find("a").string());
      EXPECT_EQ(scratch->out.capacity > (1U << 20), json == &big);
    }
  }
}

// A text that fits is made where the caller wants it, and any other is the same.
TEST(Scratch, RoomOfTheCaller) {
  Template source = {.texts = {"{{#l}}<{{.}}>{{/l}}{{s}}"}};
  ASSERT_TRUE(source.Compile());
  const Json variables(R"({"l":[1,20,"three"],"s":"and some more"})");
  const std::string expected = "<1><20><three>and some more";
  for (size_t size = 0; size <= expected.size() + 2; ++size) {
    const ScratchPointer scratch(tmpl::NewScratch());
    std::string room(size + 1, '#');
    tmpl::RenderOptions options;
    options.room = {room.data(), size};
    std::string_view output;
    ASSERT_EQ(
        tmpl::Bind(source.view(), variables.value(), true, options, scratch.get(), &source.error),
        Code::kOk);
    for (int round = 0; round < 2; ++round) {
      ASSERT_EQ(tmpl::Render(source.view(), 0, options, scratch.get(), &output, &source.error),
                Code::kOk);
      EXPECT_EQ(output, expected);
      EXPECT_EQ(output.data() == room.data(), size >= expected.size());
      EXPECT_EQ(room.back(), '#');
    }
    options.limits.output_bytes = 10;
    EXPECT_EQ(tmpl::Render(source.view(), 0, options, scratch.get(), &output, &source.error),
              Code::kOutputTooLarge);
  }
}

TEST(Scratch, ServesProgramsInTurn) {
  const ScratchPointer scratch(tmpl::NewScratch());
  Template many = {.texts = {Repeat("{{a1}}{{a2}}{{a3}}{{a4}}{{a5}}", 3)}},
           one = {.texts = {"[{{b}}]"}};
  ASSERT_TRUE(many.Compile() && one.Compile());
  const Json variables(R"({"a1":1,"a3":3,"a5":5,"b":"B"})");
  std::string_view output;
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(tmpl::Bind(many.view(), variables.value(), true, {}, scratch.get(), &many.error),
              Code::kOk);
    ASSERT_EQ(tmpl::Render(many.view(), 0, {}, scratch.get(), &output, &many.error), Code::kOk);
    EXPECT_EQ(output, "135135135");
    ASSERT_EQ(tmpl::Bind(one.view(), variables.value(), true, {}, scratch.get(), &one.error),
              Code::kOk);
    ASSERT_EQ(tmpl::Render(one.view(), 0, {}, scratch.get(), &output, &one.error), Code::kOk);
    EXPECT_EQ(output, "[B]");
  }
}

}  // namespace
}  // namespace promptreg::testing
