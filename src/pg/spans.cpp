#include "pg/spans.h"

#include <span>

#include "core/chat/chat.h"
#include "pg/jsonb.h"
#include "pg/render.h"

namespace promptreg::pg {
namespace {

bool IsTrusted(tmpl::ProgramView program, std::string_view name) {
  for (uint32 i = 0; i < program.variable_count(); ++i) {
    const tmpl::Variable variable = program.variable(i);
    if (variable.name == name) return variable.trusted;
  }
  return false;
}

class SpanWriter {
 public:
  SpanWriter(tmpl::ProgramView program, ReturnSetInfo* result)
      : program_(program), result_(result) {}

  // A rendered message, with what lies between the values.
  void AddMessage(int32 message, std::string_view output, std::span<const tmpl::Span> spans) {
    size_t at = 0;
    for (const tmpl::Span& span : spans) {
      AddPiece(message, output, at, span.begin, {});
      AddPiece(message, output, span.begin, span.end, span.name);
      at = span.end;
    }
    AddPiece(message, output, at, output.size(), {});
  }

 private:
  // No name: text of the template.
  void AddPiece(int32 message, std::string_view output, size_t begin, size_t end,
                std::string_view name) {
    if (begin == end) return;
    CHECK_FOR_INTERRUPTS();
    text* const piece = NewText(output.substr(begin, end - begin));
    text* const variable = name.empty() ? nullptr : NewText(name);
    Datum values[] = {Int32GetDatum(message),
                      Int32GetDatum(static_cast<int32>(begin)),
                      Int32GetDatum(static_cast<int32>(end - begin)),
                      PointerGetDatum(variable),
                      BoolGetDatum(name.empty() || IsTrusted(program_, name)),
                      PointerGetDatum(piece)};
    bool nulls[] = {false, false, false, name.empty(), false, false};
    tuplestore_putvalues(result_->setResult, result_->setDesc, values, nulls);
    pfree(piece);
    if (variable != nullptr) pfree(variable);
  }

  const tmpl::ProgramView program_;
  ReturnSetInfo* const result_;
};

}  // namespace

void AddSpans(const Version& version, json::Value variables, ReturnSetInfo* result) {
  Rendering rendering(version.program, variables, true);
  SpanWriter writer(version.program, result);
  std::span<const tmpl::Span> spans;
  if (!version.chat) {
    const std::string_view output = rendering.Render(0, &spans);
    writer.AddMessage(0, output, spans);
    return;
  }
  uint32 part = 0;
  int32 message = 0;
  const auto add_text = [&] {
    const std::string_view output = rendering.Render(part++, &spans);
    writer.AddMessage(message, output, spans);
  };
  json::Cursor cursor(JsonView(const_cast<Jsonb*>(version.messages)));
  while (cursor.Next()) {
    const json::Value item = cursor.value();
    const json::Value content = item.Find("content");
    switch (chat::TypeOf(item)) {
      case chat::ItemType::kPlaceholder:
        message += static_cast<int32>(variables.Find(item.Find("name").string()).size());
        break;
      case chat::ItemType::kExamples:
        for (json::Cursor pair(item.Find("examples")); pair.Next(); message += 2) {
          add_text();
          ++message;
          add_text();
          --message;
        }
        break;
      case chat::ItemType::kMessage:
        if (content.kind() == json::Kind::kString) add_text();
        if (content.kind() == json::Kind::kArray) {
          for (json::Cursor parts(content); parts.Next();) {
            if (!chat::TextOfPart(parts.value()).missing()) add_text();
          }
        }
        ++message;
        break;
    }
  }
}

}  // namespace promptreg::pg
