// Declarations and binding: declarations, values and the text come from the fuzzer.
#include <memory>

#include "core/json/write.h"
#include "core/template/template.h"
#include "support.h"

namespace {

using namespace promptreg;

// Mostly what declarations look like, with anything in any place.
void AddDeclaration(FuzzedDataProvider& data, json::Builder* builder) {
  static constexpr const char* kTypes[] = {"string", "number", "integer", "boolean",
                                           "array",  "object", "enum",    "other"};
  builder->BeginObject();
  for (int count = data.ConsumeIntegralInRange<int>(0, 8); count > 0; --count) {
    switch (data.ConsumeIntegralInRange<int>(0, 15)) {
      case 0:
      case 1:
        builder->Key("name");
        builder->String(fuzz::Name(data));
        break;
      case 2:
        builder->Key("type");
        builder->String(kTypes[data.ConsumeIntegralInRange<size_t>(0, std::size(kTypes) - 1)]);
        break;
      case 3:
        builder->Key(data.ConsumeBool() ? "required" : "nullable");
        builder->Bool(data.ConsumeBool());
        break;
      case 4:
      case 5:
        builder->Key("default");
        fuzz::AddValue(data, 3, builder);
        break;
      case 6:
        builder->Key("values");
        builder->BeginArray();
        for (int values = data.ConsumeIntegralInRange<int>(0, 4); values > 0; --values) {
          builder->String(fuzz::Name(data));
        }
        builder->EndArray();
        break;
      case 7:
        builder->Key("type");
        builder->String("enum");
        builder->Key("values");
        builder->BeginArray();
        builder->String("a");
        builder->String("b");
        builder->EndArray();
        break;
      case 8:
      case 9:
        builder->Key(data.ConsumeBool() ? "min" : "max");
        builder->Number(std::to_string(data.ConsumeIntegralInRange<int>(-2, 20)));
        break;
      case 10:
      case 11:
        builder->Key("pattern");
        builder->String(fuzz::Text(data.ConsumeRandomLengthString(30)));
        break;
      case 12:
        builder->Key("filter");
        builder->String(data.ConsumeBool() ? "trim | xml"
                                           : fuzz::Text(data.ConsumeRandomLengthString(20)));
        break;
      case 13:
        builder->Key(data.ConsumeBool() ? "coerce" : "trusted");
        builder->Bool(true);
        break;
      case 14:
        builder->Key("example");
        fuzz::AddValue(data, 2, builder);
        break;
      default:
        builder->Key(data.ConsumeBool() ? "description" : fuzz::Name(data));
        fuzz::AddValue(data, 2, builder);
        break;
    }
  }
  builder->EndObject();
}

std::string Declarations(FuzzedDataProvider& data) {
  json::Builder builder;
  const int form = data.ConsumeIntegralInRange<int>(0, 7);
  if (form == 0) {
    fuzz::AddValue(data, 4, &builder);
    return builder.Finish();
  }
  const bool object = form == 1;
  object ? builder.BeginObject() : builder.BeginArray();
  for (int count = data.ConsumeIntegralInRange<int>(0, 6); count > 0; --count) {
    if (object) builder.Key(fuzz::Name(data));
    AddDeclaration(data, &builder);
  }
  object ? builder.EndObject() : builder.EndArray();
  return builder.Finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  const std::string given = Declarations(data);
  const json::Value declarations = json::Value::FromContainer(given.data());
  std::string normal;
  tmpl::Error error;
  if (!tmpl::NormalizeDeclarations(declarations, nullptr, nullptr, &normal, &error)) {
    fuzz::CheckError(error);
    fuzz::Require(error.code == tmpl::Code::kInvalidDeclaration ||
                  error.code == tmpl::Code::kPatternsTooLarge);
    return 0;
  }
  // What is normal stays as it is.
  std::string again;
  fuzz::Require(tmpl::NormalizeDeclarations(json::Value::FromContainer(normal.data()), nullptr,
                                            nullptr, &again, &error) &&
                again == normal);

  const std::string text = fuzz::Text(data.ConsumeRandomLengthString(300));
  const std::string_view parts[] = {text};
  tmpl::Source source;
  source.parts = parts;
  source.declarations = json::Value::FromContainer(normal.data());
  std::string program;
  if (!tmpl::Compile(source, fuzz::SmallLimits(), &program, &error)) {
    fuzz::CheckError(error);
    return 0;
  }
  // What was accepted once is accepted again.
  tmpl::Patterns* patterns = nullptr;
  fuzz::Require(
      tmpl::CompilePatterns(tmpl::ProgramView(program.data()), nullptr, &patterns, &error));
  const std::unique_ptr<tmpl::Patterns, void (*)(tmpl::Patterns*)> owned(
      patterns, [](tmpl::Patterns* given) { tmpl::ReleasePatterns(given); });
  fuzz::Require(patterns == nullptr || tmpl::PatternsSize(*patterns) > 0);
  const tmpl::ProgramView view(program.data(), patterns);
  fuzz::Require(view.variable_count() == json::Value::FromContainer(normal.data()).size());
  for (uint32_t i = 0; i < view.variable_count(); ++i) {
    const tmpl::Variable variable = view.variable(i);
    fuzz::Require(!variable.name.empty() && variable.declared);
    std::string printed;
    json::AppendCompact(variable.default_value, 100, &printed);
  }
  const std::string described = tmpl::DescribeVariables(view);
  fuzz::Require(json::Value::FromContainer(described.data()).size() == view.variable_count());

  json::Builder builder;
  fuzz::AddValue(data, 4, &builder);
  const std::string variables = builder.Finish();
  static tmpl::Scratch* const scratch = tmpl::NewScratch();
  if (!tmpl::CheckKnown(view, json::Value::FromContainer(variables.data()), scratch, &error)) {
    fuzz::CheckError(error);
    fuzz::Require(error.code == tmpl::Code::kUnknownVariable);
  }
  tmpl::RenderOptions options;
  options.limits = fuzz::SmallLimits();
  std::string_view output;
  tmpl::Code code = tmpl::Bind(view, json::Value::FromContainer(variables.data()), true, options,
                               scratch, &error);
  if (code == tmpl::Code::kOk) code = tmpl::Render(view, 0, options, scratch, &output, &error);
  if (code != tmpl::Code::kOk) {
    fuzz::Require(code == error.code);
    fuzz::CheckError(error);
  }
  return 0;
}
