// Compiling any text: the input's first byte chooses syntax and escaping, the rest is the text.
// With snippets the text is its own snippet, too.
#include "core/template/template.h"
#include "support.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace promptreg;
  if (size == 0) return 0;
  const uint8_t choice = bytes[0];
  const std::string text = fuzz::Text({reinterpret_cast<const char*>(bytes) + 1, size - 1});
  json::Builder builder;
  builder.BeginObject();
  builder.Key("s");
  builder.String(text);
  builder.EndObject();
  const std::string snippets = builder.Finish();
  const std::string_view parts[] = {text, text};
  tmpl::Source source;
  source.parts = parts;
  source.syntax = static_cast<tmpl::Syntax>(choice % 3);
  source.escape = (choice & 4) != 0 ? tmpl::Escape::kHtml : tmpl::Escape::kNone;
  if ((choice & 8) != 0) source.snippets = json::Value::FromContainer(snippets.data());
  std::string program;
  tmpl::Error error;
  if (!tmpl::Compile(source, (choice & 16) != 0 ? fuzz::SmallLimits() : tmpl::Limits(), &program,
                     &error)) {
    fuzz::CheckError(error);
    fuzz::Require(error.part < 2);
    return 0;
  }
  const tmpl::ProgramView view(program.data());
  fuzz::Require(view.size() == program.size() && view.part_count() == 2);
  for (uint32_t i = 0; i < view.variable_count(); ++i) {
    const tmpl::Variable variable = view.variable(i);
    fuzz::Require(!variable.name.empty() && variable.used && !variable.declared);
  }
  return 0;
}
