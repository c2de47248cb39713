// The wall: C++ exceptions must not leave C++, and PostgreSQL's longjmp must not cross an object
// with a destructor.
//
// Code in src/pg holds trivially destructible locals only. What can throw runs inside Guarded,
// which catches into a plain struct; the caller reports it after the handler has been left. Inside
// Guarded no server function may be called, except MemoryContextAllocExtended with
// MCXT_ALLOC_NO_OOM and a checked size.
#pragma once

#include <cstring>
#include <exception>
#include <new>
#include <utility>

namespace promptreg::pg {

struct Caught {
  bool out_of_memory = false;
  char what[256] = {};  // empty: nothing was caught
};

template <typename Body>
[[nodiscard]] Caught Guarded(Body&& body) noexcept {
  Caught caught;
  try {
    std::forward<Body>(body)();
  } catch (const std::bad_alloc&) {
    caught.out_of_memory = true;
    std::strncpy(caught.what, "out of memory", sizeof(caught.what) - 1);
  } catch (const std::exception& error) {
    std::strncpy(caught.what, error.what(), sizeof(caught.what) - 1);
  } catch (...) {
    std::strncpy(caught.what, "unknown C++ exception", sizeof(caught.what) - 1);
  }
  return caught;
}

// ereport(ERROR) if something was caught.
void ReportCaught(const Caught& caught);

}  // namespace promptreg::pg
