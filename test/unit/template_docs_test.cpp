// The table of edge cases in docs/templates.md: each row is rendered.
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "unit/support.h"

namespace promptreg::testing {
namespace {

// What a cell has as code, between as many backticks as are needed.
std::string Code(const std::string& cell) {
  const size_t begin = cell.find('`');
  if (begin == std::string::npos) return "";
  const size_t inner = cell.find_first_not_of('`', begin);
  const size_t ticks = inner - begin;
  const size_t blank = ticks > 1 ? 1 : 0;
  const size_t end = cell.rfind('`') + 1 - ticks;
  return cell.substr(inner + blank, end - inner - 2 * blank);
}

// The cells of a row; \| is a pipe, as Markdown has it.
std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  std::string cell;
  for (size_t i = 1; i < line.size(); ++i) {
    if (line[i] == '|') {
      cells.push_back(Code(cell));
      cell.clear();
    } else {
      if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') ++i;
      cell += line[i];
    }
  }
  return cells;
}

// A result is written as it is, with line breaks as \n and \r.
std::string Unescaped(std::string text) {
  for (const auto& [written, meant] : {std::pair{"\\n", "\n"}, {"\\r", "\r"}}) {
    for (size_t at = 0; (at = text.find(written, at)) != std::string::npos;) {
      text.replace(at, 2, meant);
    }
  }
  return text;
}

TEST(Documentation, EdgeCasesAreAsTheTableSays) {
  std::ifstream file(std::string(PROMPTREG_SOURCE_DIR) + "/docs/templates.md");
  ASSERT_TRUE(file.is_open());
  bool within = false;
  tmpl::Syntax syntax = tmpl::Syntax::kMustache;
  int rows = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("#")) {
      within = line.find("Edge cases") != std::string::npos;
      const bool fstrings = line.ends_with(" f-strings");
      syntax = fstrings ? tmpl::Syntax::kFString : tmpl::Syntax::kMustache;
    }
    if (!within || !line.starts_with("| `")) continue;
    const std::vector<std::string> cells = Cells(line);
    ASSERT_EQ(cells.size(), 3u) << line;
    Template source = {.texts = {Unescaped(cells[0])}, .syntax = syntax, .require_object = false};
    EXPECT_EQ(source.Render(cells[1]), Unescaped(cells[2])) << line;
    ++rows;
  }
  EXPECT_GE(rows, 170);
}

}  // namespace
}  // namespace promptreg::testing
