#include "core/import/dotprompt.h"

#include <string>

#include <gtest/gtest.h>

#include "core/chat/chat.h"
#include "unit/support.h"

namespace promptreg::testing {
namespace {

// "!" and the message with its place where it fails.
std::string Convert(std::string_view source, bool must_be_text = false) {
  std::string container;
  tmpl::Error error;
  if (imports::ConvertDotprompt(source, must_be_text, &container, &error)) {
    return Compact(json::Value::FromContainer(container.data()));
  }
  EXPECT_EQ(error.code, tmpl::Code::kNoCounterpart);
  return "!" + std::to_string(error.line) + ":" + std::to_string(error.column) + " " +
         error.message;
}

nlohmann::json Parsed(std::string_view source) {
  const std::string converted = Convert(source);
  if (converted.starts_with('!')) return converted;
  return nlohmann::json::parse(converted);
}

// The template of the only message.
std::string Body(const std::string& source) {
  const nlohmann::json converted = Parsed(source);
  if (converted.is_string()) return converted;
  EXPECT_EQ(converted["messages"].size(), 1U) << converted;
  return converted["messages"][0]["content"];
}

// With lists l (of objects with a, closed), s (of strings), o (an object with a and l) and x.
constexpr char kSchema[] =
    "---\n"
    "input:\n"
    "  schema:\n"
    "    x?: string\n"
    "    y?: any\n"
    "    n?: number\n"
    "    s?(array): string\n"
    "    l?(array): {a: string, m?(array): {b: string}}\n"
    "    o?(object): {c: string, k?(array): string}\n"
    "    e?(enum): [p, q]\n"
    "---\n";

TEST(Dotprompt, ConvertsTags) {
  const struct {
    const char *text, *mustache;
  } cases[] = {
      {"Hello { } {{x}}", "Hello { } {{x}}"},
      {"{{ x }}{{{x}}}{{& x }}{{this.x}}{{./x}}{{@root.x}}", "{{x}}{{{x}}}{{{x}}}{{x}}{{x}}{{x}}"},
      {"{{o.c}} {{o/c}}", "{{o.c}} {{o.c}}"},
      {"{{s}}", R"({{s | join(",")}})"},
      {"{{s.length}}{{x.length}}", "{{s | length}}{{x | length}}"},
      {"{{json x}}{{json o indent=2}}{{json s.length}}",
       "{{x | json}}{{o | json(2)}}{{s | length | json}}"},
      {"a{{! b }}c{{!-- {{d}} --}}", "a{{! b }}c{{!-- {{d} } --}}"},
      {"\\{{x}} \\\\{{x}}", "\\{{x}} \\\\{{x}}"},
      {"{{> tone}}{{>a/b}}{{> 'c'}}", "{{> tone}}{{> a/b}}{{> c}}"},
      // Conditions.
      {"{{#if x}}a{{else if y.z}}b{{else}}c{{/if}}", "{{#if x}}a{{else if y.z}}b{{else}}c{{/if}}"},
      {"{{#if x}}a{{^}}c{{/if}}", "{{#if x}}a{{else}}c{{/if}}"},
      {"{{#unless x}}a{{else unless y}}b{{/unless}}",
       "{{#unless x}}a{{else if not y}}b{{/unless}}"},
      {"{{#if s.length}}a{{/if}}", "{{#if s}}a{{/if}}"},
      {"{{#ifEquals e \"p\"}}a{{else}}b{{/ifEquals}}", "{{#if e == \"p\"}}a{{else}}b{{/if}}"},
      {"{{#unlessEquals n 1.5}}a{{/unlessEquals}}", "{{#if n != 1.5}}a{{/if}}"},
      {"{{#ifEquals x 'a\"\\'}}\\n'}}b{{else ifEquals x null}}{{/ifEquals}}",
       "{{#if x == \"a\\\"'}}\\\\n\"}}b{{else if x == null}}{{/if}}"},
      // Loops.
      {"{{#each s}}{{this}}{{#unless @last}}, {{/unless}}{{/each}}",
       "{{#s}}{{.}}{{#unless @last}}, {{/unless}}{{/s}}"},
      {"{{#each l}}{{@index}}{{a}}{{this.a}}{{#each m}}{{b}}{{../a}}{{/each}}{{/each}}",
       "{{#l}}{{@index}}{{a}}{{a}}{{#m}}{{b}}{{a}}{{/m}}{{/l}}"},
      {"{{#each s}}{{../x}}{{@root.o.c}}{{else}}{{x}}{{/each}}",
       "{{#s}}{{x}}{{o.c}}{{/s}}{{^s}}{{x}}{{/s}}"},
      {"{{#each s}}\n- {{this}}\n{{else}}\nnone\n{{/each}}",
       "{{#s}}\n- {{.}}\n{{/s}}\n{{^s}}\nnone\n{{/s}}"},
      {"{{#each s}}{{this.length}}{{#if length}}{{/if}}{{/each}}",
       "{{#s}}{{. | length}}{{#if .}}{{/if}}{{/s}}"},
      {"{{#with o}}{{c}}{{#each k}}{{this}}{{/each}}{{/with}}",
       "{{#o}}{{c}}{{#k}}{{.}}{{/k}}{{/o}}"},
      {"{{#each y.z}}{{name}}{{/each}}", "{{#y.z}}{{name}}{{/y.z}}"},
      {"{{#each l}}{{#ifEquals a \"\"}}-{{/ifEquals}}{{/each}}",
       "{{#l}}{{#if a == \"\"}}-{{/if}}{{/l}}"},
  };
  for (const auto& expected : cases) {
    EXPECT_EQ(Body(std::string(kSchema) + expected.text), expected.mustache);
  }
}

TEST(Dotprompt, RefusesTagsWithThePosition) {
  const struct {
    const char *text, *problem;
  } cases[] = {
      {"a {{#x}}b{{/x}}",
       "!12:3 cannot be imported: a block that this language has no counterpart of"},
      {"a\nä {{^x}}", "!13:3 cannot be imported: an inverted block"},
      {"{{x", "!12:1 cannot be imported: tag is not closed"},
      {"{{x}", "!12:1 cannot be imported: tag is not closed"},
      {"{{}}", "!12:1 cannot be imported: an empty tag"},
      {"{{{{x}}}}", "!12:1 cannot be imported: a raw block"},
      {"{{~x}}", "!12:3 cannot be imported: white space control"},
      {"{{x~}}", "!12:4 cannot be imported: white space control"},
      {"{{#if x}}\na", "!12:1 cannot be imported: a block that is not closed"},
      {"{{/if}}", "!12:1 cannot be imported: the end of a block that is not open"},
      {"{{#if x}}{{/each}}",
       "!12:10 cannot be imported: the end of another block than if, which is open"},
      {"{{else}}", "!12:1 cannot be imported: else outside of any block"},
      {"{{#if x}}{{else}}{{else}}{{/if}}", "!12:18 cannot be imported: else for the second time"},
      {"{{#each s}}{{else if x}}{{/each}}",
       "!12:12 cannot be imported: else followed by what is no condition"},
      {"{{section \"code\"}}",
       "!12:1 cannot be imported: a helper that this language has no counterpart of"},
      {"{{lookup o x}}",
       "!12:1 cannot be imported: a helper that this language has no counterpart of"},
      {"{{json (f x)}}", "!12:8 cannot be imported: an expression within a tag"},
      {"{{json x indent=11}}",
       "!12:1 cannot be imported: arguments of json other than a value and indent=2"},
      {"{{if}}", "!12:1 cannot be imported: a helper without its arguments"},
      {"{{\"x\"}}", "!12:3 cannot be imported: a literal where a name is needed"},
      {"{{o.[c]}}", "!12:5 cannot be imported: a character that no name has"},
      {"{{#each s as |i|}}", "!12:11 cannot be imported: parameters of a block"},
      {"{{> tone x=1}}", "!12:10 cannot be imported: arguments of a partial"},
      {"{{#> layout}}{{/layout}}", "!12:1 cannot be imported: a partial with a block"},
      {"{{> @partial-block}}", "!12:1 cannot be imported: a partial that is not named"},
      {"{{role x}}", "!12:1 cannot be imported: a role that is not written as a string"},
      {"{{role \"admin\"}}", "!12:8 cannot be imported: an unknown role"},
      {"{{role \"user\" a=\"b\"}}", "!12:1 cannot be imported: metadata of a message"},
      {"{{#if x}}{{role \"user\"}}{{/if}}",
       "!12:10 cannot be imported: messages and images within a block"},
      {"{{media url=x contentType=\"video/mp4\"}}",
       "!12:1 cannot be imported: media other than url=... with the contentType of an image"},
      {"{{@state.count}}", "!12:3 cannot be imported: a value that is not known here"},
      {"{{@.}}", "!12:4 cannot be imported: a character that no name has"},
      {"{{@../index}}", "!12:6 cannot be imported: a path that goes back"},
      {"{{@index}}", "!12:3 cannot be imported: a value of loops outside of any"},
      {"{{#each s}}{{@key}}{{/each}}", "!12:14 cannot be imported: a value that is not known here"},
      {"{{this}}", "!12:3 cannot be imported: all variables at once"},
      {"{{../x}}", "!12:3 cannot be imported: a path that goes back too far"},
      {"{{z}}", "!12:3 cannot be imported: \"z\" is not among what input.schema names"},
      {"{{o.z}}", "!12:3 cannot be imported: \"z\" is not among what input.schema names"},
      {"{{#each s}}{{a}}{{/each}}",
       "!12:14 cannot be imported: \"a\" is not among what input.schema names"},
      {"{{#each x}}{{/each}}", "!12:9 cannot be imported: a loop over what is no list"},
      {"{{#with y}}{{/with}}", "!12:9 cannot be imported: with, of what may be no object"},
      {"{{y.length}}", "!12:3 cannot be imported: a length of what may be no list or text"},
      {"{{#each y}}{{this.length}}{{/each}}",
       "!12:14 cannot be imported: a length of what may be no list or text"},
      {"{{#ifEquals s.length 1}}{{/ifEquals}}",
       "!12:13 cannot be imported: a length in a comparison"},
      {"{{y.0}}", "!12:3 cannot be imported: an element of a list by its number"},
      // What would be looked up from the inside out.
      {"{{#each y}}{{x}}{{/each}}",
       "!12:14 cannot be imported: \"x\" is the name of something around the item as well"},
      {"{{#each y}}{{../x}}{{/each}}",
       "!12:14 cannot be imported: \"x\" could be a member of the item as well"},
      {"{{#each y}}{{f}}{{#each z}}{{f}}{{/each}}{{/each}}",
       "!12:30 cannot be imported: \"f\" is the name of something around the item as well"},
      {"{{#each y}}{{#each z}}{{f}}{{/each}}{{f}}{{/each}}",
       "!12:39 cannot be imported: \"f\" is the name of a member of an item as well"},
  };
  for (const auto& expected : cases) {
    EXPECT_EQ(Convert(std::string(kSchema) + expected.text), expected.problem) << expected.text;
  }
  EXPECT_EQ(Convert("{{#each l}}{{f}}{{/each}}{{f}}"),
            "!1:28 cannot be imported: \"f\" is the name of a member of an item as well");
}

TEST(Dotprompt, ReadsFrontMatter) {
  const nlohmann::json converted = Parsed(
      "# A licence\n\n---\nmodel: googleai/gemini-2.0-flash\nconfig:\n  temperature: 0.50\n"
      "  topK: 0x\n  maxOutputTokens: +100\n  stopSequences: [a, 'b']\n  other: {c: ~}\n"
      "input:\n  schema:\n"
      "    name: string, who it is, really\n    age?: integer\n    tags?(array, all): string\n"
      "    size?(enum, how large): [S, L, null]\n    more: any\n    (*): number\n"
      "  default:\n    name: Ada\n    extra: 1\n"
      "output:\n  schema:\n    city: string, the city\n    at?(object): {lat: number}\n"
      "    (*): any\n---\n\n Hi {{name}}{{rest}} \n\n");
  EXPECT_EQ(converted["model"], "googleai/gemini-2.0-flash");
  EXPECT_EQ(converted["messages"],
            nlohmann::json::parse(R"([{"role":"user","content":"Hi {{name}}{{rest}}"}])"));
  EXPECT_EQ(converted["params"], nlohmann::json::parse(R"({
    "temperature": 0.5, "top_k": "0x", "max_tokens": 100, "stop": ["a", "b"], "other": {"c": null},
    "response_format": {"type": "json_schema", "json_schema": {"name": "output", "schema": {
      "type": "object", "required": ["city"], "additionalProperties": {}, "properties": {
        "city": {"type": "string", "description": "the city"},
        "at": {"type": ["object", "null"], "required": ["lat"], "additionalProperties": false,
               "properties": {"lat": {"type": "number"}}}}}}}})"));
  EXPECT_EQ(converted["variables"], nlohmann::json::parse(R"([
    {"name": "name", "type": "string", "required": true, "description": "who it is, really",
     "default": "Ada"},
    {"name": "age", "type": "integer", "nullable": true},
    {"name": "tags", "type": "array", "nullable": true, "description": "all"},
    {"name": "size", "type": "enum", "nullable": true, "description": "how large",
     "values": ["S", "L"]},
    {"name": "more", "type": "any", "required": true},
    {"name": "extra", "type": "number", "default": 1},
    {"name": "rest", "type": "number"}])"));
}

TEST(Dotprompt, TakesOtherNamesWhereTheSchemaDoes) {
  EXPECT_EQ(Parsed("---\ninput: {schema: {(*): number, a: string}}\n---\n{{a}}{{b}}")["variables"],
            nlohmann::json::parse(R"([{"name": "a", "type": "string", "required": true},
                                      {"name": "b", "type": "number"}])"));
  EXPECT_EQ(Convert("---\ninput: {schema: {a: string, a?: string}}\n---\n{{a}}"),
            "!2:29 input.schema: a property for the second time");
}

TEST(Dotprompt, ReadsJsonSchema) {
  const nlohmann::json converted = Parsed(
      "---\ninput:\n  schema:\n    type: object\n    required: [a]\n    properties:\n"
      "      a: {type: string, minLength: 1, maxLength: 9, default: x, title: t}\n"
      "      b: {type: [number, 'null'], minimum: 0}\n"
      "      c: {type: array, maxItems: 3, items: {type: object, properties: {d: {}}}}\n"
      "      e: {enum: [p, q]}\n"
      "output: {format: json}\n---\n{{z}}{{#each c}}{{d}}{{/each}}");
  EXPECT_EQ(converted["variables"], nlohmann::json::parse(R"([
    {"name": "a", "type": "string", "required": true, "min": 1, "max": 9, "default": "x"},
    {"name": "b", "type": "number", "nullable": true, "min": 0},
    {"name": "c", "type": "array", "max": 3},
    {"name": "e", "type": "enum", "values": ["p", "q"]},
    {"name": "z", "type": "any"}])"));
  EXPECT_EQ(converted["params"].dump(), R"({"response_format":{"type":"json_object"}})");
}

TEST(Dotprompt, RefusesFrontMatterWithThePosition) {
  const struct {
    const char *yaml, *problem;
  } cases[] = {
      {"a: [b", "!3:1 the front matter is not valid: did not find expected ',' or ']'"},
      {"a: &x 1\nä: *x", "!3:4 the front matter is not valid: an alias"},
      {"a: !!str 1", "!2:4 the front matter is not valid: a tag of a type"},
      {"a: 1\na: 2", "!3:1 the front matter is not valid: a key for the second time"},
      {"? [a]\n: 1", "!2:3 the front matter is not valid: a key that is no text"},
      {"- a", "!2:1 the front matter is no mapping"},
      {"model: 1", "!2:8 the model is no text"},
      {"config: 1", "!2:9 config is no mapping"},
      {"tools: [search]", "!2:1 tools, whose definitions the file does not have"},
      {"input: {schema: Person}", "!2:17 input.schema: unknown type Person"},
      {"input: {schema: string}", "!2:17 input.schema: variables that are no object"},
      {"input: {schema: {a: Person}}", "!2:21 input.schema: unknown type Person"},
      {"input: {schema: {a(list): string}}", "!2:18 input.schema: unknown type list"},
      {"input: {schema: {a: 1}}",
       "!2:21 input.schema: a schema that is neither a text nor a mapping"},
      {"input: {schema: {a(enum): [1]}}", "!2:28 a value of an enum that is no text"},
      {"input: {schema: {a(enum): x}}", "!2:27 input.schema: an enum without a list of values"},
      {"input: {schema: {a: string}, default: {b: 1}}",
       "!2:40 a default of what input.schema does not name"},
      {"input: {schema: {type: object, properties: {a: {type: string, pattern: x}}}}",
       "!2:63 input.schema: a keyword that declarations of variables have no word for"},
      {"input: {schema: ääääääääääääääääääääääääääääääääääää}",
       "!2:17 input.schema: unknown type ääääääääääääääääääääääääääääää..."},
      {"output: {format: jsonl}", "!2:18 a format of the output other than json and text"},
      {"output: {schema: {a: Person}}", "!2:22 output.schema: unknown type Person"},
  };
  for (const auto& expected : cases) {
    EXPECT_EQ(Convert(std::string("---\n") + expected.yaml + "\n---\nx"), expected.problem)
        << expected.yaml;
  }
  EXPECT_EQ(Convert("---\na: b\n---\n"), "!4:1 the template has no text");
  EXPECT_EQ(Convert("---\na: b\n", true),
            R"({"kind":"text","params":{},"messages":[{"role":"user","content":"---\na: b\n"}]})");
}

// Messages of a prompt, rendered as the registry does.
std::string Rendered(std::string_view source, const Json& variables) {
  std::string container;
  tmpl::Error error;
  if (!imports::ConvertDotprompt(source, false, &container, &error)) return error.message;
  const json::Value content = json::Value::FromContainer(container.data());
  const json::Value messages = content.Find("messages");
  const chat::Contents contents = chat::ReadContents(messages);
  const tmpl::Source compiled = {.parts = contents.texts,
                                 .declarations = content.Find("variables"),
                                 .placeholders = contents.placeholders,
                                 .snippets = {}};
  std::string program;
  if (!tmpl::Compile(compiled, {}, &program, &error)) return error.message;
  const ScratchPointer scratch(tmpl::NewScratch());
  const tmpl::ProgramView view(program.data());
  if (tmpl::Bind(view, variables.value(), true, {}, scratch.get(), &error) != tmpl::Code::kOk) {
    return error.message;
  }
  std::string rendered;
  if (chat::Render(messages, view, variables.value(), {}, scratch.get(), &rendered, &error) !=
      tmpl::Code::kOk) {
    return error.message;
  }
  std::string text;
  for (const auto& message :
       nlohmann::json::parse(Compact(json::Value::FromContainer(rendered.data())))) {
    const auto& said = message["content"];
    text += std::string(message["role"]) + "[" +
            (said.is_string() ? std::string(said) : said.dump()) + "]";
  }
  return text;
}

// What Dotprompt makes of them, by its documentation and its own tests.
TEST(Dotprompt, RendersTheSame) {
  const struct {
    const char *source, *variables, *rendered;
  } cases[] = {
      {"Hello, {{name}}!\n", R"({"name": "<b>Pavel</b>"})", "user[Hello, <b>Pavel</b>!\n]"},
      {"---\ninput: {default: {name: User}}\n---\nHello, {{name}}!", "{}", "user[Hello, User!]"},
      {"{{role \"system\"}}System prompt\n{{role \"user\"}}User message\n", "{}",
       "system[System prompt\n]user[User message\n]"},
      {"\n{{role \"system\"}}\nBe {{tone}}.\n\n{{role \"user\"}}\n{{q}}",
       R"({"tone": "kind", "q": "Why?"})", "system[\nBe kind.\n\n]user[\nWhy?]"},
      {"Hello\n{{role \"model\"}}Hi\n{{history}}\n{{role \"user\"}}Bye",
       R"({"history": [{"role": "user", "content": "{{x}}"}]})",
       "user[Hello\n]assistant[Hi\n]user[{{x}}]user[Bye]"},
      {"Before.\n{{history}}After.", R"({"history": []})", "user[Before.\n]assistant[After.]"},
      {"What is in {{media url=photo}} this?", R"({"photo": "https://e.com/a.png"})",
       R"(user[[{"text":"What is in ","type":"text"},)"
       R"({"image_url":{"url":"https://e.com/a.png"},"type":"image_url"},)"
       R"({"text":" this?","type":"text"}]])"},
      {"{{#each l}}\n- {{name}} ({{@index}}){{#if @last}}.{{/if}}\n{{else}}\nNone\n{{/each}}\nEnd",
       R"({"l": [{"name": "a"}, {"name": "b"}]})", "user[- a (0)\n- b (1).\nEnd]"},
      {"{{#each l}}\n- {{name}}\n{{else}}\nNone\n{{/each}}\nEnd", "{}", "user[None\nEnd]"},
      {"{{#ifEquals a b}}same{{else}}other{{/ifEquals}}", R"({"a": "5", "b": 5})", "user[other]"},
      {"{{#unlessEquals a \"x\"}}other{{/unlessEquals}}", R"({"a": "y"})", "user[other]"},
      {"{{json o}}{{json o indent=2}}", R"({"o": {"a": [1]}})",
       "user[{\"a\":[1]}{\n  \"a\": [\n    1\n  ]\n}]"},
      // Lines that a role shares with a block stay.
      {"{{role \"system\"}}{{#if a}}\nx\n{{/if}}{{role \"user\"}}  {{#if a}}\ny\n{{/if}}",
       R"({"a": true})", "system[\nx\n]user[  \ny\n]"},
      {"{{role \"system\"}}\n{{#if a}}\nx\n{{/if}}\n{{role \"user\"}}y", R"({"a": true})",
       "system[\nx\n]user[y]"},
      {"{{! a }}\nx", "{}", "user[x]"},
      // A name that an item does not have is not looked for around it, but where it says so.
      {"---\ninput:\n  schema:\n    x: string\n    l(array): {a?: string}\n---\n"
       "{{#each l}}{{a}}{{../x}};{{/each}}",
       R"({"x": "X", "a": "outer", "l": [{"a": "A"}, {}]})", "user[AX;X;]"},
      {"---\ninput: {schema: {y: any}}\n---\n{{#each y}}{{name}}{{/each}}{{y.length2}}",
       R"({"y": [{"name": 1}, {}], "name": "outer"})", "user[1]"},
      {"\\{{x}} \\\\{{x}}", R"({"x": 1})", "user[{{x}} \\1]"},
  };
  for (const auto& expected : cases) {
    EXPECT_EQ(Rendered(expected.source, expected.variables), expected.rendered) << expected.source;
  }
}

TEST(Dotprompt, OneTextOfTheUserIsAText) {
  for (const char* text :
       {"x {{y}}", "{{role \"user\"}}x", "{{role \"system\"}} {{role \"user\"}}x"}) {
    EXPECT_EQ(Parsed(text)["kind"], "text");
    EXPECT_EQ(Convert(text, true), Convert(text));
  }
  for (const char* text :
       {"{{role \"system\"}}x", "x{{history}}", "{{media url=x}}", "x{{role \"user\"}}y"}) {
    EXPECT_EQ(Parsed(text)["kind"], "chat");
  }
  EXPECT_EQ(Convert("x\n{{role \"system\"}}x", true),
            "!2:1 a text prompt takes no roles, histories and images");
}

TEST(Dotprompt, HostileFilesEndSoon) {
  const auto repeated = [](std::string_view text, int count) {
    std::string all;
    for (int i = 0; i < count; ++i) all += text;
    return all;
  };
  EXPECT_EQ(Convert("---\na: " + repeated("[", 60'000) + "\n---\nx").substr(0, 6), "!2:36 ");
  EXPECT_EQ(Convert("---\na: " + repeated("{a: ", 100) + "\n---\nx"),
            "!2:132 the front matter is not valid: more than 32 levels");
  EXPECT_EQ(Convert("---\n" + repeated("#\n", 100'000) + "---\nx"),
            "!2:1 the front matter is larger than 64 kB");
  EXPECT_EQ(Convert(repeated("{{#if x}}", 100)), "!1:577 cannot be imported: more than 64 blocks");
  EXPECT_EQ(Convert(repeated("{{#if x}}\n{{!}} ", 50) + repeated("{{/if}}", 50)).substr(0, 1), "{");
  EXPECT_EQ(Convert(repeated("{{role \"user\"}}x{{media url=y}}\n", 5'000)).substr(0, 1), "{");
  EXPECT_EQ(Convert(repeated("{{x}}", 10'001)),
            "!1:50001 cannot be imported: more than 10,000 tags");
  EXPECT_EQ(Convert("{{#each x}}" + repeated("{{#each this}}", 20)),
            "!1:222 cannot be imported: more than 16 loops");
  EXPECT_EQ(Convert(repeated("\\{{", 100'000)).substr(0, 1), "{");
  EXPECT_EQ(
      Convert("{{history}}" + repeated(" ", 500'000) + repeated("{{!}}", 9'000) + "x").substr(0, 1),
      "{");
}

}  // namespace
}  // namespace promptreg::testing
