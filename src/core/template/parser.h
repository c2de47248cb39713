// From texts to nodes, in linear time and without recursion.
#pragma once

#include <string_view>

#include "core/template/ast.h"
#include "core/template/template.h"

namespace promptreg::tmpl {

// `ast` views `text`. False: *fault says why.
bool Parse(std::string_view text, Syntax syntax, const Limits& limits, Ast* ast, Fault* fault);

// mustache, fstring or none. False: it is none of them.
bool FindSyntax(std::string_view name, Syntax* syntax);

// The parts of Parse.
bool ParseMustache(std::string_view text, const Limits& limits, Ast* ast, Fault* fault);
bool ParseFString(std::string_view text, const Limits& limits, Ast* ast, Fault* fault);

// What is wrong with a name; empty: nothing. Names are made of letters, digits, most marks that
// mean nothing in a tag, and all characters beyond ASCII but white space; they are bounded, so that
// looking one up is.
std::string_view NameProblem(std::string_view name);

// What keeps a name that nobody has declared from being that of a variable; empty: nothing. Names
// are letters, digits, underscores and hyphens, and begin with one of the first or an underscore.
std::string_view IdentifierProblem(std::string_view name);

// As NameProblem, for a path: names joined by dots, or a single dot.
std::string_view PathProblem(std::string_view path);

// The same for what names a snippet: like prompts, with folders and a version or an environment, as
// in a/b@3.
std::string_view SnippetProblem(std::string_view name);

// Whether a name, which starts with @, is one of those that are no variables.
bool FindSpecial(std::string_view name, Special* special);
std::string_view SpecialNames();  // as a list

// What follows the first pipe of a tag: filters, which are added to the tree. False: *fault says
// why, with the position counted from the start of `text`.
bool ParseFilters(std::string_view text, Ast* ast, Fault* fault);

// A condition, whose terms are added to the tree; `text` is part of the tree's text. False: *fault
// says why.
bool ParseCondition(std::string_view text, const Limits& limits, Ast* ast, uint32_t* root,
                    Fault* fault);

// Whether what a filter gives is not to be escaped.
bool Escapes(FilterId filter);

// A tag as it is quoted in messages: shortened, on one line.
std::string QuoteTag(std::string_view tag);

}  // namespace promptreg::tmpl
