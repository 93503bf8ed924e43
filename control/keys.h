/* `tickwire keys`: the keys that NTS cookies are sealed with, of a running tickwire; and test certificates.
 */
#ifndef CONTROL_KEYS_H
#define CONTROL_KEYS_H

/* argv[0] is "keys". Returns the exit status: 0 done, 1 not done, 2 wrong call. */
int keys_main(int argc, char **argv);

#endif
