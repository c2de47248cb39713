// A hash table of pointers to entries that carry their own keys: open addressing, linear probing,
// no tombstones. It owns its array of slots, not the entries. An entry's hash is kept beside the
// pointer, so that a lookup touches one line of the array and then the entry it wants.
#pragma once

#include "pg/server.h"

namespace promptreg::pg {

template <typename Entry>
class PointerTable {
 public:
  // matches(const Entry&) decides among entries of the same hash.
  template <typename Matches>
  Entry* Find(uint64 hash, Matches&& matches) const {
    if (capacity_ == 0) return nullptr;
    for (uint32 i = Home(hash);; i = (i + 1) & (capacity_ - 1)) {
      const Slot& slot = slots_[i];
      if (slot.entry == nullptr) return nullptr;
      if (slot.hash == hash && matches(*slot.entry)) return slot.entry;
    }
  }

  // The entry must not be in the table.
  void Insert(MemoryContext context, uint64 hash, Entry* entry) {
    if (count_ * 2 >= capacity_) Resize(context, capacity_ == 0 ? kLeastCapacity : capacity_ * 2);
    Place(hash, entry);
    ++count_;
  }

  void Remove(uint64 hash, const Entry* entry) {
    uint32 hole = Home(hash);
    while (slots_[hole].entry != entry) hole = (hole + 1) & (capacity_ - 1);
    // Entries behind the hole move up if the hole lies on their way from home, so that no probe
    // ends early.
    for (uint32 i = (hole + 1) & (capacity_ - 1); slots_[i].entry != nullptr;
         i = (i + 1) & (capacity_ - 1)) {
      const uint32 from_home = (i - Home(slots_[i].hash)) & (capacity_ - 1);
      const uint32 from_hole = (i - hole) & (capacity_ - 1);
      if (from_home < from_hole) continue;
      slots_[hole] = slots_[i];
      hole = i;
    }
    slots_[hole] = {};
    --count_;
  }

  // Gives back an array of which little is in use.
  void Shrink(MemoryContext context) {
    if (capacity_ <= kLeastCapacity || count_ * 8 > capacity_) return;
    uint32 capacity = kLeastCapacity;
    while (count_ * 4 > capacity) capacity *= 2;
    Resize(context, capacity);
  }

  template <typename Visit>
  void ForEach(Visit&& visit) const {
    for (uint32 i = 0; i < capacity_; ++i) {
      if (slots_[i].entry != nullptr) visit(slots_[i].entry);
    }
  }

  uint32 count() const { return count_; }

 private:
  static constexpr uint32 kLeastCapacity = 64;

  struct Slot {
    uint64 hash = 0;
    Entry* entry = nullptr;
  };

  uint32 Home(uint64 hash) const { return static_cast<uint32>(hash) & (capacity_ - 1); }

  void Place(uint64 hash, Entry* entry) {
    uint32 i = Home(hash);
    while (slots_[i].entry != nullptr) i = (i + 1) & (capacity_ - 1);
    slots_[i] = {hash, entry};
  }

  void Resize(MemoryContext context, uint32 capacity) {
    const uint32 old_capacity = capacity_;
    Slot* const old_slots = slots_;
    auto* slots = static_cast<Slot*>(MemoryContextAllocZero(context, capacity * sizeof(Slot)));
    slots_ = slots;
    capacity_ = capacity;
    for (uint32 i = 0; i < old_capacity; ++i) {
      if (old_slots[i].entry != nullptr) Place(old_slots[i].hash, old_slots[i].entry);
    }
    if (old_slots != nullptr) pfree(old_slots);
  }

  Slot* slots_ = nullptr;
  uint32 capacity_ = 0;
  uint32 count_ = 0;
};

}  // namespace promptreg::pg
