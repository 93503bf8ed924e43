/* `tickwire bench`: a program of its own, as the load generator is no part of what runs a server. */
#ifndef CONTROL_BENCH_H
#define CONTROL_BENCH_H

/* Become tickwire-bench with the same arguments. Returns an exit status only where that failed. */
int bench_main(int argc, char **argv);

#endif
