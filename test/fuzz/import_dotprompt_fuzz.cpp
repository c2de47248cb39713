// Files of Dotprompt: what is converted has messages that parse, and declarations that are read.
#include "core/chat/chat.h"
#include "core/import/dotprompt.h"
#include "support.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace promptreg;
  const std::string text = fuzz::Text({reinterpret_cast<const char*>(bytes), size});
  std::string container;
  tmpl::Error error;
  if (!imports::ConvertDotprompt(text, false, &container, &error)) {
    fuzz::CheckError(error);
    fuzz::Require(error.line > 0);
    return 0;
  }
  const json::Value content = json::Value::FromContainer(container.data());
  fuzz::Require(content.Find("params").kind() == json::Kind::kObject);
  const chat::Contents contents = chat::ReadContents(content.Find("messages"));
  fuzz::Require(!contents.texts.empty() || !contents.placeholders.empty());
  tmpl::Source source;
  source.parts = contents.texts;
  source.placeholders = contents.placeholders;
  source.declarations = content.Find("variables");
  std::string program;
  if (!tmpl::Compile(source, tmpl::Limits(), &program, &error)) {
    fuzz::CheckError(error);
    fuzz::Require(error.code != tmpl::Code::kSyntax);
  }
  return 0;
}
