// Tables of the documentation, as tests read them.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace promptreg::testing {

// What a cell has as code, between as many backticks as are needed.
inline std::string Code(const std::string& cell) {
  const size_t begin = cell.find('`');
  if (begin == std::string::npos) return "";
  const size_t inner = cell.find_first_not_of('`', begin);
  const size_t ticks = inner - begin;
  const size_t blank = ticks > 1 ? 1 : 0;
  const size_t end = cell.rfind('`') + 1 - ticks;
  return cell.substr(inner + blank, end - inner - 2 * blank);
}

// The cells of a row; \| is a pipe, as Markdown has it.
inline std::vector<std::string> CodeCells(const std::string& line) {
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
inline std::string Unescaped(std::string text) {
  for (const auto& [written, meant] : {std::pair{"\\n", "\n"}, {"\\r", "\r"}}) {
    for (size_t at = 0; (at = text.find(written, at)) != std::string::npos;) {
      text.replace(at, 2, meant);
    }
  }
  return text;
}

}  // namespace promptreg::testing
