// A compiled program: one block of bytes without pointers, in the order in which a rendering reads
// it.
//
//   Header | first operation of each part | NameEntry[] | text of names | Op[] | paths | literal
//   text | ChoiceEntry[] | text of choices | SnippetEntry[] | TextSource[] | text of snippets'
//   names | SlotVariable[] | VariableEntry[] | FilterEntry[] | JSON containers (declarations,
//   literals) | position of each operation | TextEntry[] | texts
//
// What is behind the containers is for messages alone.
//
// All offsets count from the start of the block.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/template/ast.h"
#include "core/template/template.h"

namespace promptreg::tmpl {

// Every operation first writes its literal: the text between the previous tag and its own.
enum class OpCode : uint8_t {
  kText,    // nothing else
  kEnd,     // of a part
  kReturn,  // of a snippet that is called
  kCall,  // arg: first operation of the snippet; name: length of the indentation behind the literal
  kDispatch,  // a call of the snippet that the register names, if the table at arg has it
  kFilter,    // the register; arg: the first filter, name: how many
  kBranch,    // to arg, if the comparison that name says comes out as its kSenseBit says
  kJump,      // to arg

  // Where a value comes from: a variable, a name looked up in the stack of contexts, the innermost
  // context, or the register.
  kPrintSlot,
  kPrintName,
  kPrintTop,
  kPrintRegister,
  kLoadSlot,  // loads the register with what `arg`, a path, leads to
  kLoadName,
  kLoadTop,
  kLoadSpecial,  // name: which
  kSectionSlot,  // arg: the operation behind the section
  kSectionName,
  kSectionTop,
  kSectionRegister,
  kInvertedSlot,
  kInvertedName,
  kInvertedTop,
  kInvertedRegister,

  kEndSection,   // arg: the first operation of its body
  kLoadLiteral,  // arg: container
};

enum class Place : uint8_t { kSlot, kName, kTop, kRegister };

constexpr OpCode At(OpCode first, Place place) {
  return static_cast<OpCode>(static_cast<uint8_t>(first) + static_cast<uint8_t>(place));
}
constexpr Place PlaceOf(OpCode code) {
  return static_cast<Place>(static_cast<uint8_t>(code) & 3);
}
static_assert(PlaceOf(OpCode::kPrintRegister) == Place::kRegister);
static_assert(PlaceOf(OpCode::kLoadTop) == Place::kTop);
static_assert(PlaceOf(OpCode::kSectionSlot) == Place::kSlot);
static_assert(PlaceOf(OpCode::kInvertedName) == Place::kName);

// A comparison is between what the last two loads have loaded.
inline constexpr uint16_t kSenseBit = 0x100;

inline constexpr uint8_t kIndentFlag = 1;  // the literal starts a line of a called snippet
inline constexpr uint8_t kEscapeFlag = 2;  // the value is escaped for HTML
inline constexpr uint8_t kNestFlag = 4;    // kCall: its indentation adds to the one in force

struct Op {
  OpCode code = OpCode::kText;
  uint8_t flags = 0;
  uint16_t name = 0;
  uint32_t text = 0;
  uint32_t length = 0;
  uint32_t arg = 0;
};
static_assert(sizeof(Op) == 16);

// The first slot_count names are looked up, and each has a slot. Those of variables come first, and
// are sorted as jsonb sorts keys; the others are known only to what a section is over, and their
// slots stay empty.
struct NameEntry {
  uint32_t text = 0;
  uint16_t length = 0;
  uint8_t accept = 0xFF;  // a bit for each json::Kind that needs no closer look
  uint8_t unused = 0;
};
static_assert(sizeof(NameEntry) == 8);

// The head of a table says how many lines follow; they are sorted as jsonb sorts keys.
struct ChoiceEntry {
  uint32_t text = 0;
  uint32_t length = 0;
  uint32_t op = 0;  // or the count
};

struct FilterEntry {
  FilterId id = FilterId::kDefault;
  int32_t number = 0;
  uint32_t literal = 0;  // container; 0: none
};

// The name of a snippet; the first one is empty and stands for none.
struct SnippetEntry {
  uint32_t text = 0;
  uint32_t length = 0;
};

// From an operation on, and from a place in the block on, operations and literals come from another
// text. They are sorted by both.
struct TextSource {
  uint32_t op = 0;
  uint32_t text = 0;
  uint32_t snippet = 0;
};

// A text that was compiled: first those of the parts, then those of the snippets in their order.
struct TextEntry {
  uint32_t text = 0;
  uint32_t length = 0;
};

inline constexpr uint32_t kNoPosition = UINT32_MAX;  // of an operation that no tag has made

inline constexpr uint16_t kNoVariable = 0xFFFF;

struct VariableEntry {
  uint16_t slot = 0;
  Type type = Type::kAny;
  uint8_t flags = 0;
  uint32_t declaration = 0;  // container: the object; 0: none
  uint32_t snippet = 0;
};

inline constexpr uint8_t kRequiredFlag = 1;
inline constexpr uint8_t kNullableFlag = 2;
inline constexpr uint8_t kDeclaredFlag = 4;
inline constexpr uint8_t kUsedFlag = 8;
inline constexpr uint8_t kTrustedFlag = 16;
inline constexpr uint8_t kCoerceFlag = 32;
inline constexpr uint8_t kBoundedFlag = 64;  // has min, max or a pattern

struct Header {
  uint32_t magic = 0;
  uint32_t size = 0;
  uint16_t part_count = 0;
  uint16_t slot_count = 0;
  uint16_t name_count = 0;
  uint16_t variable_count = 0;
  uint32_t names = 0;
  uint32_t ops = 0;
  uint32_t op_count = 0;
  uint32_t paths = 0;
  uint32_t slot_variables = 0;  // uint16_t for each slot: its variable, or kNoVariable
  uint32_t variables = 0;
  uint32_t text_size = 0;  // of all literals
  uint32_t choices = 0;
  uint32_t filters = 0;
  uint32_t bound_count = 0;  // slots of variables
  uint32_t snippets = 0;
  uint32_t sources = 0;
  uint32_t source_count = 0;
  uint32_t positions = 0;  // uint32_t for each operation: where its tag is in its text
  uint32_t texts = 0;
  uint32_t unused = 0;
};
static_assert(sizeof(Header) == 80);

inline constexpr uint32_t kMagic = 0x50524D31;

// Typed access to a block.
class Layout {
 public:
  explicit Layout(const char* base) : base_(base) {}
  const Header& header() const { return *As<Header>(0); }
  uint32_t part(uint32_t index) const { return As<uint32_t>(sizeof(Header))[index]; }
  const NameEntry* names() const { return As<NameEntry>(header().names); }
  std::string_view name(uint32_t index) const {
    const NameEntry& entry = names()[index];
    return {base_ + entry.text, entry.length};
  }
  const Op* ops() const { return As<Op>(header().ops); }
  const uint16_t* paths() const { return As<uint16_t>(header().paths); }
  const ChoiceEntry* choices() const { return As<ChoiceEntry>(header().choices); }
  const FilterEntry* filters() const { return As<FilterEntry>(header().filters); }
  const SnippetEntry* snippets() const { return As<SnippetEntry>(header().snippets); }
  std::string_view snippet(uint32_t index) const {
    const SnippetEntry& entry = snippets()[index];
    return {base_ + entry.text, entry.length};
  }
  std::span<const TextSource> sources() const {
    return {As<TextSource>(header().sources), header().source_count};
  }
  const uint32_t* positions() const { return As<uint32_t>(header().positions); }
  std::string_view text(uint32_t index) const {
    const TextEntry& entry = As<TextEntry>(header().texts)[index];
    return {base_ + entry.text, entry.length};
  }
  const uint16_t* slot_variables() const { return As<uint16_t>(header().slot_variables); }
  const VariableEntry* variables() const { return As<VariableEntry>(header().variables); }
  json::Value container(uint32_t offset) const {
    return offset == 0 ? json::Value() : json::Value::FromContainer(base_ + offset);
  }
  const char* base() const { return base_; }

 private:
  template <typename T>
  const T* As(uint32_t offset) const {
    return reinterpret_cast<const T*>(base_ + offset);
  }
  const char* base_;
};

}  // namespace promptreg::tmpl
