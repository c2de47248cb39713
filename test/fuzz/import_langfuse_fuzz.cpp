// Texts of Langfuse: what is converted parses.
#include "core/import/langfuse.h"
#include "support.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace promptreg;
  const std::string text = fuzz::Text({reinterpret_cast<const char*>(bytes), size});
  std::string converted;
  tmpl::Error error;
  if (!imports::ConvertLangfuse(text, &converted, &error)) {
    fuzz::CheckError(error);
    fuzz::Require(error.line > 0);
    return 0;
  }
  const std::string_view parts[] = {converted};
  tmpl::Source source;
  source.parts = parts;
  std::string program;
  if (!tmpl::Compile(source, tmpl::Limits(), &program, &error)) {
    fuzz::CheckError(error);
    fuzz::Require(error.code != tmpl::Code::kSyntax);
  }
  return 0;
}
