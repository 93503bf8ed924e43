/* `tickwire reload`: have a running tickwire apply its changed configuration. */
#ifndef CONTROL_RELOAD_H
#define CONTROL_RELOAD_H

/* argv[0] is "reload". 0: applied, 1: refused and nothing changed, or nobody there; 2: wrong call. */
int reload_main(int argc, char **argv);

#endif
