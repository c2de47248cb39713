// Distributions and special functions: the narrow door to Boost.Math, which compiles slowly and has
// its own ideas about errors. Arguments are taken as valid; what overflows comes back as an
// infinity for the caller to look at.
#pragma once

namespace promptreg::stats {

double NormalTail(double z);           // P(Z > z)
double NormalQuantile(double p);       // z with P(Z <= z) = p, 0 < p < 1
double NormalUpperQuantile(double p);  // z with P(Z > z) = p, exact for small p
double ChiSquaredTail(double x, double df);
double StudentTail(double t, double df);  // P(T > t), t >= 0
double StudentUpperQuantile(double p, double df);

// Regularised incomplete beta functions at x in [0, 1]: P(X <= x) and P(X > x).
struct Tails {
  double lower;
  double upper;
};
Tails BetaTails(double a, double b, double x);
double BetaSlope(double a, double b, double x);  // derivative of the lower one, times x (1 - x)

// ln(1 + x) - x, exact also for small x; x > -1.
double Log1pMinusX(double x);

// What Stirling's formula leaves over: ln Gamma(x) - ((x - 1/2) ln x - x + ln(2 pi)/2), x > 0. Sums
// of log gammas that nearly cancel are exact when they are put together from it.
double StirlingRest(double x);

}  // namespace promptreg::stats
