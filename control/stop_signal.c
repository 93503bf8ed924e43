#include "control/stop_signal.h"

#include <stddef.h>

volatile sig_atomic_t stop_signalled;

static void note(int number)
{
	(void)number;
	stop_signalled = 1;
}

void stop_signal_catch(sigset_t *waiting)
{
	struct sigaction action = {.sa_handler = note};
	sigset_t stop;

	sigemptyset(&stop);
	sigaddset(&stop, SIGTERM);
	sigaddset(&stop, SIGINT);
	sigprocmask(SIG_BLOCK, &stop, waiting);
	sigdelset(waiting, SIGTERM);
	sigdelset(waiting, SIGINT);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
}
