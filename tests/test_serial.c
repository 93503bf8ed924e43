/* Receivers' lines and their driver: refclock/serial.h, refclock/source_serial.c. Over ptys, and by a counter
 * that the tests turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "refclock/drivers.h"
#include "refclock/serial.h"
#include "refclock/serial_parameter.h"
#include "tests/dcf77_encode.h"

enum { SECOND = 1000000000 };

static uint64_t counter;

static uint64_t counter_now(void *opaque)
{
	(void)opaque;
	return counter;
}

static int device_open(void *opaque, const char *path, int flags)
{
	(void)opaque;
	return open(path, flags);
}

static const struct driver_world world = {
	.counter_now = counter_now, .device_open = device_open, .counter_hz = 1e9};

/* A receiver is whoever writes into `master`. `look` sees how much the line holds. */
struct pty {
	int master, look;
	char name[SOURCE_PARAMETER - 8];
};

static void make_pty(struct pty *p)
{
	p->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(p->master >= 0 && grantpt(p->master) == 0 && unlockpt(p->master) == 0);
	assert_int_equal(ptsname_r(p->master, p->name, sizeof(p->name)), 0);
	p->look = open(p->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(p->look >= 0);
}

static void close_pty(struct pty *p)
{
	close(p->look);
	close(p->master);
}

static int held(const struct pty *p)
{
	int octets;

	assert_int_equal(ioctl(p->look, FIONREAD, &octets), 0);
	return octets;
}

/* Until they are there: the kernel hands them on in its own time. */
static void put(const struct pty *p, const char *octets, size_t length)
{
	int wanted = held(p) + (int)length;

	assert_int_equal(write(p->master, octets, length), length);
	for (int i = 0; held(p) < wanted; i++) {
		assert_true(i < 10000);
		usleep(1000);
	}
}

static void test_parameter(void **state)
{
	static const struct {
		const char *parameter, *path;
		unsigned baud; /* 0: refused */
	} cases[] = {
		{"/dev/ttyS0", "/dev/ttyS0", 9600},
		{"/dev/ttyS0:4800", "/dev/ttyS0", 4800},
		{"/dev/ttyS0:921600", "/dev/ttyS0", 921600},
		{"/dev/ttyS0:", "/dev/ttyS0:", 9600},
		{"/dev/serial/by-path/pci-0000:00:14.0-usb-0:3:1.0",
			"/dev/serial/by-path/pci-0000:00:14.0-usb-0:3:1.0", 9600},
		{"/dev/serial/by-path/pci-0000:00:14.0-usb-0:3:1.0:50",
			"/dev/serial/by-path/pci-0000:00:14.0-usb-0:3:1.0", 50},
		{"/dev/ttyS0:4801", NULL, 0},
		{"/dev/ttyS0:0", NULL, 0},
		{"/dev/ttyS0:99999999999999999999", NULL, 0},
		{"/a/path/that/is/longer/than/there/is/room/for/in/it", NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[50];
		unsigned baud = 9600;

		assert_int_equal(
			serial_parameter(cases[i].parameter, path, sizeof(path), &baud), cases[i].baud != 0);
		if (cases[i].baud) {
			assert_string_equal(path, cases[i].path);
			assert_int_equal(baud, cases[i].baud);
		}
	}
}

static void test_pace(void **state)
{
	(void)state;
	assert_true(serial_has_pace(makedev(4, 64)));   /* ttyS0 */
	assert_true(serial_has_pace(makedev(188, 0)));  /* ttyUSB0 */
	assert_true(serial_has_pace(makedev(204, 64))); /* ttyAMA0 */
	assert_false(serial_has_pace(makedev(136, 3))); /* pts/3 */
	assert_false(serial_has_pace(makedev(166, 0))); /* ttyACM0 */
}

static void refuse(const char *parameter, const char *sentence)
{
	struct source_options options = {.kind = SOURCE_NMEA};
	char text[160] = "";

	snprintf(options.parameter, sizeof(options.parameter), "%s", parameter);
	assert_null(driver_nmea.open(&options, &world, text, sizeof(text)));
	assert_string_equal(text, sentence);
}

static void test_refusals(void **state)
{
	(void)state;
	refuse("/nonexistent/tty",
		"cannot open /nonexistent/tty: No such file or directory; is it plugged in?");
	refuse("/dev/null", "/dev/null is neither a serial line nor a FIFO; name the receiver's tty");
	refuse("/dev/ttyS0:12345",
		"/dev/ttyS0:12345: expected DEV or DEV:BAUD with a rate that lines have, 50 to 921600");
}

/* Set as it should be, and put back as it was. */
static void test_settings(void **state)
{
	struct serial s;
	struct pty p;
	struct termios before, during, after;
	char parameter[SOURCE_PARAMETER], text[160];

	(void)state;
	make_pty(&p);
	assert_int_equal(tcgetattr(p.look, &before), 0);
	snprintf(parameter, sizeof(parameter), "%s:4800", p.name);
	assert_true(serial_open(&s, parameter, 9600, &world, text, sizeof(text)));
	tcgetattr(p.look, &during);
	assert_int_equal(cfgetispeed(&during), B4800);
	assert_int_equal(during.c_lflag & (ICANON | ECHO | ISIG), 0);
	assert_int_equal(during.c_iflag, 0);
	serial_close(&s);
	tcgetattr(p.look, &after);
	assert_int_equal(after.c_lflag, before.c_lflag);
	assert_int_equal(after.c_iflag, before.c_iflag);
	assert_int_equal(after.c_oflag, before.c_oflag);
	assert_int_equal(after.c_cflag, before.c_cflag);
	assert_int_equal(cfgetospeed(&after), cfgetospeed(&before));
	close_pty(&p);
}

/* Of a line that has just been opened, what comes at first is thrown away. */
static void settle(struct serial *s)
{
	char text[160];
	uint8_t octet;

	counter += SECOND;
	assert_int_equal(serial_next(s, &octet, text, sizeof(text)), SERIAL_SILENT);
}

/* When octets began: of a line without a pace at the read, of one with it by those that were waiting. */
static void test_stamps(void **state)
{
	struct serial s;
	struct pty p;
	char text[160], octets[600] = {0};
	uint8_t octet;
	uint64_t last = 0;

	(void)state;
	make_pty(&p);
	counter = 5 * (uint64_t)SECOND;
	assert_true(serial_open(&s, p.name, 9600, &world, text, sizeof(text)));
	settle(&s);
	put(&p, "abc", 3);
	assert_int_equal(serial_next(&s, &octet, text, sizeof(text)), SERIAL_OCTET);
	assert_true(octet == 'a' && s.began == counter);
	serial_next(&s, &octet, text, sizeof(text));
	serial_next(&s, &octet, text, sizeof(text));
	assert_int_equal(serial_next(&s, &octet, text, sizeof(text)), SERIAL_SILENT);
	assert_true(s.error < NTP64_SECOND / 500);
	/* As if it were a UART: 8 octets, of which the last has just come. */
	s.bit = 1e9 / 9600;
	counter += SECOND;
	put(&p, "01234567", 8);
	for (int i = 0; i < 8; i++) {
		assert_int_equal(serial_next(&s, &octet, text, sizeof(text)), SERIAL_OCTET);
		double ago = (10 * (7 - i) + 9.5) / 9600;

		assert_int_equal(octet, '0' + i);
		assert_true(llabs((int64_t)(counter - s.began) - (int64_t)(ago * 1e9)) <= 1);
	}
	/* More than a block: those behind it count too, and stamps do not decrease. */
	counter += SECOND;
	put(&p, octets, sizeof(octets));
	for (int i = 0; i < 600; i++) {
		assert_int_equal(serial_next(&s, &octet, text, sizeof(text)), SERIAL_OCTET);
		if (i == 0)
			assert_true(llabs((int64_t)(counter - s.began) -
					    (int64_t)((5990 + 9.5) / 9600 * 1e9)) <= 1);
		assert_true(s.began >= last && s.began <= counter);
		last = s.began;
	}
	serial_close(&s);
	close_pty(&p);
}

/* A writer that never stops does not keep the daemon. */
static void test_budget(void **state)
{
	struct serial s;
	struct pty p;
	char text[160], octets[SERIAL_BLOCK] = {0};
	uint8_t octet;
	int taken = 0;

	(void)state;
	make_pty(&p);
	assert_true(serial_open(&s, p.name, 9600, &world, text, sizeof(text)));
	settle(&s);
	for (;;) {
		if (taken % SERIAL_BLOCK == 0)
			put(&p, octets, sizeof(octets));
		if (serial_next(&s, &octet, text, sizeof(text)) != SERIAL_OCTET)
			break;
		assert_true(++taken < 100000);
	}
	/* All that was read has been given: nothing else would wake the daemon for it. */
	assert_true(taken > 1000 && s.at == s.count);
	assert_int_equal(serial_next(&s, &octet, text, sizeof(text)), SERIAL_OCTET);
	serial_close(&s);
	close_pty(&p);
}

static void *open_driver(const struct driver_functions *driver, uint8_t kind, const struct pty *p)
{
	struct source_options options = {.kind = kind};
	char text[160];
	void *source;

	snprintf(options.parameter, sizeof(options.parameter), "%s", p->name);
	source = driver->open(&options, &world, text, sizeof(text));
	assert_non_null(source);
	counter += SECOND;
	assert_int_equal(driver->take(source, &(struct measurement){0}, text, sizeof(text)), DRIVER_SILENT);
	return source;
}

/* What the driver says was refused. */
static void refuses(const struct driver_functions *driver, void *source, const char *said)
{
	struct measurement m;
	char text[160] = "left alone";

	assert_int_equal(driver->take(source, &m, text, sizeof(text)), DRIVER_SILENT);
	assert_string_equal(text, said);
}

/* Nothing at present, or one measurement. */
static bool take(const struct driver_functions *driver, void *source, struct measurement *m)
{
	char text[160];
	enum driver_news news = driver->take(source, m, text, sizeof(text));

	assert_int_not_equal(news, DRIVER_GONE);
	return news == DRIVER_MEASUREMENT;
}

static void put_sentence(const struct pty *p, const char *body)
{
	char text[160];
	int sum = 0;

	for (const char *c = body; *c; c++)
		sum ^= *c;
	put(p, text, (size_t)snprintf(text, sizeof(text), "$%s*%02X\r\n", body, (unsigned)sum));
}

static void test_nmea(void **state)
{
	struct measurement m;
	struct source_report report;
	struct pty p;
	char text[160];
	void *source;
	uint64_t burst;

	(void)state;
	make_pty(&p);
	counter = 7 * (uint64_t)SECOND;
	source = open_driver(&driver_nmea, SOURCE_NMEA, &p);
	assert_true(driver_nmea.descriptor(source) >= 0);
	put(&p, "$GPGGA,1234", 11);
	assert_false(take(&driver_nmea, source, &m));
	counter += SECOND;
	burst = counter;
	put_sentence(&p, "GPGSV,1,1,01,05,10,100,30");
	assert_false(take(&driver_nmea, source, &m));
	counter += 1000000;
	put_sentence(&p, "GPRMC,101010.000,A,4807.038,N,01131.000,E,0,0,240726,,,A");
	counter += 1000000;
	assert_true(take(&driver_nmea, source, &m));
	assert_true(m.counter == burst);
	assert_true(m.time == ntp64_from_unix(1784887810, 0));
	assert_true(m.error > 0 && m.error < NTP64_SECOND / 500);
	assert_true(m.leap == NTP_LEAP_NONE && !m.pulse);
	assert_false(take(&driver_nmea, source, &m));
	assert_int_equal(driver_nmea.receiver(source, &report), RECEIVER_GNSS);
	assert_int_equal(report.gnss.in_view, 1);
	counter += SECOND;
	put_sentence(&p, "GPRMC,101011.000,V,4807.038,N,01131.000,E,0,0,240726,,,N");
	assert_true(take(&driver_nmea, source, &m));
	assert_int_equal(m.leap, NTP_LEAP_UNSYNC);
	counter += SECOND;
	put_sentence(&p, "GPGSV,1,1,01,05,10,100,30");
	refuses(&driver_nmea, source, "");
	put(&p, "$GPRMC,101012.000*00\r\n", 22);
	refuses(&driver_nmea, source, "wrong checksum");
	counter += SECOND;
	put_sentence(&p, "GPRMC,101031.000,A,4807.038,N,01131.000,E,0,0,240726,,,A");
	assert_int_equal(driver_nmea.take(source, &m, text, sizeof(text)), DRIVER_MEASUREMENT);
	assert_string_equal(text, "the receiver's time has jumped");
	refuses(&driver_nmea, source, "");
	/* Unplugged. */
	close_pty(&p);
	assert_int_equal(driver_nmea.take(source, &m, text, sizeof(text)), DRIVER_GONE);
	assert_non_null(strstr(text, "the line has gone"));
	driver_nmea.close(source);
}

/* As a line at 50 baud reads marks of 100 and 200 ms. */
static void test_dcf77(void **state)
{
	const int64_t first = calendar_days((struct calendar_date){2026, 11, 30}) * 1440 + 725;
	struct measurement m;
	struct source_report report;
	struct pty p;
	void *source;
	int taken = 0;

	(void)state;
	make_pty(&p);
	counter = 100 * (uint64_t)SECOND;
	source = open_driver(&driver_dcf77, SOURCE_DCF77, &p);
	for (int64_t minute = first; minute < first + 5; minute++) {
		uint64_t bits = dcf77_encode(minute + 1, false, false, false);

		for (int second = 0; second < 60; second++, counter += SECOND) {
			if (second == 59)
				continue;
			put(&p, bits >> second & 1 ? "\0" : "\xf0", 1);
			if (!take(&driver_dcf77, source, &m))
				continue;
			assert_false(take(&driver_dcf77, source, &(struct measurement){0}));
			taken++;
			assert_true(
				m.counter == counter && m.time == ntp64_from_unix(minute * 60 + second, 0));
			assert_int_equal(m.leap, NTP_LEAP_NONE);
		}
	}
	/* The first minute is cut off, the next two telegrams have to agree. */
	assert_int_equal(taken, 2 * 59);
	assert_int_equal(driver_dcf77.receiver(source, &report), RECEIVER_RADIO);
	assert_int_equal(report.radio.telegrams, 3);
	counter -= SECOND / 2;
	put(&p, "\xf0", 1);
	refuses(&driver_dcf77, source, "mark off the grid of seconds");
	refuses(&driver_dcf77, source, "");
	driver_dcf77.close(source);
	close_pty(&p);
}

static void test_meinberg(void **state)
{
	struct measurement m;
	struct source_report report;
	struct pty p;
	void *source;

	(void)state;
	make_pty(&p);
	counter = 100 * (uint64_t)SECOND;
	source = open_driver(&driver_meinberg, SOURCE_MEINBERG, &p);
	put(&p,
		"\x02"
		"D:30.11.26;T:1;U:12.34.01;  U \x03",
		32);
	assert_false(take(&driver_meinberg, source, &m));
	counter += SECOND;
	put(&p,
		"\x02"
		"D:30.11.26;T:1;U:12.34.02;  U \x03",
		32);
	assert_true(take(&driver_meinberg, source, &m));
	assert_true(
		m.counter == counter && m.time == ntp64_from_unix(1796042042, 0) && m.leap == NTP_LEAP_NONE);
	assert_int_equal(driver_meinberg.receiver(source, &report), RECEIVER_RADIO);
	assert_int_equal(report.radio.status, ' ' << 24 | ' ' << 16 | 'U' << 8 | ' ');
	put(&p,
		"\x02"
		"D:30.02.26;T:1;U:12.34.02;  U \x03",
		32);
	refuses(&driver_meinberg, source, "string with a date or weekday that cannot be");
	refuses(&driver_meinberg, source, "");
	driver_meinberg.close(source);
	close_pty(&p);
}

/* As much as the line takes of what a receiver said each second of the last minutes. */
static void put_backlog(int fd)
{
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	for (unsigned second = 0; second < 600; second++) {
		char body[80], text[96];
		int sum = 0, length;

		snprintf(body, sizeof(body), "GPRMC,09%02u%02u.000,A,4807.038,N,01131.000,E,0,0,240726,,,A",
			second / 60, second % 60);
		for (const char *c = body; *c; c++)
			sum ^= *c;
		length = snprintf(text, sizeof(text), "$%s*%02X\r\n", body, (unsigned)sum);
		if (write(fd, text, (size_t)length) != length)
			break;
	}
	assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
}

/* What was waiting when the line was opened says nothing of now, however much it is, nor when the daemon is
 * late to look. */
static void assert_no_backlog(const char *path, int receiver, uint64_t late)
{
	static const char now[] = "$GPRMC,101010.000,A,4807.038,N,01131.000,E,0,0,240726,,,A*68\r\n";
	struct source_options options = {.kind = SOURCE_NMEA};
	struct measurement m;
	char text[160];
	void *source;

	snprintf(options.parameter, sizeof(options.parameter), "%s", path);
	put_backlog(receiver);
	counter = 50 * (uint64_t)SECOND;
	source = driver_nmea.open(&options, &world, text, sizeof(text));
	assert_non_null(source);
	counter += late;
	usleep(late ? 100000 : 0);
	for (int i = 0; i < 300; i++, counter += SECOND / 1000, usleep(1000))
		assert_false(take(&driver_nmea, source, &m));
	counter += SECOND;
	assert_int_equal(write(receiver, now, strlen(now)), strlen(now));
	for (int i = 0; !take(&driver_nmea, source, &m); i++, usleep(1000))
		assert_true(i < 5000);
	assert_true(m.counter == counter && m.time == ntp64_from_unix(1784887810, 0));
	driver_nmea.close(source);
}

static void test_backlog(void **state)
{
	char directory[] = "/tmp/tickwire-serial-XXXXXX", path[64];
	struct pty p;
	int writer;

	(void)state;
	for (uint64_t late = 0; late < 2; late++) {
		make_pty(&p);
		assert_no_backlog(p.name, p.master, late * SECOND);
		close_pty(&p);
	}
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/line", directory);
	assert_int_equal(mkfifo(path, 0600), 0);
	writer = open(path, O_RDWR | O_CLOEXEC);
	assert_true(writer >= 0);
	for (uint64_t late = 0; late < 2; late++)
		assert_no_backlog(path, writer, late * SECOND);
	close(writer);
	unlink(path);
	rmdir(directory);
}

/* A FIFO has no settings, and its writer may go. */
static void test_fifo(void **state)
{
	struct source_options options = {.kind = SOURCE_NMEA};
	char directory[] = "/tmp/tickwire-serial-XXXXXX", text[160];
	struct measurement m;
	void *source;
	int writer;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(options.parameter, sizeof(options.parameter), "%s/line", directory);
	assert_int_equal(mkfifo(options.parameter, 0600), 0);
	source = driver_nmea.open(&options, &world, text, sizeof(text));
	assert_non_null(source);
	writer = open(options.parameter, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(writer >= 0);
	assert_int_equal(driver_nmea.take(source, &m, text, sizeof(text)), DRIVER_SILENT);
	close(writer);
	assert_int_equal(driver_nmea.take(source, &m, text, sizeof(text)), DRIVER_GONE);
	driver_nmea.close(source);
	unlink(options.parameter);
	rmdir(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parameter),
		cmocka_unit_test(test_pace),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_stamps),
		cmocka_unit_test(test_budget),
		cmocka_unit_test(test_nmea),
		cmocka_unit_test(test_dcf77),
		cmocka_unit_test(test_meinberg),
		cmocka_unit_test(test_backlog),
		cmocka_unit_test(test_fifo),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
