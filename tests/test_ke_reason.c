/* Why key establishments fail: bench/ke_reason.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bench/ke_reason.h"

/* Every reason has a name of its own, and says something. */
static void test_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < KE_REASON_COUNT; i++) {
		const struct ke_reason_info *info = &ke_reason_info[i];

		assert_non_null(info->name);
		assert_true(info->name[0] && info->meaning[0] && info->remedy[0]);
		assert_int_equal(strspn(info->name, "abcdefghijklmnopqrstuvwxyz-"), strlen(info->name));
		for (unsigned k = 0; k < i; k++)
			assert_string_not_equal(info->name, ke_reason_info[k].name);
	}
}

static void test_responses(void **state)
{
	(void)state;
	for (unsigned i = 0; i < KE_CLIENT_VERDICT_COUNT; i++) {
		const char *name = ke_reason_info[(unsigned)KE_REASON_RESPONSE + i].name;

		assert_memory_equal(name, "response-", 9);
		assert_string_equal(name + 9, ke_client_verdict_info[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_responses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
