// The tables of docs/import.md: what they say is converted is, and what they say is refused is.
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "core/import/dotprompt.h"
#include "core/import/langfuse.h"
#include "unit/support.h"
#include "unit/tables.h"

namespace promptreg::testing {
namespace {

bool FromLangfuse(const std::string& text, std::string* converted) {
  tmpl::Error error;
  return imports::ConvertLangfuse(text, converted, &error);
}

bool FromDotprompt(const std::string& text, std::string* converted) {
  constexpr char kSchema[] =
      "---\ninput:\n  schema:\n    name: string\n    x: string\n    list(array): string\n"
      "    items(array): {a: string, b: string}\n    user: {name: string}\n---\n";
  std::string container;
  tmpl::Error error;
  if (!imports::ConvertDotprompt(kSchema + text, true, &container, &error)) return false;
  const json::Value content = json::Value::FromContainer(container.data());
  json::Cursor messages(content.Find("messages"));
  if (messages.Next()) *converted = messages.value().Find("content").string();
  return true;
}

TEST(Documentation, ImportsAreAsTheTablesSay) {
  std::ifstream file(std::string(PROMPTREG_SOURCE_DIR) + "/docs/import.md");
  ASSERT_TRUE(file.is_open());
  std::string section;
  int rows = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) section = line.substr(3);
    if ((section != "Langfuse" && section != "Dotprompt") || !line.starts_with("| `")) continue;
    const bool refused = line.find("` | refused") != std::string::npos;
    if (!refused && line.find("` | `") == std::string::npos) continue;
    const std::vector<std::string> cells = CodeCells(line);
    ASSERT_EQ(cells.size(), 2U) << line;
    std::string converted;
    const auto convert = section == "Langfuse" ? FromLangfuse : FromDotprompt;
    EXPECT_NE(convert(Unescaped(cells[0]), &converted), refused) << line;
    if (!refused) {
      EXPECT_EQ(converted, Unescaped(cells[1])) << line;
    }
    ++rows;
  }
  EXPECT_GE(rows, 36);
}

}  // namespace
}  // namespace promptreg::testing
