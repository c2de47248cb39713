// A read-only view of one JSON value in PostgreSQL's jsonb layout, read in place: no tree is built.
//
// The layout (a container of 32-bit entries, then the values; every 32nd entry holds an end offset,
// the others a length; object keys sorted by length, then bytes; numbers as numeric) is
// PostgreSQL's storage format and has not changed since 9.4. It is native-endian. A Value points
// into memory that its creator keeps alive and 4-byte aligned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace promptreg::json {

// As wide as what it stands beside in a Value, which is copied in two words then. A narrow one
// leaves bytes that compilers copy around by reading across what was just written, which stalls.
enum class Kind : uint32_t { kMissing, kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

class Value {
 public:
  Value() = default;  // kMissing

  // From its parts; for readers of the layout.
  static Value Make(Kind kind, const char* data, uint32_t length) {
    Value value;
    value.data_ = data;
    value.length_ = length;
    value.kind_ = kind;
    return value;
  }

  // `container` is the root container, the bytes behind the varlena header of a jsonb datum. A
  // scalar at the root (stored as an array of one) is returned as that scalar.
  static Value FromContainer(const void* container);

  Kind kind() const { return kind_; }
  bool missing() const { return kind_ == Kind::kMissing; }

  // Falsy: missing, null, false, 0, "" and []. {} is true.
  bool Truthy() const;

  // kString: the bytes, valid in the database's encoding.
  std::string_view string() const { return {data_, length_}; }
  uint32_t size() const;                   // kArray: elements; kObject: pairs; else 0
  Value Find(std::string_view key) const;  // kObject: binary search; kMissing when absent

  // The bytes: of an array or object its container, of a string its text, of a number its varlena.
  // The length of a container at the root is not known, and 0.
  const char* data() const { return data_; }
  uint32_t length() const { return length_; }

 private:
  const char* data_ = nullptr;
  uint32_t length_ = 0;
  Kind kind_ = Kind::kMissing;
};

// Walks an array's elements or an object's pairs in stored order, O(1) a step.
class Cursor {
 public:
  explicit Cursor(Value container);
  Cursor() = default;                            // nothing to walk
  bool Next();                                   // false: past the end
  std::string_view key() const { return key_; }  // objects only
  Value value() const { return value_; }
  bool object() const { return object_; }

 private:
  const char* entries_ = nullptr;
  const char* base_ = nullptr;
  uint32_t count_ = 0, index_ = 0, key_offset_ = 0, value_offset_ = 0;
  bool object_ = false;
  Value value_;
  std::string_view key_;
};

}  // namespace promptreg::json
