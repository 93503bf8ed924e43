/*
 * A receiver's line: a tty in raw mode, a pty or a FIFO, never written to, and when its octets arrived.
 * Touches the world. One thread.
 *
 * When an octet began to arrive is told from the counter at the read that brought it. On a line with a pace
 * (a UART, or one behind USB) the octets that were waiting behind it are taken off, at the line's baud rate:
 * they say how late the read was. Without one (a pty, a FIFO, a receiver that is a USB device itself) it is
 * the read.
 */
#ifndef REFCLOCK_SERIAL_H
#define REFCLOCK_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <termios.h>

#include "refclock/driver.h"

enum { SERIAL_BLOCK = 512 };

enum serial_news {
	SERIAL_OCTET,
	SERIAL_SILENT, /* nothing more at present */
	SERIAL_GONE,   /* the device has gone */
};

struct serial {
	const struct driver_world *world;
	int fd;
	bool tty; /* with these settings before it was opened */
	struct termios before;
	unsigned baud;
	double bit;      /* ticks; 0: the line has no pace */
	uint64_t error;  /* units of 2^-32 s: of `began` below, at most, while the daemon is woken in time */
	uint64_t newest; /* counter when the last octet of the block had arrived, at the latest */
	uint64_t began;  /* of the octet that serial_next gave: counter when its first bit came; never
			    decreases */
	int waiting;     /* octets behind the block, with the kernel */
	uint64_t looked; /* counter at the first read; 0: none yet */
	uint64_t quiet;  /* counter at the opening, and then at the newest block that was thrown away */
	bool stale;      /* what comes may have been waiting since before, and is thrown away */
	int at, count;   /* in the block */
	int budget;      /* blocks until the daemon is let to its other work */
	uint8_t block[SERIAL_BLOCK];
};

/*
 * Open "DEV[:BAUD]", at `baud` by default, 8 data bits and no parity, without waiting for a carrier. What is
 * waiting then is discarded, and so is what comes until the line has been quiet for 0.1 s, for 2 s at most.
 * False with a sentence in text[size]; nothing is open then.
 */
bool serial_open(struct serial *s, const char *parameter, unsigned baud, const struct driver_world *world,
	char *text, size_t size);

/* Put the line's settings back and close. */
void serial_close(struct serial *s);

/* DTR on and RTS off: many simple receivers are fed from the two. Best effort. */
void serial_feed_from_modem_lines(struct serial *s);

/* The next octet, with s->began. Never blocks. On GONE a sentence is in text[size]. */
enum serial_news serial_next(struct serial *s, uint8_t *octet, char *text, size_t size);

/* Whether a device of that number has a pace. */
bool serial_has_pace(dev_t device);

#endif
