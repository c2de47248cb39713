// What recording one execution and recording many have in common.
#pragma once

#include "pg/execution.h"

namespace promptreg::pg {

// A statement that is prepared once and kept. Its SQL qualifies every name.
struct Statement {
  const char* sql;
  int parameter_count;
  const Oid* parameter_types;
  SPIPlanPtr plan = nullptr;
};

// Within SPI. Returns the number of rows; nulls may be nullptr: none is.
uint64 Execute(Statement* statement, const Datum* values, const bool* nulls);

// The prompt's own name, whatever name it was called by. One that is not in this database keeps the
// name that it has. Within SPI.
Datum OwnName(Datum asked);

// Sets the cost from the price of the model, where none is given and one is known. Returns what is
// wrong with it, nullptr if nothing is. Within SPI.
bool NeedsCost(const Execution& execution);
const char* AddCost(Execution* execution);

// Makes the partition that a time belongs to, or all of the times of an array, if it is about now
// and there is none. Within SPI.
enum class Partitioned : uint8 { kExecutions, kOutcomes };
void EnsurePartition(Partitioned relation, TimestampTz at);
void EnsurePartitions(Partitioned relation, Datum times);

}  // namespace promptreg::pg
