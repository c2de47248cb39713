#include "pg/errors.h"

#include "pg/encoding.h"
#include "pg/guard.h"

namespace promptreg::pg {

void ReportCaught(const Caught& caught) {
  if (caught.what[0] == '\0') return;
  ereport(ERROR, (errcode(caught.out_of_memory ? ERRCODE_OUT_OF_MEMORY : ERRCODE_INTERNAL_ERROR),
                  errmsg("promptreg: %s", caught.what)));
}

namespace {

int SqlState(tmpl::Code code) {
  switch (code) {
    case tmpl::Code::kOk:
      break;
    case tmpl::Code::kInterrupted:
      return ERRCODE_QUERY_CANCELED;
    case tmpl::Code::kOutOfMemory:
      return ERRCODE_OUT_OF_MEMORY;
    case tmpl::Code::kSyntax:
      return kTemplateSyntax;
    case tmpl::Code::kNoCounterpart:
      return kNoCounterpart;
    case tmpl::Code::kUndefinedSnippet:
      return kUndefinedSnippet;
    case tmpl::Code::kInvalidDeclaration:
      return kInvalidDeclaration;
    case tmpl::Code::kUndeclaredVariable:
      return kUndeclaredVariable;
    case tmpl::Code::kNotAnObject:
      return kVariablesNotObject;
    case tmpl::Code::kMissingVariable:
      return kMissingVariable;
    case tmpl::Code::kInvalidVariable:
      return kInvalidVariable;
    case tmpl::Code::kUnknownVariable:
      return kUnknownVariable;
    case tmpl::Code::kSnippetConflict:
      return kSnippetConflict;
    case tmpl::Code::kPlaceholderName:
      return kPlaceholderName;
    case tmpl::Code::kInvalidMessages:
      return kInvalidMessages;
    case tmpl::Code::kInvalidHistory:
      return kInvalidHistory;
    case tmpl::Code::kTemplateTooLarge:
      return kTemplateTooLarge;
    case tmpl::Code::kNestingTooDeep:
      return kNestingTooDeep;
    case tmpl::Code::kSnippetTooDeep:
      return kSnippetTooDeep;
    case tmpl::Code::kProgramTooLarge:
      return kProgramTooLarge;
    case tmpl::Code::kTooManyOperations:
      return kTooManyOperations;
    case tmpl::Code::kOutputTooLarge:
      return kOutputTooLarge;
    case tmpl::Code::kJsonTooDeep:
      return kJsonTooDeep;
    case tmpl::Code::kPatternsTooLarge:
      return kPatternsTooLarge;
  }
  return ERRCODE_INTERNAL_ERROR;
}

// The setting behind a limit; nullptr for other failures.
const char* LimitSetting(tmpl::Code code) {
  switch (code) {
    case tmpl::Code::kTemplateTooLarge:
      return "promptreg.max_template_size";
    case tmpl::Code::kNestingTooDeep:
      return "promptreg.max_nesting";
    case tmpl::Code::kSnippetTooDeep:
      return "promptreg.max_snippet_depth";
    case tmpl::Code::kProgramTooLarge:
      return "promptreg.max_program_operations";
    case tmpl::Code::kTooManyOperations:
      return "promptreg.max_render_operations";
    case tmpl::Code::kOutputTooLarge:
      return "promptreg.max_output_size";
    case tmpl::Code::kJsonTooDeep:
      return "promptreg.max_json_depth";
    default:
      return nullptr;
  }
}

}  // namespace

namespace {

// nullptr: there is none.
const char* Detail(const tmpl::Error& error) {
  const char* detail = error.list != nullptr ? error.list : error.detail;
  return detail[0] != '\0' ? ValidText(detail) : nullptr;
}

}  // namespace

void ReportTemplateError(const tmpl::Error& error, const char* where) {
  const char* setting = LimitSetting(error.code);
  const char* message = ValidText(error.message);
  const char* detail = Detail(error);
  const char* hint = error.hint[0] != '\0' ? ValidText(error.hint) : nullptr;
  if (setting != nullptr && detail == nullptr) {
    detail = psprintf("The limit is the setting %s.", setting);
  } else if (setting != nullptr && hint == nullptr) {
    hint = psprintf("The limit is the setting %s.", setting);
  } else if (error.code == tmpl::Code::kTooManyOperations) {
    hint = psprintf("%s The limit is the setting %s.", hint, setting);
  }
  ereport(ERROR, (errcode(SqlState(error.code)),
                  where != nullptr ? errmsg("%s: %s", where, message) : errmsg("%s", message),
                  detail != nullptr ? errdetail("%s", detail) : 0,
                  hint != nullptr ? errhint("%s", hint) : 0));
  pg_unreachable();
}

void WarnTemplateError(const tmpl::Error& error) {
  const char* detail = Detail(error);
  ereport(WARNING, (errcode(SqlState(error.code)), errmsg("%s", ValidText(error.message)),
                    detail != nullptr ? errdetail("%s", detail) : 0,
                    error.hint[0] != '\0' ? errhint("%s", ValidText(error.hint)) : 0));
}

}  // namespace promptreg::pg
