/* Test cases once more for each back-end of nts/siv.h; those that this CPU does not support are skipped by
 * name. */
#ifndef TESTS_EACH_BACKEND_H
#define TESTS_EACH_BACKEND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "nts/siv.h"

/* The one whose turn it is. */
static const struct siv_backend *backend;

static void skip_backend(void **state)
{
	(void)state;
	print_message("this CPU does not support %s\n", backend->name);
	skip();
}

/* The cases' names get the back-end's. The number of failures. */
static inline int run_backend(const struct siv_backend *one, const char *group,
	const struct CMUnitTest *tests, size_t count, CMFixtureFunction setup, CMFixtureFunction teardown)
{
	struct CMUnitTest named[32];
	char name[32][80];

	backend = one;
	for (size_t i = 0; i < count && i < 32; i++) {
		snprintf(name[i], sizeof(name[i]), "%s@%s", tests[i].name, backend->name);
		named[i] = tests[i];
		named[i].name = name[i];
		if (!backend->supported())
			named[i] = (struct CMUnitTest){name[i], skip_backend, NULL, NULL, NULL};
	}
	return backend->supported() ? _cmocka_run_group_tests(group, named, count, setup, teardown)
				    : _cmocka_run_group_tests(group, named, count, NULL, NULL);
}

static inline int run_each_backend(const char *group, const struct CMUnitTest *tests, size_t count,
	CMFixtureFunction setup, CMFixtureFunction teardown)
{
	int failed = 0;

	for (unsigned b = 0; siv_backends[b]; b++)
		failed += run_backend(siv_backends[b], group, tests, count, setup, teardown);
	return failed;
}

#endif
