// Several p values at once: adjusted ones, in the order given, to be compared with alpha as if each
// were alone.
#pragma once

#include <span>

#include "core/stats/outcome.h"

namespace promptreg::stats {

// Holm's step-down procedure (Scandinavian Journal of Statistics 6, 1979): the chance of any false
// finding is at most alpha, however the tests depend on each other. In ascending order: the running
// maximum of (m - i + 1) p_i. Domain of both: 0 <= p <= 1.
Outcome Holm(std::span<const double> p, std::span<double> adjusted);

// Benjamini and Hochberg's step-up procedure (JRSS B 57, 1995): the expected share of false ones
// among the findings is at most alpha, where the tests are independent or positively dependent. In
// descending order: the running minimum of m / i p_i.
Outcome BenjaminiHochberg(std::span<const double> p, std::span<double> adjusted);

}  // namespace promptreg::stats
