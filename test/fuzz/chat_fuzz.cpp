// Chat prompts: the messages, what is passed for placeholders, and all values come from the fuzzer.
#include "core/chat/chat.h"

#include "core/json/write.h"
#include "support.h"

namespace {

using namespace promptreg;

void AddContent(FuzzedDataProvider& data, json::Builder* builder) {
  static constexpr const char* kTypes[] = {"text", "image_url", "file", "placeholder"};
  const int form = data.ConsumeIntegralInRange<int>(0, 9);
  if (form < 5) return builder->String(fuzz::Text(data.ConsumeRandomLengthString(60)));
  if (form == 5) return fuzz::AddValue(data, 3, builder);
  builder->BeginArray();
  for (int parts = data.ConsumeIntegralInRange<int>(0, 4); parts > 0; --parts) {
    builder->BeginObject();
    builder->Key("type");
    builder->String(kTypes[data.ConsumeIntegralInRange<size_t>(0, std::size(kTypes) - 1)]);
    builder->Key(data.ConsumeBool() ? "text" : "image_url");
    if (data.ConsumeBool()) {
      builder->String(fuzz::Text(data.ConsumeRandomLengthString(40)));
    } else {
      builder->BeginObject();
      builder->Key("url");
      builder->String(fuzz::Text(data.ConsumeRandomLengthString(40)));
      builder->EndObject();
    }
    builder->EndObject();
  }
  builder->EndArray();
}

void AddMessage(FuzzedDataProvider& data, json::Builder* builder) {
  static constexpr const char* kRoles[] = {"system", "user",      "assistant",
                                           "tool",   "developer", "admin"};
  builder->BeginObject();
  builder->Key("role");
  builder->String(kRoles[data.ConsumeIntegralInRange<size_t>(0, std::size(kRoles) - 1)]);
  if (data.ConsumeIntegralInRange<int>(0, 7) > 0) {
    builder->Key("content");
    AddContent(data, builder);
  }
  if (data.ConsumeIntegralInRange<int>(0, 5) == 0) {
    builder->Key(data.ConsumeBool() ? "tool_calls" : fuzz::Name(data));
    fuzz::AddValue(data, 3, builder);
  }
  builder->EndObject();
}

void AddItem(FuzzedDataProvider& data, json::Builder* builder) {
  switch (data.ConsumeIntegralInRange<int>(0, 7)) {
    case 0:
    case 1:
      builder->BeginObject();
      builder->Key("type");
      builder->String("placeholder");
      builder->Key("name");
      builder->String(data.ConsumeBool() ? "list" : fuzz::Name(data));
      builder->Key("required");
      builder->Bool(data.ConsumeBool());
      return builder->EndObject();
    case 2:
      builder->BeginObject();
      builder->Key("type");
      builder->String("examples");
      builder->Key("examples");
      builder->BeginArray();
      for (int pairs = data.ConsumeIntegralInRange<int>(0, 3); pairs > 0; --pairs) {
        builder->BeginObject();
        for (const char* role : {"user", "assistant"}) {
          builder->Key(role);
          AddContent(data, builder);
        }
        builder->EndObject();
      }
      builder->EndArray();
      return builder->EndObject();
    case 3:
      return fuzz::AddValue(data, 4, builder);
    default:
      return AddMessage(data, builder);
  }
}

std::string Messages(FuzzedDataProvider& data) {
  json::Builder builder;
  builder.BeginArray();
  for (int count = data.ConsumeIntegralInRange<int>(0, 8); count > 0; --count) {
    AddItem(data, &builder);
  }
  builder.EndArray();
  return builder.Finish();
}

// Mostly lists of messages, under the names that placeholders have.
std::string Variables(FuzzedDataProvider& data) {
  json::Builder builder;
  builder.BeginObject();
  for (int count = data.ConsumeIntegralInRange<int>(0, 6); count > 0; --count) {
    builder.Key(data.ConsumeBool() ? "list" : fuzz::Name(data));
    if (data.ConsumeIntegralInRange<int>(0, 2) == 0) {
      fuzz::AddValue(data, 4, &builder);
      continue;
    }
    builder.BeginArray();
    for (int messages = data.ConsumeIntegralInRange<int>(0, 5); messages > 0; --messages) {
      AddMessage(data, &builder);
    }
    builder.EndArray();
  }
  builder.EndObject();
  return builder.Finish();
}

// Every message that comes out has a role that was written down, or one that may be passed.
void CheckStructure(json::Value stored, json::Value variables, json::Value rendered) {
  fuzz::Require(rendered.kind() == json::Kind::kArray);
  uint32_t most = 0;
  for (json::Cursor cursor(stored); cursor.Next();) {
    const json::Value item = cursor.value();
    switch (chat::TypeOf(item)) {
      case chat::ItemType::kMessage:
        most += 1;
        break;
      case chat::ItemType::kExamples:
        most += item.Find("examples").size() * 2;
        break;
      case chat::ItemType::kPlaceholder:
        most += variables.Find(item.Find("name").string()).size();
        break;
    }
  }
  fuzz::Require(rendered.size() <= most);
  std::string printed;
  fuzz::Require(json::AppendCompact(rendered, 100, &printed) && fuzz::IsUtf8(printed));
}

// The texts that are listed stand in the messages, each in its place.
void CheckTexts(const std::vector<chat::Text>& texts, json::Value rendered, size_t templates) {
  std::vector<json::Value> messages;
  for (json::Cursor cursor(rendered); cursor.Next();) messages.push_back(cursor.value());
  uint32_t index = 0;
  for (const chat::Text& text : texts) {
    fuzz::Require(text.message < messages.size());
    json::Value found = messages[text.message].Find("content");
    if (text.part >= 0) {
      int32_t part = 0;
      json::Cursor cursor(found);
      do {
        fuzz::Require(cursor.Next());
      } while (part++ < text.part);
      found = chat::TextOfPart(cursor.value());
    }
    fuzz::Require(found.kind() == json::Kind::kString);
    if (text.placeholder.empty()) {
      fuzz::Require(text.index == index++);
    } else {
      fuzz::Require(found.string() == text.passed);
    }
  }
  fuzz::Require(index == templates);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  FuzzedDataProvider data(bytes, size);
  const std::string stored_bytes = Messages(data);
  const json::Value stored = json::Value::FromContainer(stored_bytes.data());
  const std::string variable_bytes = Variables(data);
  const json::Value variables = json::Value::FromContainer(variable_bytes.data());

  const chat::Contents contents = chat::ReadContents(stored);
  fuzz::Require(contents.texts.size() == contents.places.size());
  tmpl::Source source;
  source.parts = contents.texts;
  source.placeholders = contents.placeholders;
  std::string program;
  tmpl::Error error;
  if (!tmpl::Compile(source, fuzz::SmallLimits(), &program, &error)) {
    fuzz::CheckError(error);
    return 0;
  }
  static tmpl::Scratch* const scratch = tmpl::NewScratch();
  const tmpl::ProgramView view(program.data());
  fuzz::Require(view.part_count() == contents.texts.size());
  tmpl::RenderOptions options;
  options.limits = fuzz::SmallLimits();
  tmpl::Code code = tmpl::Bind(view, variables, true, options, scratch, &error);
  std::string rendered;
  if (code == tmpl::Code::kOk) {
    code = chat::Render(stored, view, variables, options, scratch, &rendered, &error);
  }
  if (code != tmpl::Code::kOk) {
    fuzz::Require(code == error.code);
    fuzz::CheckError(error);
    return 0;
  }
  CheckStructure(stored, variables, json::Value::FromContainer(rendered.data()));
  std::vector<chat::Text> texts;
  if (chat::ListTexts(stored, variables, options, scratch, &texts, &error) == tmpl::Code::kOk) {
    CheckTexts(texts, json::Value::FromContainer(rendered.data()), contents.texts.size());
  }
  return 0;
}
