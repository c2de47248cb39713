// Collecting what is in the way of a request.
#pragma once

#include <string>

#include "core/request/request.h"

namespace promptreg::request {

class ProblemList {
 public:
  explicit ProblemList(Problems* problems) : problems_(problems) {}

  void Add(std::string line) {
    constexpr uint32_t kListed = 10;
    constexpr size_t kLine = 300;
    if (problems_->count++ >= kListed) return;
    if (line.size() > kLine) {
      size_t end = kLine;
      while ((static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
      line.resize(end);
      line += "...";
    }
    if (!problems_->lines.empty()) problems_->lines += '\n';
    problems_->lines += line;
  }

 private:
  Problems* problems_;
};

}  // namespace promptreg::request
