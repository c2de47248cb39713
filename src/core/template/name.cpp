#include <algorithm>
#include <array>

#include "core/template/error_text.h"
#include "core/template/parser.h"

namespace promptreg::tmpl {
namespace {

constexpr size_t kNameBytes = 1000;
constexpr size_t kPathNames = 64;

// White space beyond ASCII looks like a blank in a tag but would make another name.
bool StartsWithWideSpace(std::string_view text) {
  static constexpr std::string_view kSpaces[] = {"\u00A0", "\u1680", "\u2028", "\u2029",
                                                 "\u202F", "\u205F", "\u3000", "\uFEFF"};
  if (text.starts_with("\xE2\x80") && text.size() >= 3 &&
      static_cast<unsigned char>(text[2]) <= 0x8B) {  // U+2000 to U+200B
    return true;
  }
  return std::any_of(std::begin(kSpaces), std::end(kSpaces),
                     [&](std::string_view space) { return text.starts_with(space); });
}

bool IsNameByte(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (byte <= 0x20 || byte == 0x7F) return false;
  constexpr std::string_view kReserved = "\"'`(){}[]<>|,;:=\\&#^!*@.";
  return kReserved.find(c) == std::string_view::npos;
}

}  // namespace

std::string_view NameProblem(std::string_view name) {
  if (name.empty()) return "an empty name";
  if (name.size() > kNameBytes) return "a name that is too long";
  for (size_t i = 0; i < name.size(); ++i) {
    const auto byte = static_cast<unsigned char>(name[i]);
    if (byte == ' ' || (byte >= '\t' && byte <= '\r')) return "white space";
    if (name[i] == '|') return "a pipe";
    if (!IsNameByte(name[i])) return "a character that no name has";
    if (byte >= 0x80 && StartsWithWideSpace(name.substr(i))) return "white space beyond ASCII";
  }
  return {};
}

std::string_view IdentifierProblem(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (std::all_of(name.begin(), name.end(), digit)) return "a number";
  const bool marks = !std::all_of(name.begin(), name.end(),
                                  [&](char c) { return letter(c) || digit(c) || c == '-'; });
  if (marks) return "a mark that is in no name of a variable";
  return letter(name[0]) ? std::string_view() : "no name begins so";
}

std::string_view PathProblem(std::string_view path) {
  if (path == ".") return {};
  size_t names = 0;
  for (size_t start = 0; start <= path.size();) {
    if (++names > kPathNames) return "too many names";
    const size_t dot = std::min(path.find('.', start), path.size());
    const std::string_view problem = NameProblem(path.substr(start, dot - start));
    if (!problem.empty()) return problem;
    start = dot + 1;
  }
  return {};
}

std::string_view SnippetProblem(std::string_view name) {
  if (name.size() > kNameBytes) return "a name that is too long";
  for (const char c : name) {
    if (c == ' ' || (c >= '\t' && c <= '\r')) return "white space";
    if (c == '|') return "a pipe";
    if (static_cast<unsigned char>(c) < 0x20 ||
        std::string_view("\"'`(){}[]<>\\").find(c) != std::string_view::npos) {
      return "a character that no name has";
    }
  }
  return {};
}

std::string_view SpecialNames() {
  return "@index, @index1, @first, @last, @now";
}

bool FindSpecial(std::string_view name, Special* special) {
  struct Entry {
    std::string_view name;
    Special special;
  };
  static constexpr Entry kNames[] = {{"@index", Special::kIndex},
                                     {"@index1", Special::kIndex1},
                                     {"@first", Special::kFirst},
                                     {"@last", Special::kLast},
                                     {"@now", Special::kNow}};
  for (const Entry& entry : kNames) {
    if (entry.name != name) continue;
    *special = entry.special;
    return true;
  }
  return false;
}

std::string QuoteTag(std::string_view tag) {
  constexpr size_t kShown = 60;
  std::string quoted(CutText(tag, kShown));
  std::replace_if(
      quoted.begin(), quoted.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; },
      ' ');
  if (quoted.size() < tag.size()) quoted += "...";
  return quoted;
}

}  // namespace promptreg::tmpl
