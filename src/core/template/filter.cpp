// The list of filters, and how they are written: name, or name(argument, ..).
#include <algorithm>
#include <charconv>

#include "core/template/date.h"
#include "core/template/lexer.h"
#include "core/template/parser.h"

namespace promptreg::tmpl {
namespace {

struct Form {
  std::string_view name;
  FilterId id;
  std::string_view arguments;  // v a literal, s a string, n a number; ? before what may be left out
  int32_t most = 0;            // n
  std::string_view example = {};
};

constexpr int32_t kMostCharacters = 1'000'000'000;
constexpr Form kForms[] = {
    {"default", FilterId::kDefault, "v", 0, "default(\"n/a\")"},
    {"json", FilterId::kJson, "?n", 16, "json or json(2)"},
    {"xml", FilterId::kXml, ""},
    {"html", FilterId::kHtml, ""},
    {"trim", FilterId::kTrim, ""},
    {"upper", FilterId::kUpper, ""},
    {"lower", FilterId::kLower, ""},
    {"truncate", FilterId::kTruncate, "n", kMostCharacters, "truncate(200)"},
    {"join", FilterId::kJoin, "s", 0, "join(\", \")"},
    {"length", FilterId::kLength, ""},
    {"first", FilterId::kFirst, ""},
    {"last", FilterId::kLast, ""},
    {"limit", FilterId::kLimit, "n", kMostCharacters, "limit(5)"},
    {"indent", FilterId::kIndent, "n", 1000, "indent(4)"},
    {"date", FilterId::kDate, "s?z", 0, "date(\"%Y-%m-%d\") or date(\"%H:%M\", \"+02:00\")"},
    {"fence", FilterId::kFence, "?l", 0, "fence or fence(\"json\")"},
    {"present", FilterId::kPresent, ""},
};

class FilterParser {
 public:
  FilterParser(std::string_view text, Ast* ast, Fault* fault)
      : lexer_(text), ast_(ast), fault_(fault) {}

  bool Run() {
    do {
      if (!ReadFilter()) return false;
    } while (lexer_.Take("|"));
    if (lexer_.token() == Lexer::Token::kEnd) return true;
    return Fail("expected a pipe or the end of the tag, found " + lexer_.Quote(), {});
  }

 private:
  bool Fail(std::string message, std::string hint) {
    fault_->position = lexer_.position();
    fault_->message = std::move(message);
    fault_->hint = std::move(hint);
    return false;
  }

  bool ReadFilter() {
    const bool word = lexer_.token() == Lexer::Token::kWord;
    const Form* const form =
        std::find_if(std::begin(kForms), std::end(kForms),
                     [&](const Form& known) { return word && lexer_.word() == known.name; });
    if (form == std::end(kForms)) {
      return word ? Fail("unknown filter \"" + QuoteTag(lexer_.word()) + "\"", ListOfFilters())
                  : Fail("expected a filter, found " + lexer_.Quote(), ListOfFilters());
    }
    lexer_.Next();
    FilterCall call;
    call.id = form->id;
    if (!ReadArguments(*form, &call)) return false;
    ast_->filters.push_back(std::move(call));
    return true;
  }

  static std::string ListOfFilters() {
    std::string list = "Filters are ";
    for (const Form& known : kForms) {
      if (&known != kForms) list += ", ";
      list += known.name;
    }
    return list + ".";
  }

  bool ReadArguments(const Form& form, FilterCall* call) {
    std::string_view wanted = form.arguments;
    bool optional = wanted.starts_with('?');
    const bool open = lexer_.Take("(");
    if (!open && (wanted.empty() || optional)) return true;
    bool first = true;
    while (!wanted.empty()) {
      optional = wanted.starts_with('?');
      if (optional) wanted.remove_prefix(1);
      if (!open || (optional && !first && lexer_.IsSign(")"))) break;
      if (!first && !lexer_.Take(",")) break;
      if (!ReadArgument(form, wanted[0], call)) return false;
      wanted.remove_prefix(1);
      first = false;
    }
    if (open && lexer_.Take(")") && !first) return true;
    if (form.arguments.empty()) return Fail(Named(form) + " takes no argument", {});
    return Fail(Named(form) + " is not written so", "Write " + std::string(form.example) + ".");
  }

  static std::string Named(const Form& form) { return "filter \"" + std::string(form.name) + "\""; }

  bool ReadArgument(const Form& form, char kind, FilterCall* call) {
    const size_t position = lexer_.position();
    Literal literal;
    const bool given = lexer_.TakeLiteral(&literal);
    const json::Kind wanted = kind == 'n' ? json::Kind::kNumber : json::Kind::kString;
    std::string problem;
    if (!given || (kind != 'v' && literal.kind != wanted)) {
      problem = kind == 'n'   ? "takes a number"
                : kind == 'v' ? "takes a string, a number, true or false"
                              : "takes a string";
    } else if (kind == 'n') {
      const char* end = literal.text.data() + literal.text.size();
      const auto [rest, failed] = std::from_chars(literal.text.data(), end, call->number);
      if (failed != std::errc() || rest != end || call->number < 0 || call->number > form.most) {
        problem = "takes a whole number from 0 to " + std::to_string(form.most);
      }
    } else if (kind == 'z') {
      if (!ParseOffset(literal.text, &call->number)) {
        problem = "takes a time zone like \"+02:00\" or \"UTC\"";
      }
    } else if (kind == 'l') {
      if (literal.text.find_first_of("`\r\n") != std::string::npos) {
        problem = "takes the name of a language, without backticks and line breaks";
      }
    } else if (form.id == FilterId::kDate) {
      problem = DateFormatProblem(literal.text);
    }
    if (!problem.empty()) {
      Fail(Named(form) + " " + problem, "Write " + std::string(form.example) + ".");
      fault_->position = position;
      return false;
    }
    if (kind != 'n' && kind != 'z') call->literal = std::move(literal);
    return true;
  }

  Lexer lexer_;
  Ast* ast_;
  Fault* fault_;
};

}  // namespace

bool ParseFilters(std::string_view text, Ast* ast, Fault* fault) {
  return FilterParser(text, ast, fault).Run();
}

bool Escapes(FilterId filter) {
  return filter == FilterId::kJson || filter == FilterId::kXml || filter == FilterId::kHtml;
}

}  // namespace promptreg::tmpl
