#include "core/template/scratch.h"

#include <cstdlib>
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

namespace {

template <typename T>
void TrimBuffer(Buffer<T>* buffer) noexcept {
  constexpr size_t kKept = size_t{1} << 20;
  if (buffer->capacity > kKept / sizeof(T)) buffer->Free();
}

}  // namespace

void TrimScratch(Scratch* scratch) noexcept {
  TrimBuffer(&scratch->out);
  for (Buffer<char>& text : scratch->texts) TrimBuffer(&text);
  TrimBuffer(&scratch->slots);
  TrimBuffer(&scratch->coerced);
  TrimBuffer(&scratch->frames);
  TrimBuffer(&scratch->returns);
  TrimBuffer(&scratch->indent);
  TrimBuffer(&scratch->levels);
  TrimBuffer(&scratch->origins);
  TrimBuffer(&scratch->spans);
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
