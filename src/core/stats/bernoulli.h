// The Kullback-Leibler divergence of Bernoulli distributions, d(p, q) = p ln(p/q) + (1-p)
// ln((1-p)/(1-q)), inverted.
#pragma once

namespace promptreg::stats {

// The largest q >= p, and the smallest q <= p, with d(p, q) <= divergence. 0 <= p <= 1, divergence
// >= 0.
double KlUpper(double p, double divergence);
double KlLower(double p, double divergence);

}  // namespace promptreg::stats
