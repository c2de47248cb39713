// OpenAI's chat completions, and what is compatible with them: the messages and parameters as they
// are.
#include "core/request/providers.h"

namespace promptreg::request {

void WriteOpenAi(const Input& input, json::Builder* out) {
  for (json::Cursor cursor(input.params); cursor.Next();) {
    if (IsSection(cursor.key())) continue;
    out->Key(cursor.key());
    out->Add(cursor.value());
  }
  if (input.has_model) {
    out->Key("model");
    out->String(input.model);
  }
  out->Key("messages");
  out->Add(input.messages);
}

}  // namespace promptreg::request
