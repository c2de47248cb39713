// jsonb data as the core reads them, in place.
#pragma once

#include <cstring>
#include <new>
#include <string_view>

#include "core/json/value.h"
#include "pg/server.h"

namespace promptreg::pg {

// The core reads PostgreSQL's storage format; it must be the one it was written for.
static_assert(JENTRY_OFFLENMASK == 0x0FFFFFFF && JENTRY_TYPEMASK == 0x70000000 &&
              JENTRY_HAS_OFF == 0x80000000);
static_assert(JENTRY_ISSTRING == 0 && JENTRY_ISNUMERIC == 0x10000000 &&
              JENTRY_ISBOOL_FALSE == 0x20000000 && JENTRY_ISBOOL_TRUE == 0x30000000 &&
              JENTRY_ISNULL == 0x40000000 && JENTRY_ISCONTAINER == 0x50000000);
static_assert(JB_CMASK == 0x0FFFFFFF && JB_FSCALAR == 0x10000000 && JB_FOBJECT == 0x20000000 &&
              JB_FARRAY == 0x40000000 && JB_OFFSET_STRIDE == 32);

inline json::Value JsonView(Jsonb* value) {
  return json::Value::FromContainer(&value->root);
}

// {}
inline json::Value EmptyObject() {
  alignas(8) static const uint32 container[2] = {JB_FOBJECT, 0};
  return json::Value::FromContainer(container);
}

// A jsonb datum of a container, in the current context. To be called within Guarded; throws
// std::bad_alloc.
inline Jsonb* NewJsonb(std::string_view container) {
  if (container.empty() || container.size() > MaxAllocSize - VARHDRSZ) throw std::bad_alloc();
  const Size size = VARHDRSZ + container.size();
  auto* value = static_cast<Jsonb*>(
      MemoryContextAllocExtended(CurrentMemoryContext, size, MCXT_ALLOC_NO_OOM));
  if (value == nullptr) throw std::bad_alloc();
  SET_VARSIZE(value, size);
  memcpy(VARDATA(value), container.data(), container.size());
  return value;
}

}  // namespace promptreg::pg
