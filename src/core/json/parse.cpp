#include "core/json/parse.h"

#include <new>

#include "core/json/outline.h"

namespace promptreg::json {
namespace {

struct OwnedOutline : Outline {
  OwnedOutline() = default;
  OwnedOutline(const OwnedOutline&) = delete;
  OwnedOutline& operator=(const OwnedOutline&) = delete;
  ~OwnedOutline() { Free(); }
};

}  // namespace

std::string Parse(std::string_view text, const ParseOptions& options) {
  OwnedOutline outline;
  std::string container;
  Outcome outcome = Scan(text, options, nullptr, &outline);
  if (outcome == Outcome::kOk) {
    container.resize(outline.size);
    size_t length = 0;
    outcome = Write(&outline, nullptr, container.data(), &length);
    container.resize(length);
  }
  if (outcome == Outcome::kOutOfMemory) throw std::bad_alloc();
  return container;
}

}  // namespace promptreg::json
