#include "core/import/dotprompt.h"

#include <algorithm>

#include "core/import/body.h"
#include "core/import/front_matter.h"
#include "core/import/refusal.h"
#include "core/json/builder.h"

namespace promptreg::imports {
namespace {

void AddString(std::string_view key, std::string_view text, json::Builder* builder) {
  builder->Key(key);
  builder->String(text);
}

void AddPart(const Part& part, json::Builder* builder) {
  builder->BeginObject();
  AddString("type", part.image ? "image_url" : "text", builder);
  if (part.image) {
    builder->Key("image_url");
    builder->BeginObject();
    AddString("url", part.text, builder);
    builder->EndObject();
  } else {
    AddString("text", part.text, builder);
  }
  builder->EndObject();
}

void AddMessage(const Message& message, json::Builder* builder) {
  builder->BeginObject();
  if (message.history) {
    AddString("type", "placeholder", builder);
    AddString("name", "history", builder);
    builder->Key("required");
    builder->Bool(false);
    return builder->EndObject();
  }
  AddString("role", message.role, builder);
  if (message.parts.size() == 1 && !message.parts[0].image) {
    AddString("content", message.parts[0].text, builder);
  } else {
    builder->Key("content");
    builder->BeginArray();
    for (const Part& part : message.parts) AddPart(part, builder);
    builder->EndArray();
  }
  builder->EndObject();
}

}  // namespace

bool ConvertDotprompt(std::string_view source, bool must_be_text, std::string* container,
                      tmpl::Error* error) {
  *error = tmpl::Error();
  FrontMatter front_matter;
  if (!front_matter.Read(source, error)) return false;
  Body body;
  if (!ConvertBody(source, front_matter.template_begin(), front_matter.template_end(),
                   front_matter.variables(), &body, error)) {
    return false;
  }
  if (body.messages.empty()) {
    return Refuse(source, source.size(), "the template has no text", {}, error);
  }
  if (must_be_text && !body.IsText()) {
    return Refuse(source, std::min(body.first_marker, source.size()),
                  "a text prompt takes no roles, histories and images",
                  "Create the prompt with the kind chat; the kind of a prompt is fixed.", error);
  }

  json::Builder builder;
  builder.BeginObject();
  AddString("kind", body.IsText() ? "text" : "chat", &builder);
  builder.Key("messages");
  builder.BeginArray();
  for (const Message& message : body.messages) AddMessage(message, &builder);
  builder.EndArray();
  front_matter.Add(body.variables, &builder);
  builder.EndObject();
  *container = builder.Finish();
  return true;
}

}  // namespace promptreg::imports
