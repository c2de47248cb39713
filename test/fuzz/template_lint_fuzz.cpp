// Warnings: texts, snippets and the names that are declared come from the fuzzer. What compiles can
// be looked at, and what is told has its place in a text.
#include "core/template/lint.h"

#include <vector>

#include "support.h"

namespace {

using namespace promptreg;

void AddDeclarations(FuzzedDataProvider& data, json::Builder* builder) {
  static constexpr const char* kTypes[] = {"string", "array", "object", "integer", "boolean"};
  builder->BeginObject();
  for (int count = data.ConsumeIntegralInRange<int>(0, 4); count > 0; --count) {
    builder->Key(fuzz::Name(data));
    builder->BeginObject();
    builder->Key("type");
    builder->String(kTypes[data.ConsumeIntegralInRange<size_t>(0, std::size(kTypes) - 1)]);
    builder->Key("trusted");
    builder->Bool(data.ConsumeBool());
    if (data.ConsumeBool()) {
      builder->Key("filter");
      builder->String("trim | xml");
    }
    builder->EndObject();
  }
  builder->EndObject();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  const uint8_t choice = data.ConsumeIntegral<uint8_t>();
  const std::string first = fuzz::Text(data.ConsumeRandomLengthString(1000));
  const std::string second = fuzz::Text(data.ConsumeRandomLengthString(500));
  json::Builder builder;
  builder.BeginObject();
  for (int count = data.ConsumeIntegralInRange<int>(0, 4); count > 0; --count) {
    builder.Key(fuzz::Name(data));
    builder.String(fuzz::Text(data.ConsumeRandomLengthString(300)));
  }
  builder.EndObject();
  const std::string snippets = builder.Finish();
  AddDeclarations(data, &builder);
  const std::string declarations = builder.Finish();

  const std::string_view parts[] = {first, second};
  tmpl::Source source;
  source.parts = parts;
  source.syntax = static_cast<tmpl::Syntax>(choice % 3);
  source.snippets = json::Value::FromContainer(snippets.data());
  source.strict = (choice & 16) != 0;
  if ((choice & 4) != 0) source.declarations = json::Value::FromContainer(declarations.data());
  std::vector<tmpl::Warning> warnings;
  std::string program;
  tmpl::Error error;
  const bool compiles = tmpl::Compile(source, fuzz::SmallLimits(), &program, &error);
  fuzz::Require(compiles == tmpl::FindWarnings(source, {(choice & 8) != 0, true},
                                               fuzz::SmallLimits(), &warnings, &error));
  if (!compiles) fuzz::CheckError(error);
  fuzz::Require(warnings.size() <= 101);
  for (const tmpl::Warning& warning : warnings) {
    fuzz::Require(warning.part < 2 && !tmpl::LintName(warning.lint).empty());
    const bool placed =
        warning.lint != tmpl::Lint::kUnusedVariable && warning.lint != tmpl::Lint::kMoreWarnings;
    fuzz::Require((warning.line != 0) == placed);
    for (const std::string& text : {warning.message, warning.hint}) {
      fuzz::Require(!text.empty() && fuzz::IsUtf8(text));
    }
    fuzz::Require(fuzz::IsUtf8(warning.detail) && fuzz::IsUtf8(warning.variable));
  }
  return 0;
}
