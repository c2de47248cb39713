// Working memory without destructors: what owns it may be left by a longjmp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>

namespace promptreg::json {

// A growing array of trivial things that reports when memory runs out.
template <typename T>
struct Buffer {
  T* data = nullptr;
  size_t capacity = 0;

  bool Reserve(size_t count) noexcept {
    if (count <= capacity) return true;
    size_t larger = capacity * 2;
    if (larger < count) larger = count;
    if (larger > SIZE_MAX / sizeof(T)) return false;
    void* moved = std::realloc(data, larger * sizeof(T));
    if (moved == nullptr) return false;
    data = static_cast<T*>(moved);
    capacity = larger;
    return true;
  }

  void Free() noexcept {
    std::free(data);
    data = nullptr;
    capacity = 0;
  }
};

}  // namespace promptreg::json
