// F-strings: any text, held against a reading of the rules that is as simple as they are.
#include <algorithm>
#include <string>

#include "core/template/template.h"
#include "support.h"

namespace {

using namespace promptreg;

// The rendering of a text in which every name has the value <name>. False: it is not valid.
bool Expected(const std::string& text, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c != '{' && c != '}') {
      *out += c;
    } else if (i + 1 < text.size() && text[i + 1] == c) {
      *out += c;
      ++i;
    } else if (c == '}') {
      return false;
    } else {
      const size_t end = text.find('}', i);
      if (end == std::string::npos) return false;
      const std::string name = text.substr(i + 1, end - i - 1);
      const bool letters = !name.empty() && name.size() < 100 &&
                           std::all_of(name.begin(), name.end(), [](unsigned char letter) {
                             return (letter >= 'a' && letter <= 'z') || letter == '_';
                           });
      if (!letters) return false;
      *out += "<" + name + ">";
      i = end;
    }
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string text = fuzz::Text({reinterpret_cast<const char*>(bytes), size});
  const std::string_view parts[] = {text};
  tmpl::Source source;
  source.parts = parts;
  source.syntax = tmpl::Syntax::kFString;
  std::string program, expected;
  tmpl::Error error;
  const bool valid = Expected(text, &expected);
  if (!tmpl::Compile(source, {}, &program, &error)) {
    fuzz::CheckError(error);
    fuzz::Require(!valid || error.code == tmpl::Code::kProgramTooLarge);
    fuzz::Require(error.line > 0 && error.column > 0);
    return 0;
  }
  const tmpl::ProgramView view(program.data());
  json::Builder builder;
  builder.BeginObject();
  for (uint32_t i = 0; i < view.variable_count(); ++i) {
    const std::string name(view.variable(i).name);
    builder.Key(name);
    builder.String("<" + name + ">");
  }
  builder.EndObject();
  const std::string variables = builder.Finish();
  static tmpl::Scratch* const scratch = tmpl::NewScratch();
  const tmpl::RenderOptions options;
  std::string_view output;
  fuzz::Require(tmpl::Bind(view, json::Value::FromContainer(variables.data()), true, options,
                           scratch, &error) == tmpl::Code::kOk);
  fuzz::Require(tmpl::Render(view, 0, options, scratch, &output, &error) == tmpl::Code::kOk);
  // Names have more characters than the reading here knows.
  if (valid) fuzz::Require(output == expected);
  return 0;
}
