#pragma once

/// Elementary functions as Go's library has them, to the last bit: Prometheus computes with those.
/// They follow the published algorithms that Go chose (Cephes for angles, FreeBSD's msun for
/// logarithms, Shibata's for `exp`), an operation for an operation; the C library's differ in the
/// last digit now and then. Nothing here fails or has a state.
namespace vedette::promql::go {

double exp(double x);
double exp2(double x);
double log(double x);
double log2(double x);
double log10(double x);
double log1p(double x);
double pow(double x, double y);
double sin(double x);
double cos(double x);
double tan(double x);
double asin(double x);
double acos(double x);
double atan(double x);
double atan2(double y, double x);
double sinh(double x);
double cosh(double x);
double tanh(double x);
double asinh(double x);
double acosh(double x);
double atanh(double x);

}  // namespace vedette::promql::go
