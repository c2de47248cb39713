// Applying filters to values. What a filter makes lives in working memory until the next value is
// filtered; what it only picks from its value is left where it is.
#pragma once

#include "core/template/output.h"
#include "core/template/program.h"
#include "core/template/scratch.h"
#include "core/template/template.h"

namespace promptreg::tmpl {

class Filters {
 public:
  Filters(const Layout& program, const RenderOptions& options, Scratch* scratch) noexcept
      : program_(program), options_(options), scratch_(scratch) {}

  // `count` filters in turn, from an index on. False: code() and, of a value that a filter does not
  // take, culprit() say why.
  bool Apply(uint32_t first, uint32_t count, json::Value* value) noexcept;

  Code code() const noexcept { return code_; }
  json::Value culprit() const noexcept { return culprit_; }
  uint64_t work() const noexcept { return work_; }  // of the last Apply, in bytes

 private:
  json::Value ApplyOne(const FilterEntry& filter, json::Value value) noexcept;
  bool Poll() noexcept;
  Output Begin() noexcept;
  json::Value Finish(const Output& out) noexcept;
  json::Value Text(json::Value value) noexcept;
  json::Value Number(uint64_t number) noexcept;

  json::Value Json(json::Value value, uint32_t indent) noexcept;
  json::Value Markup(std::string_view text, bool xml) noexcept;
  json::Value Case(std::string_view text, bool upper) noexcept;
  json::Value CaseOfEncoding(std::string_view text, bool upper) noexcept;
  json::Value Length(json::Value value) noexcept;
  json::Value Trim(std::string_view text) noexcept;
  uint64_t Count(std::string_view text) noexcept;
  size_t Prefix(std::string_view text, uint64_t characters) noexcept;
  struct Walked {
    uint64_t characters = 0;
    size_t end = 0;   // in bytes
    size_t last = 0;  // where the last character starts
  };
  Walked Walk(std::string_view text, uint64_t characters) noexcept;
  json::Value Truncate(std::string_view text, uint32_t characters) noexcept;
  json::Value Join(json::Value value, std::string_view separator) noexcept;
  json::Value Limit(json::Value value, uint32_t count) noexcept;
  json::Value Last(json::Value value) noexcept;
  json::Value Indent(std::string_view text, uint32_t blanks) noexcept;
  json::Value Date(json::Value value, const FilterEntry& filter) noexcept;
  json::Value Fence(std::string_view text, std::string_view language) noexcept;

  const Layout& program_;
  const RenderOptions& options_;
  Scratch* const scratch_;
  json::Value culprit_;
  uint64_t work_ = 0;
  uint32_t buffer_ = 0;  // the one to be written next; the other may hold the value
  Code code_ = Code::kOk;
  char number_[16];
};

}  // namespace promptreg::tmpl
