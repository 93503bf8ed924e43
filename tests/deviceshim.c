/* Here open and open64 are two functions, and none of them a macro or an inline one. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include "tests/deviceshim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const volatile void *file;
static int device = -1;

int open(const char *path, int flags, ...);
int open64(const char *path, int flags, ...);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int ioctl(int fd, unsigned long request, ...);

static int real_open(const char *path, int flags, mode_t mode)
{
	static int (*next)(const char *, int, ...);

	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "open");
	return next(path, flags, mode);
}

/* 0 when the shim's file is mapped. */
static int map_file(void)
{
	const char *path = getenv(deviceshim.file_variable);
	int fd = path ? real_open(path, O_RDONLY | O_CLOEXEC, 0) : -1;
	void *at;

	if (fd < 0)
		return -1;
	at = mmap(NULL, deviceshim.size, PROT_READ, MAP_SHARED, fd, 0);
	close(fd);
	if (at == MAP_FAILED)
		return -1;
	file = at;
	return 0;
}

static int open_either(const char *path, int flags, mode_t mode)
{
	const char *mine = getenv(deviceshim.device_variable);

	if (!mine || strcmp(path, mine) != 0)
		return real_open(path, flags, mode);
	if (!file && map_file() != 0)
		return -1;
	device = deviceshim.open_device(file);
	return device;
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

int ioctl(int fd, unsigned long request, ...)
{
	static int (*next)(int, unsigned long, ...);
	va_list arguments;
	void *argument;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	if (fd >= 0 && fd == device) {
		int result = deviceshim.answer(file, request, argument);

		if (result != DEVICESHIM_REAL)
			return result;
	}
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "ioctl");
	return next(fd, request, argument);
}
