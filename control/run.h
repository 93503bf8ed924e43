/* `tickwire run`: the supervisor. */
#ifndef CONTROL_RUN_H
#define CONTROL_RUN_H

/* argv[0] is "run". Returns the exit status: 0 after SIGTERM or SIGINT, 2 for a wrong call, else of
 * sysexits.h. */
int run_main(int argc, char **argv);

#endif
