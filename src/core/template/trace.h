// Where each byte of a rendering comes from, for those who ask: companions of a renderer.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "core/template/program.h"
#include "core/template/scratch.h"
#include "core/template/template.h"

namespace promptreg::tmpl {

// The origin of a value is one of the program's names, or one of these.
inline constexpr uint32_t kNoOrigin = UINT32_MAX;       // no variable
inline constexpr uint32_t kRootOrigin = kNoOrigin - 1;  // all variables at once

// An ordinary rendering's companion: it notes nothing, and nothing of it is left in the code.
struct NoTrace {
  static constexpr bool kOn = false;
};

// Notes the variable behind each context, behind the register, and behind each value in the output,
// and the text that each tag and each literal is written in.
class Trace {
 public:
  static constexpr bool kOn = true;
  Trace(const Layout& program, Scratch* scratch) noexcept : program_(program), scratch_(scratch) {}

  bool SetContext(uint32_t frame, uint32_t origin) noexcept {
    if (!scratch_->origins.Reserve(size_t{frame} + 1)) return false;
    scratch_->origins.data[frame] = origin;
    return true;
  }
  uint32_t context(uint32_t frame) const noexcept { return scratch_->origins.data[frame]; }

  // What an operation has printed. These return false if memory runs out.
  bool AddValue(const Op& op, size_t begin, size_t end, uint32_t origin) noexcept {
    const std::span<const TextSource> sources = program_.sources();
    const auto index = static_cast<uint32_t>(&op - program_.ops());
    const auto next = std::upper_bound(
        sources.begin(), sources.end(), index,
        [](uint32_t wanted, const TextSource& source) { return wanted < source.op; });
    std::string_view name;
    if (origin == kRootOrigin) {
      name = ".";
    } else if (origin != kNoOrigin) {
      name = program_.name(origin);
    }
    return Add(begin, end, name, SnippetBefore(next));
  }

  // The literal of an operation, which can be made of several texts. The indentation before it
  // belongs to the first.
  bool AddLiteral(const Op& op, size_t begin, size_t end) noexcept {
    const std::span<const TextSource> sources = program_.sources();
    const size_t literal = end - op.length;  // where it starts in the output
    auto next = std::upper_bound(
        sources.begin(), sources.end(), op.text,
        [](uint32_t wanted, const TextSource& source) { return wanted < source.text; });
    for (; next != sources.end() && next->text < op.text + op.length; ++next) {
      const size_t until = literal + (next->text - op.text);
      if (!Add(begin, until, {}, SnippetBefore(next))) return false;
      begin = until;
    }
    return Add(begin, end, {}, SnippetBefore(next));
  }

  std::span<const Span> spans() const noexcept { return {scratch_->spans.data, count_}; }
  bool failed() const noexcept { return failed_; }

  uint32_t loaded = kNoOrigin;  // into the register

 private:
  std::string_view SnippetBefore(std::span<const TextSource>::iterator next) const noexcept {
    return program_.snippet(next == program_.sources().begin() ? 0 : next[-1].snippet);
  }

  // Text of a template joins that before it.
  bool Add(size_t begin, size_t end, std::string_view name, std::string_view snippet) noexcept {
    if (begin == end) return true;
    Span* const last = count_ == 0 ? nullptr : &scratch_->spans.data[count_ - 1];
    if (name.empty() && last != nullptr && last->name.empty() && last->snippet == snippet) {
      last->end = end;
      return true;
    }
    failed_ = !scratch_->spans.Reserve(count_ + 1);
    if (failed_) return false;
    scratch_->spans.data[count_++] = {.begin = begin, .end = end, .name = name, .snippet = snippet};
    return true;
  }

  const Layout& program_;
  Scratch* scratch_;
  size_t count_ = 0;
  bool failed_ = false;  // memory ran out
};

}  // namespace promptreg::tmpl
