// Three prompts to render, for every benchmark of templates:
//   a    1 KB, 6 scalars
//   b    8 KB, 20 variables, 2 conditions, 10 examples in a loop, 2 snippets
//   c  106 KB, 50 documents in a loop
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace promptreg::bench {

struct Workload {
  char name = 0;
  std::string text;
  std::string variables;  // JSON containers
  std::string snippets;
  std::vector<std::string> pieces;  // of the output, as a rendering copies them

  std::string Output() const;
};

// All three, made once.
const std::vector<Workload>& Workloads();

}  // namespace promptreg::bench
