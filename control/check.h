/* `tickwire check`: look a configuration file over without starting anything. */
#ifndef CONTROL_CHECK_H
#define CONTROL_CHECK_H

#include "control/config.h"

/* argv[0] is "check". Returns the exit status: 0 the file is good, 1 bad, 2 wrong call. */
int check_main(int argc, char **argv);

/* A config_report: "FILE:LINE: error: text" on stderr, without LINE where there is none. opaque is the file's
 * name. */
void config_print_message(void *opaque, const struct config_message *message);

#endif
