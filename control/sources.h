/* `tickwire sources`: what each source of time delivers, and what is made of it. */
#ifndef CONTROL_SOURCES_H
#define CONTROL_SOURCES_H

/* argv[0] is "sources". 0: the time comes from one of them; 1: from none, or no tickwire is running; 2: wrong
 * call. */
int sources_main(int argc, char **argv);

#endif
