/* Core clocks from the counter: what benchmarks report, because nanoseconds drift with the neighbours. */
#ifndef BENCH_CLOCKS_H
#define BENCH_CLOCKS_H

/* Core clocks per tick of counter_read(COUNTER_CPU), by a chain of dependent adds: one a clock. Takes about
 * 10 ms. */
double clocks_per_tick(void);

/* Ticks a second. */
double clocks_hz(void);

#endif
