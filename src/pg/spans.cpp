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

  // A piece of a text.
  void Add(const chat::Text& place, std::string_view output, const tmpl::Span& span) {
    if (span.begin == span.end) return;
    CHECK_FOR_INTERRUPTS();
    constexpr int kColumns = 8;
    const std::string_view texts[] = {output.substr(span.begin, span.end - span.begin), span.name,
                                      span.snippet};
    Datum copies[3];
    for (int i = 0; i < 3; ++i) copies[i] = PointerGetDatum(NewText(texts[i]));
    const bool own = span.name.empty();
    Datum values[kColumns] = {Int32GetDatum(static_cast<int32>(place.message)),
                              Int32GetDatum(place.part),
                              Int32GetDatum(static_cast<int32>(span.begin)),
                              Int32GetDatum(static_cast<int32>(span.end - span.begin)),
                              copies[1],
                              BoolGetDatum(own || IsTrusted(program_, span.name)),
                              copies[2],
                              copies[0]};
    bool nulls[kColumns] = {false, place.part < 0,       false, false, own,
                            false, span.snippet.empty(), false};
    tuplestore_putvalues(result_->setResult, result_->setDesc, values, nulls);
    for (const Datum copy : copies) pfree(DatumGetPointer(copy));
  }

 private:
  const tmpl::ProgramView program_;
  ReturnSetInfo* const result_;
};

}  // namespace

void AddSpans(const Version& version, json::Value variables, ReturnSetInfo* result) {
  Rendering rendering(version.program, variables, true, &version);
  SpanWriter writer(version.program, result);
  const chat::Text only = {};
  const chat::Text* texts = &only;
  uint32 count = 1;
  if (version.chat) texts = rendering.ListTexts(version, variables, &count);
  for (uint32 i = 0; i < count; ++i) {
    const chat::Text& text = texts[i];
    if (!text.placeholder.empty()) {
      writer.Add(text, text.passed,
                 {.begin = 0, .end = text.passed.size(), .name = text.placeholder, .snippet = {}});
      continue;
    }
    std::span<const tmpl::Span> spans;
    const std::string_view output = rendering.Render(text.index, &spans);
    for (const tmpl::Span& span : spans) writer.Add(text, output, span);
  }
  rendering.Finish();
}

}  // namespace promptreg::pg
