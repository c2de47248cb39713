// Rendering three workloads, each beside copying the pieces of its output, which nothing can
// undercut:
//   a    1 KB, 6 scalars
//   b    8 KB, 20 variables, 2 conditions, 10 examples in a loop, 2 snippets
//   c  106 KB, 50 documents in a loop
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "core/json/builder.h"
#include "core/template/template.h"

namespace promptreg {
namespace {

// Filler that looks like prose, always the same.
std::string Prose(size_t bytes, unsigned seed) {
  static constexpr std::string_view kWords[] = {"the",   "customer", "asks",   "about",  "an",
                                                "order", "answer",   "in",     "plain",  "words",
                                                "and",   "never",    "invent", "prices", "quote"};
  std::string text;
  while (text.size() < bytes) {
    seed = seed * 1'103'515'245 + 12'345;
    text += kWords[(seed >> 16) % std::size(kWords)];
    text += ' ';
  }
  text.resize(bytes);
  return text;
}

struct Workload {
  std::string text;
  std::string variables;
  std::string snippets;
  std::vector<std::string> pieces;  // of the output, as a rendering copies them
};

void Member(json::Builder* builder, std::string_view key, std::string_view value) {
  builder->Key(key);
  builder->String(value);
}

std::string NoSnippets() {
  json::Builder builder;
  builder.BeginObject();
  builder.EndObject();
  return builder.Finish();
}

Workload MakeA() {
  Workload work;
  json::Builder builder;
  builder.BeginObject();
  static constexpr const char* kNames[] = {"customer_name", "product",  "tier",
                                           "language",      "question", "tone"};
  for (unsigned i = 0; i < 6; ++i) {
    const std::string literal = Prose(140, i), value = Prose(20 + i * 4, i + 100);
    work.text += literal + "{{" + kNames[i] + "}}";
    Member(&builder, kNames[i], value);
    work.pieces.insert(work.pieces.end(), {literal, value});
  }
  work.text += "\n";
  work.pieces.push_back("\n");
  builder.EndObject();
  work.variables = builder.Finish();
  work.snippets = NoSnippets();
  return work;
}

Workload MakeB() {
  Workload work;
  const auto literal = [&](const std::string& text) {
    work.text += text;
    work.pieces.push_back(text);
  };
  json::Builder builder, snippets;
  builder.BeginObject();
  snippets.BeginObject();
  for (unsigned i = 0; i < 20; ++i) {
    const std::string name = "variable_" + std::to_string(i), value = Prose(60, i + 200);
    literal(Prose(150, i) + "\n");
    work.text += "{{" + name + "}}";
    work.pieces.push_back(value);
    Member(&builder, name, value);
  }
  for (unsigned i = 0; i < 2; ++i) {
    const std::string flag = "flag_" + std::to_string(i), body = Prose(300, i + 300);
    work.text += "{{#" + flag + "}}" + body + "{{/" + flag + "}}";
    work.pieces.push_back(body);
    builder.Key(flag);
    builder.Bool(true);
    const std::string snippet = "snippet_" + std::to_string(i), content = Prose(250, i + 400);
    work.text += "{{> " + snippet + "}}";
    work.pieces.push_back(content);
    Member(&snippets, snippet, content);
  }
  work.text += "{{#examples}}Question: {{question}}\nAnswer: {{answer}}\n{{/examples}}";
  builder.Key("examples");
  builder.BeginArray();
  for (unsigned i = 0; i < 10; ++i) {
    const std::string question = Prose(80, i + 500), answer = Prose(170, i + 600);
    builder.BeginObject();
    Member(&builder, "question", question);
    Member(&builder, "answer", answer);
    builder.EndObject();
    work.pieces.insert(work.pieces.end(), {"Question: ", question, "\nAnswer: ", answer, "\n"});
  }
  builder.EndArray();
  builder.EndObject();
  snippets.EndObject();
  work.variables = builder.Finish();
  work.snippets = snippets.Finish();
  return work;
}

Workload MakeC() {
  Workload work;
  json::Builder builder;
  builder.BeginObject();
  builder.Key("documents");
  builder.BeginArray();
  work.text =
      "{{#documents}}<document id=\"{{id}}\" "
      "source=\"{{source}}\">\n{{title}}\n{{body}}\n</document>\n{{/documents}}";
  for (unsigned i = 0; i < 50; ++i) {
    const std::string id = std::to_string(1000 + i), source = "kb/" + Prose(12, i),
                      title = Prose(50, i + 50), body = Prose(2000, i + 100);
    builder.BeginObject();
    builder.Key("id");
    builder.Number(id);
    Member(&builder, "source", source);
    Member(&builder, "title", title);
    Member(&builder, "body", body);
    builder.EndObject();
    work.pieces.insert(work.pieces.end(), {"<document id=\"", id, "\" source=\"", source, "\">\n",
                                           title, "\n", body, "\n</document>\n"});
  }
  builder.EndArray();
  builder.EndObject();
  work.variables = builder.Finish();
  work.snippets = NoSnippets();
  return work;
}

const Workload& Get(int64_t which) {
  static const Workload* const works[] = {new Workload(MakeA()), new Workload(MakeB()),
                                          new Workload(MakeC())};
  return *works[which];
}

std::string Compiled(const Workload& work, tmpl::Escape escape) {
  const std::string_view parts[] = {work.text};
  const tmpl::Source source = {.parts = parts,
                               .syntax = tmpl::Syntax::kMustache,
                               .escape = escape,
                               .declarations = {},
                               .snippets = json::Value::FromContainer(work.snippets.data())};
  std::string program;
  tmpl::Error error;
  if (!tmpl::Compile(source, {}, &program, &error)) std::abort();
  return program;
}

void RenderWith(benchmark::State& state, tmpl::Escape escape) {
  const Workload& work = Get(state.range(0));
  const std::string program = Compiled(work, escape);
  const tmpl::ProgramView view(program.data());
  const json::Value variables = json::Value::FromContainer(work.variables.data());
  tmpl::Scratch* scratch = tmpl::NewScratch();
  const tmpl::RenderOptions options;
  tmpl::Error error;
  std::string_view output;
  for (auto _ : state) {
    if (tmpl::Bind(view, variables, true, options, scratch, &error) != tmpl::Code::kOk ||
        tmpl::Render(view, 0, options, scratch, &output, &error) != tmpl::Code::kOk) {
      std::abort();
    }
    benchmark::DoNotOptimize(output);
  }
  std::string expected;
  for (const std::string& piece : work.pieces) expected += piece;
  if (escape == tmpl::Escape::kNone && output != expected) std::abort();
  state.counters["program"] = static_cast<double>(view.size());
  state.counters["output"] = static_cast<double>(output.size());
  tmpl::ReleaseScratch(scratch);
}

void BM_Render(benchmark::State& state) {
  RenderWith(state, tmpl::Escape::kNone);
}
void BM_RenderHtml(benchmark::State& state) {
  RenderWith(state, tmpl::Escape::kHtml);
}

void BM_Copy(benchmark::State& state) {
  const Workload& work = Get(state.range(0));
  std::vector<std::string_view> pieces(work.pieces.begin(), work.pieces.end());
  size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  const auto out = std::make_unique<char[]>(size);
  for (auto _ : state) {
    char* at = out.get();
    for (const std::string_view piece : pieces) {
      std::memcpy(at, piece.data(), piece.size());
      at += piece.size();
    }
    benchmark::DoNotOptimize(at);
    benchmark::ClobberMemory();
  }
}

void BM_Compile(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Compiled(Get(state.range(0)), tmpl::Escape::kNone));
}

BENCHMARK(BM_Copy)->DenseRange(0, 2);
BENCHMARK(BM_Render)->DenseRange(0, 2);
BENCHMARK(BM_RenderHtml)->DenseRange(0, 2);
BENCHMARK(BM_Compile)->DenseRange(0, 2);

}  // namespace
}  // namespace promptreg
