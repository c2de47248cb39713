// The tables of docs/import.md: what they say is converted is, and what they say is refused is.
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "core/import/langfuse.h"
#include "unit/support.h"
#include "unit/tables.h"

namespace promptreg::testing {
namespace {

bool Convert(const std::string& text, std::string* converted) {
  tmpl::Error error;
  return imports::ConvertLangfuse(text, converted, &error);
}

TEST(Documentation, ImportsAreAsTheTablesSay) {
  std::ifstream file(std::string(PROMPTREG_SOURCE_DIR) + "/docs/import.md");
  ASSERT_TRUE(file.is_open());
  std::string section;
  int rows = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) section = line.substr(3);
    if (section != "Langfuse" || !line.starts_with("| `")) continue;
    const bool refused = line.find("| refused") != std::string::npos;
    const std::vector<std::string> cells = CodeCells(line);
    ASSERT_EQ(cells.size(), 2U) << line;
    std::string converted;
    EXPECT_NE(Convert(Unescaped(cells[0]), &converted), refused) << line;
    if (!refused) {
      EXPECT_EQ(converted, Unescaped(cells[1])) << line;
    }
    ++rows;
  }
  EXPECT_GE(rows, 12);
}

}  // namespace
}  // namespace promptreg::testing
