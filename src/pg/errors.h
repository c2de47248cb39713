// SQLSTATEs of the extension, and reporting what the core returns. docs/errors.md lists them all.
#pragma once

#include "core/template/template.h"
#include "pg/server.h"

namespace promptreg::pg {

inline constexpr int kUndefinedPrompt = MAKE_SQLSTATE('P', 'R', '0', '0', '1');
inline constexpr int kUndefinedVersion = MAKE_SQLSTATE('P', 'R', '0', '0', '4');
inline constexpr int kMissingVariable = MAKE_SQLSTATE('P', 'R', '0', '1', '0');
inline constexpr int kInvalidVariable = MAKE_SQLSTATE('P', 'R', '0', '1', '1');
inline constexpr int kVariablesNotObject = MAKE_SQLSTATE('P', 'R', '0', '1', '2');
inline constexpr int kUnknownVariable = MAKE_SQLSTATE('P', 'R', '0', '1', '3');
inline constexpr int kInvalidHistory = MAKE_SQLSTATE('P', 'R', '0', '1', '6');
inline constexpr int kTemplateSyntax = MAKE_SQLSTATE('P', 'R', '0', '2', '0');
inline constexpr int kUndefinedSnippet = MAKE_SQLSTATE('P', 'R', '0', '2', '1');
inline constexpr int kUndeclaredVariable = MAKE_SQLSTATE('P', 'R', '0', '2', '2');
inline constexpr int kSnippetConflict = MAKE_SQLSTATE('P', 'R', '0', '2', '3');
inline constexpr int kNoCounterpart = MAKE_SQLSTATE('P', 'R', '0', '2', '4');
inline constexpr int kMissingSnippets = MAKE_SQLSTATE('P', 'R', '0', '2', '6');
inline constexpr int kTemplateTooLarge = MAKE_SQLSTATE('P', 'R', '0', '3', '0');
inline constexpr int kNestingTooDeep = MAKE_SQLSTATE('P', 'R', '0', '3', '1');
inline constexpr int kSnippetTooDeep = MAKE_SQLSTATE('P', 'R', '0', '3', '2');
inline constexpr int kProgramTooLarge = MAKE_SQLSTATE('P', 'R', '0', '3', '3');
inline constexpr int kTooManyOperations = MAKE_SQLSTATE('P', 'R', '0', '3', '4');
inline constexpr int kOutputTooLarge = MAKE_SQLSTATE('P', 'R', '0', '3', '5');
inline constexpr int kJsonTooDeep = MAKE_SQLSTATE('P', 'R', '0', '3', '6');
inline constexpr int kPatternsTooLarge = MAKE_SQLSTATE('P', 'R', '0', '3', '7');
inline constexpr int kKindMismatch = MAKE_SQLSTATE('P', 'R', '0', '4', '3');
inline constexpr int kInvalidDeclaration = MAKE_SQLSTATE('P', 'R', '0', '4', '4');
inline constexpr int kInvalidMessages = MAKE_SQLSTATE('P', 'R', '0', '4', '5');
inline constexpr int kInvalidArgument = MAKE_SQLSTATE('P', 'R', '0', '4', '6');
inline constexpr int kPlaceholderName = MAKE_SQLSTATE('P', 'R', '0', '4', '7');
inline constexpr int kUnsupportedRequest = MAKE_SQLSTATE('P', 'R', '0', '4', '8');
inline constexpr int kUndefinedProvider = MAKE_SQLSTATE('P', 'R', '0', '4', '9');
inline constexpr int kInvalidExecution = MAKE_SQLSTATE('P', 'R', '0', '8', '0');

// ereport(ERROR) for a failure of the template engine. `where` names the text, such as "message 2";
// may be null.
[[noreturn]] void ReportTemplateError(const tmpl::Error& error, const char* where);

// The same as a WARNING.
void WarnTemplateError(const tmpl::Error& error);

}  // namespace promptreg::pg
