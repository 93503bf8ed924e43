/* `tickwire bench compare`, which is a script. */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

/* Becomes the script; the exit status where it cannot. */
int compare_command(int argc, char **argv);

#endif
