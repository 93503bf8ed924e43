/* control/run_dir.h: what a killed instance has left is removed, and its keys are in no file any more. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/run_dir.h"

enum { OCTETS = 1000 };

static char dir[64], keyring[80], text[512];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/tickwire-run-dir-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(keyring, sizeof(keyring), "%s/keyring", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return rmdir(dir);
}

static void keys_are_erased(void **state)
{
	uint8_t octets[OCTETS];
	struct run_dir d;
	int fd;

	(void)state;
	memset(octets, 0xa5, sizeof(octets));
	fd = open(keyring, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, sizeof(octets)), sizeof(octets));
	assert_true(run_dir_take(&d, dir, text, sizeof(text)));
	assert_int_equal(access(keyring, F_OK), -1);
	assert_int_equal(pread(fd, octets, sizeof(octets), 0), sizeof(octets));
	for (unsigned i = 0; i < OCTETS; i++)
		assert_int_equal(octets[i], 0);
	close(fd);
	run_dir_leave(&d);
}

/* Neither what a link names is written to, nor does a pipe without a reader hold up the start. */
static void other_things(void **state)
{
	char target[80];
	struct run_dir d;
	char octet = 0;
	int fd;

	(void)state;
	snprintf(target, sizeof(target), "%s/target", dir);
	fd = open(target, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(symlink(target, keyring), 0);
	assert_true(run_dir_take(&d, dir, text, sizeof(text)));
	run_dir_leave(&d);
	assert_int_equal(pread(fd, &octet, 1, 0), 1);
	assert_int_equal(octet, 'x');
	close(fd);
	unlink(target);
	assert_int_equal(mkfifo(keyring, 0600), 0);
	assert_true(run_dir_take(&d, dir, text, sizeof(text)));
	assert_int_equal(access(keyring, F_OK), -1);
	run_dir_leave(&d);
}

static void two_instances(void **state)
{
	struct run_dir first, second;

	(void)state;
	assert_true(run_dir_take(&first, dir, text, sizeof(text)));
	assert_int_equal(close(open(keyring, O_RDWR | O_CREAT | O_CLOEXEC, 0600)), 0);
	assert_false(run_dir_take(&second, dir, text, sizeof(text)));
	assert_non_null(strstr(text, "another tickwire"));
	run_dir_leave(&second);
	assert_int_equal(access(keyring, F_OK), 0);
	run_dir_leave(&first);
	assert_int_equal(access(keyring, F_OK), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(keys_are_erased, setup, teardown),
		cmocka_unit_test_setup_teardown(other_things, setup, teardown),
		cmocka_unit_test_setup_teardown(two_instances, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
