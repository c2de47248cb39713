#include "core/request/merge.h"

namespace promptreg::request {

using json::Kind;
using json::Value;

bool AddMerged(Value target, Value patch, uint32_t max_depth, json::Builder* out) {
  if (patch.kind() != Kind::kObject) {
    out->Add(patch);
    return true;
  }
  if (max_depth == 0) return false;
  out->BeginObject();
  if (target.kind() == Kind::kObject) {
    for (json::Cursor cursor(target); cursor.Next();) {
      if (!patch.Find(cursor.key()).missing()) continue;
      out->Key(cursor.key());
      out->Add(cursor.value());
    }
  }
  for (json::Cursor cursor(patch); cursor.Next();) {
    if (cursor.value().kind() == Kind::kNull) continue;
    out->Key(cursor.key());
    if (!AddMerged(target.Find(cursor.key()), cursor.value(), max_depth - 1, out)) return false;
  }
  out->EndObject();
  return true;
}

}  // namespace promptreg::request
