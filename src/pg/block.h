// Blocks of memory that hold many things, to be freed at once.
#pragma once

#include "pg/server.h"

namespace promptreg::pg {

// Lays things out one behind the other in a block of known size.
class Block {
 public:
  Block(char* begin, size_t used) : base_(begin), used_(used) {}

  void* Add(const void* source, size_t size) {
    char* to = base_ + used_;
    if (size > 0) memcpy(to, source, size);
    used_ += MAXALIGN(size);
    return to;
  }
  const text* AddText(std::string_view value) {
    char* to = base_ + used_;
    SET_VARSIZE(to, VARHDRSZ + value.size());
    if (!value.empty()) memcpy(VARDATA(to), value.data(), value.size());
    used_ += MAXALIGN(VARHDRSZ + value.size());
    return reinterpret_cast<const text*>(to);
  }
  const Jsonb* AddJsonb(const Jsonb* value) {
    return static_cast<Jsonb*>(Add(value, VARSIZE(value)));
  }

 private:
  char* base_;
  size_t used_;
};

inline size_t TextSpace(std::string_view value) {
  return MAXALIGN(VARHDRSZ + value.size());
}

}  // namespace promptreg::pg
