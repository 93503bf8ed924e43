/* Here open and open64 are two functions, and none of them a macro or an inline one. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include "tests/deviceshim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

bool deviceshim_opens;
static volatile void *file; /* NULL: there is no device */
static const char *device, *place;
static struct stat identity; /* of the place */

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int ioctl(int fd, unsigned long request, ...);
long syscall(long number, ...);

static int real_open(const char *path, int flags, mode_t mode)
{
	static int (*next)(const char *, int, ...);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "open");
	return next(path, flags, mode);
}

/* While the process may still open files. */
__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv(deviceshim.file_variable);
	int fd = path ? real_open(path, O_RDWR | O_CLOEXEC, 0) : -1;
	void *at;

	if (fd < 0)
		return;
	at = mmap(NULL, deviceshim.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return;
	device = getenv(deviceshim.device_variable);
	place = deviceshim.place ? deviceshim.place(at) : path;
	if (device && stat(place, &identity) == 0)
		file = at;
}

static bool is_device(const char *path)
{
	return file && strcmp(path, device) == 0;
}

/* What is opened instead, or NULL with errno. */
static const char *instead_of(const char *path)
{
	if (!is_device(path))
		return path;
	errno = deviceshim.refuse ? deviceshim.refuse(file) : 0;
	return errno ? NULL : place;
}

static int open_either(const char *path, int flags, mode_t mode)
{
	path = instead_of(path);
	return path ? real_open(path, flags, mode) : -1;
}

static mode_t mode_argument(int flags, va_list arguments)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_argument(flags, arguments);
	va_end(arguments);
	return open_either(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list arguments;
	mode_t mode;

	va_start(arguments, flags);
	mode = mode_argument(flags, arguments);
	va_end(arguments);
	return open_either(path, flags, mode);
}

/* What _FORTIFY_SOURCE makes of open. */
int __open_2(const char *path, int flags)
{
	return open_either(path, flags, 0);
}

int __open64_2(const char *path, int flags)
{
	return open_either(path, flags, 0);
}

/* For openat2, which has no function of its own. */
long syscall(long number, ...)
{
	static long (*next)(long, ...);
	va_list arguments;
	long a[6];

	va_start(arguments, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(arguments, long);
	va_end(arguments);
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "syscall");
	if (number == SYS_openat2) {
		deviceshim_opens |= is_device((const char *)(intptr_t)a[1]);
		a[1] = (long)(intptr_t)instead_of((const char *)(intptr_t)a[1]);
		if (!a[1])
			return -1;
	}
	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static bool is_open_device(int fd)
{
	struct stat st;

	return file && fstat(fd, &st) == 0 && st.st_dev == identity.st_dev && st.st_ino == identity.st_ino;
}

int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int, unsigned long, ...);
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (is_open_device(fd)) {
		int result = deviceshim.answer(file, request, argument);

		if (result != DEVICESHIM_REAL)
			return result;
	}
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "ioctl");
	return next(fd, request, argument);
}
