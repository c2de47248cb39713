#include "pg/errors.h"

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
    case tmpl::Code::kOk: break;
    case tmpl::Code::kInterrupted: return ERRCODE_QUERY_CANCELED;
    case tmpl::Code::kOutOfMemory: return ERRCODE_OUT_OF_MEMORY;
    case tmpl::Code::kSyntax: return kTemplateSyntax;
    case tmpl::Code::kUndefinedSnippet: return kUndefinedSnippet;
    case tmpl::Code::kInvalidDeclaration: return kInvalidDeclaration;
    case tmpl::Code::kUndeclaredVariable: return kUndeclaredVariable;
    case tmpl::Code::kNotAnObject: return kVariablesNotObject;
    case tmpl::Code::kMissingVariable: return kMissingVariable;
    case tmpl::Code::kInvalidVariable: return kInvalidVariable;
    case tmpl::Code::kTemplateTooLarge: return kTemplateTooLarge;
    case tmpl::Code::kNestingTooDeep: return kNestingTooDeep;
    case tmpl::Code::kSnippetTooDeep: return kSnippetTooDeep;
    case tmpl::Code::kProgramTooLarge: return kProgramTooLarge;
    case tmpl::Code::kTooManyOperations: return kTooManyOperations;
    case tmpl::Code::kOutputTooLarge: return kOutputTooLarge;
    case tmpl::Code::kJsonTooDeep: return kJsonTooDeep;
  }
  return ERRCODE_INTERNAL_ERROR;
}

}  // namespace

void ReportTemplateError(const tmpl::Error& error, const char* where) {
  ereport(ERROR, (errcode(SqlState(error.code)),
                  where != nullptr ? errmsg("%s: %s", where, error.message) : errmsg("%s", error.message),
                  error.detail[0] != '\0' ? errdetail("%s", error.detail) : 0,
                  error.hint[0] != '\0' ? errhint("%s", error.hint) : 0));
  pg_unreachable();
}

}  // namespace promptreg::pg
