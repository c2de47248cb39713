// Warnings about templates.
#include <string>
#include <vector>

#include "core/chat/kept.h"
#include "core/json/builder.h"
#include "core/template/lint.h"
#include "core/template/parser.h"
#include "pg/compile.h"
#include "pg/errors.h"
#include "pg/guard.h"
#include "pg/jsonb.h"
#include "pg/settings.h"

namespace promptreg::pg {
namespace {

void AddText(std::string_view key, std::string_view text, json::Builder* builder) {
  if (text.empty()) return;
  builder->Key(key);
  builder->String(text);
}

void AddNumber(std::string_view key, uint32_t number, json::Builder* builder) {
  if (number == 0) return;
  builder->Key(key);
  builder->Number(std::to_string(number));
}

// Keyed like the columns of promptreg.lint_warning.
void AddWarning(const tmpl::Warning& warning, const chat::Place* place, json::Builder* builder) {
  builder->BeginObject();
  AddText("code", tmpl::LintName(warning.lint), builder);
  AddText("warning", warning.message, builder);
  AddText("variable", warning.variable, builder);
  if (place != nullptr) {
    char where[64];
    chat::DescribePlace(*place, where, sizeof(where));
    AddText("place", where, builder);
    AddNumber("item", place->item, builder);
  }
  AddText("snippet", warning.snippet, builder);
  AddNumber("line_number", warning.line, builder);
  AddNumber("column_number", warning.column, builder);
  AddText("detail", warning.detail, builder);
  AddText("hint", warning.hint, builder);
  builder->EndObject();
}

// Tags in keys of contents that are no templates.
void AddKeptTags(json::Value messages, json::Builder* builder) {
  constexpr size_t kMost = 100;
  for (const chat::KeptTag& kept : chat::FindKeptTags(messages, kMost)) {
    tmpl::Warning warning;
    warning.lint = tmpl::Lint::kTagInKeptKey;
    warning.variable = tmpl::QuoteTag(kept.tag);
    warning.message = warning.variable + " in \"" + tmpl::QuoteTag(kept.key) +
                      "\" is not rendered: the model gets it as it stands";
    warning.hint = "Templates are the text of a part, and image_url.url.";
    AddWarning(warning, &kept.place, builder);
  }
}

}  // namespace
}  // namespace promptreg::pg

namespace chat = promptreg::chat;
namespace json = promptreg::json;
namespace pg = promptreg::pg;
namespace tmpl = promptreg::tmpl;

extern "C" {

PG_FUNCTION_INFO_V1(promptreg_find_warnings);
Datum promptreg_find_warnings(PG_FUNCTION_ARGS);

Datum promptreg_find_warnings(PG_FUNCTION_ARGS) {
  const pg::TemplateSource source = pg::ReadComposition(fcinfo);
  const tmpl::Limits limits = pg::TemplateLimits();
  Jsonb* result = nullptr;
  tmpl::Error error;
  const pg::Caught caught = pg::Guarded([&] {
    chat::Contents contents;
    const tmpl::Source input = pg::Input(nullptr, source, &contents);
    std::vector<tmpl::Warning> warnings;
    if (!tmpl::FindWarnings(input, contents.instructions, limits, &warnings, &error)) return;
    json::Builder builder;
    builder.BeginArray();
    const bool places = pg::HasPlaces(source, contents);
    for (tmpl::Warning& warning : warnings) {
      for (std::string* said : {&warning.message, &warning.detail, &warning.hint}) {
        if (source.encoding != nullptr) tmpl::ReplaceTorn(*said, *source.encoding);
      }
      const bool placed = places && warning.line > 0;
      pg::AddWarning(warning, placed ? &contents.places[warning.part] : nullptr, &builder);
    }
    if (source.syntax == tmpl::Syntax::kMustache) pg::AddKeptTags(source.messages, &builder);
    builder.EndArray();
    result = pg::NewJsonb(builder.Finish());
  });
  pg::ReportCaught(caught);
  if (result == nullptr) pg::ReportTemplateError(error, nullptr);
  PG_RETURN_JSONB_P(result);
}
}
