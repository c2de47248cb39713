// Which snippets a text names: the first byte chooses the syntax, and whether names are declared.
// What compiles names the snippets that were found, and no others.
#include "support.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace promptreg;
  if (size == 0) return 0;
  const std::string text = fuzz::Text({reinterpret_cast<const char*>(bytes) + 1, size - 1});
  const std::string_view parts[] = {text, "{{> s}}"};
  tmpl::Source source;
  source.parts = parts;
  source.syntax = static_cast<tmpl::Syntax>(bytes[0] % 3);
  json::Builder builder;
  builder.BeginArray();
  builder.BeginObject();
  for (const char* pair : {"name\0a", "type\0enum"}) {
    builder.Key(pair);
    builder.String(pair + std::strlen(pair) + 1);
  }
  builder.Key("values");
  builder.BeginArray();
  builder.String("s");
  builder.String("b@3");
  builder.EndArray();
  builder.EndObject();
  builder.EndArray();
  const std::string declarations = builder.Finish();
  if ((bytes[0] & 4) != 0) source.declarations = json::Value::FromContainer(declarations.data());

  std::vector<std::string> names;
  tmpl::Error error;
  if (!tmpl::FindSnippets(source, fuzz::SmallLimits(), &names, &error)) {
    fuzz::CheckError(error);
    fuzz::Require(error.part < 2);
    return 0;
  }
  json::Builder snippets;
  snippets.BeginObject();
  for (size_t i = 0; i < names.size(); ++i) {
    fuzz::Require(!names[i].empty());
    for (size_t j = 0; j < i; ++j) fuzz::Require(names[i] != names[j]);
    snippets.Key(names[i]);
    snippets.String("x");
  }
  snippets.EndObject();
  const std::string found = snippets.Finish();
  source.snippets = json::Value::FromContainer(found.data());
  source.snippets_exist = true;
  std::string program;
  if (!tmpl::Compile(source, fuzz::SmallLimits(), &program, &error)) {
    fuzz::CheckError(error);
    fuzz::Require(error.code != tmpl::Code::kUndefinedSnippet);
  }
  return 0;
}
