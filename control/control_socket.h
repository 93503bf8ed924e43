/*
 * The supervisor's Unix socket in the run directory: one request line, a reply of any number of lines, and
 * the end of the connection. The directory's mode keeps others out.
 */
#ifndef CONTROL_CONTROL_SOCKET_H
#define CONTROL_CONTROL_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum { CONTROL_REQUEST_MAX = 256, CONTROL_REPLY_MAX = 65536 };

/* Listen; -1 with a sentence in text[size]. */
int control_listen(const char *run_dir, char *text, size_t size);

/* Accept a connection that is waiting and read its line (at most a second, for all of it). Gives the
 * connection, or -1. */
int control_accept(int listener, char request[CONTROL_REQUEST_MAX]);

/* Send a reply (at most a second) and end the connection. */
void control_reply(int connection, const char *reply, size_t size);

/*
 * Client: send one line and take the reply, which is NUL-terminated. False with a sentence in text[size]
 * where no tickwire answers.
 */
bool control_ask(
	const char *run_dir, const char *request, char reply[CONTROL_REPLY_MAX], char *text, size_t size);

#endif
