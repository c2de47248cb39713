// Working memory of renderings. Plain memory without destructors: what owns it may be left by a
// longjmp.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/json/buffer.h"
#include "core/json/value.h"
#include "core/template/template.h"

namespace promptreg::tmpl {

using json::Buffer;

// A context of the stack, and where the section that pushed it stands.
struct Frame {
  json::Value context;
  const char* entries = nullptr;  // of the list that is being walked
  const char* base = nullptr;
  uint32_t count = 0;    // elements still to come
  uint32_t offset = 0;   // where the next one starts
  uint32_t index = 0;    // which one that is
  uint32_t objects = 0;  // the innermost frame from here on outwards that is an object; 0: none
  uint32_t loop = 0;     // the innermost one that walks a list
};

// A snippet that has been called.
struct Return {
  uint32_t op = 0;                            // to go on with
  uint32_t indent_begin = 0, indent_end = 0;  // the indentation in force before
};

struct Scratch {
  Buffer<char> out;
  Buffer<char> texts[2];  // of filters: one is read while the other is written
  Buffer<json::Value> slots;
  Buffer<char> coerced;  // values that were made of others
  Buffer<char> list;     // of what is wrong with variables
  Buffer<Frame> frames;
  Buffer<Return> returns;
  Buffer<char> indent;
  Buffer<json::Cursor> levels;  // of JSON that is being written
  Buffer<uint32_t> origins;     // of a traced rendering: of each frame
  Buffer<Span> spans;           // and of the output
  json::Value root;
  uint64_t operations = 0;  // spent by the renderings since Bind
  uint64_t bytes = 0;
};

}  // namespace promptreg::tmpl
