#include "templates/workloads.h"

#include "core/json/builder.h"

namespace promptreg::bench {
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
  work.name = 'a';
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
  work.name = 'b';
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
  work.name = 'c';
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

}  // namespace

std::string Workload::Output() const {
  std::string output;
  for (const std::string& piece : pieces) output += piece;
  return output;
}

const std::vector<Workload>& Workloads() {
  static const auto* const works = new std::vector<Workload>{MakeA(), MakeB(), MakeC()};
  return *works;
}

}  // namespace promptreg::bench
