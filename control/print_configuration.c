/* Prints docs/configuration.md. Part of the build, not installed. */
#include <stdio.h>

#include "control/directive.h"

int main(void)
{
	directive_print_markdown(stdout);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
