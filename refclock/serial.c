#include "refclock/serial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "refclock/serial_parameter.h"

enum {
	BUDGET = 8,
	FRAME_BITS = 10,      /* start, 8, stop */
	BATCHING_BAUD = 2400, /* below it Linux has UARTs hand over each octet at once */
};

/* s: tcflush reaches neither a FIFO nor what the kernel holds behind the first 4 KiB of a tty, which comes
 * piece by piece as it is read. A line that is never quiet has shown all of that by patience. */
static const double quiet = 0.1, patience = 2;
static const double wake = 0.001; /* s: from an interrupt, or a frame of USB, to the read */

bool serial_has_pace(dev_t device)
{
	/* Linux's numbers: Unix98 ptys, and receivers that are USB devices (cdc-acm) themselves. */
	enum { PTY_FIRST = 136, PTY_LAST = 143, USB_ACM = 166 };
	unsigned number = major(device);

	return !(number >= PTY_FIRST && number <= PTY_LAST) && number != USB_ACM;
}

static bool make_raw(struct serial *s)
{
	struct termios raw;
	speed_t speed = B0;

	if (tcgetattr(s->fd, &s->before) != 0)
		return false;
	(void)serial_speed(s->baud, &speed);
	/* A pulse of 200 ms at 50 baud is a break: with no flag set it reads as a zero octet. */
	raw = s->before;
	raw.c_iflag = raw.c_oflag = raw.c_lflag = 0;
	raw.c_cflag = CS8 | CREAD | CLOCAL;
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	s->tty = true;
	return cfsetispeed(&raw, speed) == 0 && cfsetospeed(&raw, speed) == 0 &&
	       tcsetattr(s->fd, TCSANOW, &raw) == 0 && tcflush(s->fd, TCIFLUSH) == 0;
}

/* The pace and what it leaves unknown: a sixteenth of a bit by which UARTs sample, the time to the read, and
 * where octets are handed over in batches, one octet that was under way. */
static void set_pace(struct serial *s, dev_t device)
{
	double error = wake;

	if (s->tty && serial_has_pace(device)) {
		s->bit = s->world->counter_hz / s->baud;
		error += (1.0 / 16 + (s->baud < BATCHING_BAUD ? 0 : FRAME_BITS)) / s->baud;
	}
	s->error = (uint64_t)(error * (double)NTP64_SECOND) + 1;
}

static bool set_up(struct serial *s, const char *path, char *text, size_t size)
{
	struct stat status;

	if (fstat(s->fd, &status) != 0) {
		driver_explain(text, size, path, errno);
		return false;
	}
	if (isatty(s->fd)) {
		if (!make_raw(s)) {
			snprintf(text, size, "%s cannot be set to %u baud, 8 bits, raw: %s", path, s->baud,
				strerror(errno));
			return false;
		}
	} else if (!S_ISFIFO(status.st_mode)) {
		snprintf(text, size, "%s is neither a serial line nor a FIFO; name the receiver's tty", path);
		return false;
	}
	set_pace(s, status.st_rdev);
	return true;
}

bool serial_open(struct serial *s, const char *parameter, unsigned baud, const struct driver_world *world,
	char *text, size_t size)
{
	char path[SOURCE_PARAMETER];

	memset(s, 0, sizeof(*s));
	s->world = world;
	s->baud = baud;
	s->budget = BUDGET;
	s->stale = true;
	if (!serial_parameter(parameter, path, sizeof(path), &s->baud)) {
		snprintf(text, size, "%s: expected DEV or DEV:BAUD with a rate that lines have, 50 to 921600",
			parameter);
		return false;
	}
	s->fd = world->device_open(world->opaque, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (s->fd < 0) {
		driver_explain(text, size, path, errno);
		return false;
	}
	s->quiet = world->counter_now(world->opaque);
	if (set_up(s, path, text, size))
		return true;
	serial_close(s);
	return false;
}

void serial_close(struct serial *s)
{
	if (s->tty)
		tcsetattr(s->fd, TCSANOW, &s->before);
	close(s->fd);
	s->fd = -1;
}

void serial_feed_from_modem_lines(struct serial *s)
{
	int on = TIOCM_DTR, off = TIOCM_RTS;

	if (s->tty) {
		ioctl(s->fd, TIOCMBIS, &on);
		ioctl(s->fd, TIOCMBIC, &off);
	}
}

static enum serial_news gone(char *text, size_t size, const char *why)
{
	snprintf(text, size, "the line has gone: %s", why);
	return SERIAL_GONE;
}

static bool has_passed(const struct serial *s, uint64_t since, double seconds)
{
	return (double)(s->world->counter_now(s->world->opaque) - since) >= seconds * s->world->counter_hz;
}

/* The line is empty. */
static void note_silence(struct serial *s)
{
	if (s->stale && (has_passed(s, s->quiet, quiet) || has_passed(s, s->looked, patience)))
		s->stale = false;
}

static enum serial_news fill(struct serial *s, char *text, size_t size)
{
	ssize_t got;

	if (!s->looked)
		s->looked = s->world->counter_now(s->world->opaque);
	do
		got = read(s->fd, s->block, sizeof(s->block));
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == EAGAIN) {
		note_silence(s);
		return SERIAL_SILENT;
	}
	if (got <= 0)
		return gone(text, size, got == 0 ? "end of file" : strerror(errno));
	s->newest = s->world->counter_now(s->world->opaque);
	s->waiting = 0;
	if (got == SERIAL_BLOCK && ioctl(s->fd, FIONREAD, &s->waiting) != 0)
		s->waiting = 0;
	s->at = 0;
	s->count = (int)got;
	return SERIAL_OCTET;
}

/* An octet is handed over in the middle of its stop bit, and those behind it came one after the other. */
static uint64_t when_began(const struct serial *s, int at)
{
	int behind = s->count - 1 - at + s->waiting;
	uint64_t before = (uint64_t)(s->bit * (FRAME_BITS * behind + FRAME_BITS - 0.5));
	uint64_t began = s->newest > before ? s->newest - before : 0;

	return began > s->began ? began : s->began;
}

/* The budget is looked at between blocks: what is in one already would not wake the daemon again. */
static enum serial_news next_block(struct serial *s, char *text, size_t size)
{
	enum serial_news news;

	for (;;) {
		news = s->budget-- > 0 ? fill(s, text, size) : SERIAL_SILENT;
		if (news != SERIAL_OCTET || !s->stale)
			break;
		s->at = s->count;
		s->quiet = s->newest;
	}
	if (news != SERIAL_OCTET)
		s->budget = BUDGET;
	return news;
}

enum serial_news serial_next(struct serial *s, uint8_t *octet, char *text, size_t size)
{
	if (s->at == s->count) {
		enum serial_news news = next_block(s, text, size);

		if (news != SERIAL_OCTET)
			return news;
	}
	s->began = when_began(s, s->at);
	*octet = s->block[s->at++];
	return SERIAL_OCTET;
}
