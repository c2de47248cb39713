// The table of edge cases in docs/templates.md: each row is rendered.
#include <fstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "unit/support.h"
#include "unit/tables.h"

namespace promptreg::testing {
namespace {

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
    const std::vector<std::string> cells = CodeCells(line);
    ASSERT_EQ(cells.size(), 3u) << line;
    Template source = {.texts = {Unescaped(cells[0])}, .syntax = syntax, .require_object = false};
    EXPECT_EQ(source.Render(cells[1]), Unescaped(cells[2])) << line;
    ++rows;
  }
  EXPECT_GE(rows, 170);
}

}  // namespace
}  // namespace promptreg::testing
