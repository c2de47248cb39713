// Writes the workloads into a directory, for what measures them elsewhere:
//   write_workloads DIR
// For each, NAME.template, NAME.variables.json, NAME.snippets.json, NAME.pieces.json (an array) and
// NAME.output.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "core/json/builder.h"
#include "core/json/write.h"
#include "templates/workloads.h"

namespace promptreg::bench {
namespace {

void Write(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (file) return;
  std::fprintf(stderr, "cannot write %s\n", path.c_str());
  std::exit(1);
}

std::string Json(const std::string& container) {
  std::string text;
  json::AppendCompact(json::Value::FromContainer(container.data()), 100, &text);
  return text;
}

void WriteWorkload(const Workload& work, const std::string& directory) {
  const std::string path = directory + "/" + work.name;
  json::Builder pieces;
  pieces.BeginArray();
  for (const std::string& piece : work.pieces) pieces.String(piece);
  pieces.EndArray();
  Write(path + ".template", work.text);
  Write(path + ".variables.json", Json(work.variables));
  Write(path + ".snippets.json", Json(work.snippets));
  Write(path + ".pieces.json", Json(pieces.Finish()));
  Write(path + ".output", work.Output());
}

}  // namespace
}  // namespace promptreg::bench

int main(int count, char** arguments) {
  if (count != 2) return 2;
  for (const promptreg::bench::Workload& work : promptreg::bench::Workloads()) {
    promptreg::bench::WriteWorkload(work, arguments[1]);
  }
  return 0;
}
