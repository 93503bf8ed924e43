/*
 * `tickwire query`: ask NTP servers the time, as a client that never sets a clock. It needs no privilege.
 */
#ifndef CONTROL_QUERY_H
#define CONTROL_QUERY_H

/*
 * The whole command; argv[0] is "query". Results go to stdout, what went wrong to stderr. 0: every host gave
 * a valid answer of a synchronised server; 1: some host did not; 2: the command line is wrong.
 */
int query_main(int argc, char **argv);

#endif
