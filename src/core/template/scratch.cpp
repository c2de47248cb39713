#include "core/template/scratch.h"

#include <new>
#include <type_traits>

namespace promptreg::tmpl {

static_assert(std::is_trivially_destructible_v<Scratch>);
static_assert(std::is_trivially_copyable_v<json::Value> &&
              std::is_trivially_copyable_v<json::Cursor>);

Scratch* NewScratch() noexcept {
  void* memory = std::malloc(sizeof(Scratch));
  return memory == nullptr ? nullptr : new (memory) Scratch;
}

void ReleaseScratch(Scratch* scratch) noexcept {
  if (scratch == nullptr) return;
  scratch->out.Free();
  for (Buffer<char>& text : scratch->texts) text.Free();
  scratch->slots.Free();
  scratch->coerced.Free();
  scratch->list.Free();
  scratch->frames.Free();
  scratch->returns.Free();
  scratch->indent.Free();
  scratch->levels.Free();
  scratch->origins.Free();
  scratch->spans.Free();
  std::free(scratch);
}

}  // namespace promptreg::tmpl
