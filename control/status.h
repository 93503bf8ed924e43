/* `tickwire status`: what a running instance is made of, serves and has counted. */
#ifndef CONTROL_STATUS_H
#define CONTROL_STATUS_H

/* argv[0] is "status". 0: running, 1: not running or not ready, 2: wrong call. */
int status_main(int argc, char **argv);

#endif
