// JSON text into the layout of jsonb, in two passes over memory that is used again and again. The
// first checks the text and notes what stands where in it; the second writes it. Strings without
// escapes stay in the text until then, so that they are copied once.
//
// Nothing here throws or recurses, and both passes look at a flag of the caller's.
#pragma once

#include <csignal>
#include <cstdint>
#include <string_view>

#include "core/json/buffer.h"
#include "core/json/parse.h"
#include "core/json/value.h"

namespace promptreg::json {

enum class Outcome : uint8_t { kOk, kRefused, kInterrupted, kOutOfMemory };

// One value, or the key of one.
struct Note {
  uint32_t begin = 0;   // of a string or a number
  uint32_t length = 0;  // its bytes; of a container, how many members it has
  uint32_t next = 0;    // behind the last note of what it holds
  Kind kind = Kind::kNull;
  bool made = false;  // its bytes are not the text's own
};

// A container that is being written.
struct OpenContainer {
  uint32_t head = 0;    // where it starts
  uint32_t base = 0;    // where its members' bytes start
  uint32_t member = 0;  // where the one that is being written starts
  uint32_t index = 0;   // of the next entry
  uint32_t left = 0;    // members whose values are still to come
  uint32_t next = 0;    // the note of the next value; of an object, the place of its key in `order`
  bool object = false;
};

struct Outline {
  std::string_view text;
  Buffer<Note> notes;  // in the order of the text; a key comes before its value
  uint32_t count = 0;
  Buffer<char> made;  // strings that have escapes, and numbers as PostgreSQL stores them
  uint32_t made_length = 0;
  uint32_t size = 0;  // the layout has at most so many bytes
  uint32_t depth = 0;
  Buffer<OpenContainer> open;
  Buffer<uint32_t> order;  // keys of the containers that are being written, in the layout's order

  std::string_view bytes(const Note& note) const {
    return {(note.made ? made.data : text.data()) + note.begin, note.length};
  }
  size_t capacity() const {
    return notes.capacity * sizeof(Note) + made.capacity + open.capacity * sizeof(OpenContainer) +
           order.capacity * sizeof(uint32_t);
  }
  void Free() noexcept {
    notes.Free();
    made.Free();
    open.Free();
    order.Free();
  }
};

using Interrupt = const volatile std::sig_atomic_t*;  // null: none; non-zero: stop

// kRefused: for the reasons of Parse, or a layout that would be too large.
Outcome Scan(std::string_view text, const ParseOptions& options, Interrupt interrupt,
             Outline* outline) noexcept;

// After a Scan that was kOk, into outline->size bytes, aligned to 4; *length: how many they are.
Outcome Write(Outline* outline, Interrupt interrupt, char* out, size_t* length) noexcept;

}  // namespace promptreg::json
