/* The supervisor's side of the metrics: the directive, control/metrics.h's socket, and what tickwire-ke has
 * said (control/instance_gather.h). */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/instance_gather.h"
#include "control/metrics.h"
#include "dataplane/log.h"

static struct config config;
static struct instance instance;
static char said[384], dir[64];

static void record(void *opaque, const struct config_message *message)
{
	(void)opaque;
	snprintf(said, sizeof(said), "%s", message->text);
}

static bool set(const char *line)
{
	said[0] = '\0';
	return config_directive(&config, line, record, NULL);
}

static int setup(void **state)
{
	(void)state;
	config_init(&config);
	snprintf(dir, sizeof(dir), "/tmp/tickwire-test-metrics-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

static void assert_at(const char *line, const char *address, unsigned port)
{
	char text[INET6_ADDRSTRLEN];

	if (!set(line))
		fail_msg("%s: %s", line, said);
	assert_true(config.metrics.on);
	assert_non_null(inet_ntop(
		config.metrics.ipv6 ? AF_INET6 : AF_INET, config.metrics.address, text, sizeof(text)));
	assert_string_equal(text, address);
	assert_int_equal(config.metrics.port, port);
}

static void directive(void **state)
{
	(void)state;
	assert_true(config.metrics.on);
	assert_false(config.metrics.ipv6);
	assert_at("metrics 127.0.0.1", "127.0.0.1", 9123);
	assert_at("metrics 192.0.2.1:80", "192.0.2.1", 80);
	assert_at("metrics 0.0.0.0", "0.0.0.0", 9123);
	assert_at("metrics [::1]", "::1", 9123);
	assert_at("metrics [2001:db8::1]:65535", "2001:db8::1", 65535);
	assert_at("metrics [::ffff:192.0.2.1]:1", "::ffff:192.0.2.1", 1);
	assert_true(set("metrics OFF"));
	assert_false(config.metrics.on);
}

static void directive_refused(void **state)
{
	static const char *const bad[] = {"metrics", "metrics on", "metrics localhost", "metrics ::1",
		"metrics 2001:db8::1:9123", "metrics [::1", "metrics [::1]9123",
		"metrics [::1]:", "metrics [127.0.0.1]", "metrics 127.0.0.1:", "metrics 127.0.0.1:0",
		"metrics 127.0.0.1:65536", "metrics 127.0.0.1:1:2", "metrics 127.0.0.1 9123",
		"metrics 224.0.0.1", "metrics [ff02::1]", "metrics 127.0.0.1/8", "metrics :9123",
		"metrics []:1", "metrics [0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:65535"};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (set(bad[i]))
			fail_msg("%s: was accepted", bad[i]);
		if (!strstr(said, "expected"))
			fail_msg("%s: %s", bad[i], said);
		config_init(&config);
	}
}

/* A port that was free. */
static uint16_t take_port(int *fd)
{
	const struct config_metrics at = {.on = 1, .address = {127, 0, 0, 1}};
	struct sockaddr_in in;
	socklen_t length = sizeof(in);
	char text[512];

	*fd = metrics_listen(&at, text, sizeof(text));
	if (*fd < 0)
		fail_msg("%s", text);
	assert_int_equal(getsockname(*fd, (struct sockaddr *)&in, &length), 0);
	return ntohs(in.sin_port);
}

static void taken(void **state)
{
	struct config_metrics at = {.on = 1, .address = {127, 0, 0, 1}};
	char text[512], where[32];
	int fd;

	(void)state;
	at.port = take_port(&fd);
	assert_int_equal(metrics_listen(&at, text, sizeof(text)), -1);
	snprintf(where, sizeof(where), "127.0.0.1:%u ", at.port);
	assert_non_null(strstr(text, where));
	assert_non_null(strstr(text, "Address already in use"));
	assert_non_null(strstr(text, "`metrics off`"));
	close(fd);
	/* Somebody else's address: the remedy is the same. */
	at = (struct config_metrics){.on = 1, .ipv6 = 1, .port = 1234, .address = {0x20, 1, 0xd, 0xb8}};
	assert_int_equal(metrics_listen(&at, text, sizeof(text)), -1);
	assert_non_null(strstr(text, "[2001:db8::]:1234 "));
}

/* A port that is taken is tried again until it is free; a reload has the other one at once. */
static void follows(void **state)
{
	static struct metrics m;
	char text[512];
	int fd;

	(void)state;
	m = (struct metrics){.listener = -1};
	config.metrics.port = take_port(&fd);
	assert_true(metrics_take(&m, &config, dir, false, text, sizeof(text)));
	metrics_tick(&m, &instance);
	assert_int_equal(m.listener, -1);
	assert_true(m.told);
	metrics_tick(&m, &instance);
	assert_int_equal(m.listener, -1);
	close(fd);
	metrics_tick(&m, &instance);
	assert_true(m.listener >= 0);
	assert_false(m.told);

	assert_true(set("metrics off"));
	metrics_tick(&m, &instance);
	assert_int_equal(m.listener, -1);
	metrics_keep(&m);
	assert_int_equal(m.daemon.pid, 0);
	assert_true(set("metrics [::1]:1234"));
	config.metrics.port = 0;
	metrics_tick(&m, &instance);
	assert_true(m.listener >= 0 || m.told); /* there may be no IPv6 */
	metrics_stop(&m, 0);
}

static const char status[] =
	"{\"running\": true, \"connections\": 3, \"rotations\": 7, \"identity_error\": null, "
	"\"keys_error\": \"x\", \"dump\": {\"file\": null, \"error\": \"full\"}, "
	"\"outcomes\": {\"accepted\": 12, \"alpn\": 4, \"unheard-of\": 9, \"tls\": -1}, "
	"\"certificates\": [{\"file\": \"/c.pem\", \"kind\": \"EC prime256v1\", \"not_before\": 5, "
	"\"not_after\": 1790000000}], "
	"\"keys\": [{\"id\": \"0123ABCD\", \"state\": \"current\", \"not_before\": 6, \"not_after\": 7}]}";

static void ke(void **state)
{
	json_t *json = json_loads(status, 0, NULL);
	struct instance_nts nts;

	(void)state;
	assert_non_null(json);
	instance_gather_nts(&nts, json);
	json_decref(json);
	assert_true(nts.on && nts.running);
	assert_int_equal(nts.connections, 3);
	assert_int_equal(nts.rotations, 7);
	assert_int_equal(nts.accepted, 12);
	assert_int_equal(nts.outcome[KE_OUTCOME_ALPN], 4);
	assert_int_equal(nts.outcome[KE_OUTCOME_TLS], 0);
	assert_false(nts.failure[INSTANCE_NTS_IDENTITY]);
	assert_true(nts.failure[INSTANCE_NTS_KEYS]);
	assert_true(nts.failure[INSTANCE_NTS_DUMP]);
	assert_int_equal(nts.certificates, 1);
	assert_string_equal(nts.certificate[0].file, "/c.pem");
	assert_string_equal(nts.certificate[0].kind, "EC prime256v1");
	assert_int_equal(nts.certificate[0].not_after, 1790000000);
	assert_int_equal(nts.keys, 1);
	assert_string_equal(nts.key[0].id, "0123ABCD");
	assert_string_equal(nts.key[0].state, "current");
	assert_int_equal(nts.key[0].not_before, 6);
}

/* Most of it comes from a daemon that talks with the network. */
static void ke_hostile(void **state)
{
	static const char *const texts[] = {"null", "[]", "3", "{}", "{\"outcomes\": 3, \"keys\": {}}",
		"{\"certificates\": [1, null, [], {\"file\": 3, \"not_after\": \"x\"}], \"keys\": [[]]}",
		"{\"dump\": [\"error\"], \"outcomes\": [], \"rotations\": 1.5, \"connections\": -3}"};
	struct instance_nts nts;
	json_t *many = json_array(), *json;
	char long_text[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json = json_loads(texts[i], JSON_DECODE_ANY, NULL);
		assert_non_null(json);
		instance_gather_nts(&nts, json);
		assert_int_equal(nts.connections, 0);
		assert_int_equal(nts.on, json_is_object(json));
		json_decref(json);
	}
	instance_gather_nts(&nts, NULL);
	assert_false(nts.on);
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	for (int i = 0; i < 100; i++)
		json_array_append_new(many, json_pack("{s:s, s:s, s:s, s:s}", "file", long_text, "kind",
						    long_text, "id", long_text, "state", long_text));
	json = json_pack("{s:O, s:o}", "certificates", many, "keys", many);
	instance_gather_nts(&nts, json);
	json_decref(json);
	assert_int_equal(nts.certificates, CONFIG_IDENTITIES);
	assert_int_equal(nts.keys, KEYRING_KEYS);
	assert_int_equal(strlen(nts.certificate[CONFIG_IDENTITIES - 1].file), CONFIG_PATH - 1);
	assert_int_equal(strlen(nts.key[0].id), sizeof(nts.key[0].id) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(directive, setup, teardown),
		cmocka_unit_test_setup_teardown(directive_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(taken, setup, teardown),
		cmocka_unit_test_setup_teardown(follows, setup, teardown),
		cmocka_unit_test(ke),
		cmocka_unit_test(ke_hostile),
	};

	log_init("test_metrics", LOG_LEVEL_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
