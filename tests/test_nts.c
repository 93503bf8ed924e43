/*
 * control/nts.h, the supervisor's side of the conversation; the daemon at the other end is this test. And
 * control/status_nts.h, what is shown of it.
 */
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "control/nts.h"
#include "control/status_nts.h"
#include "tests/key_files.h"

static char base[64];
static struct config config;
static struct nts nts;
static int daemon_end;
static struct ke_message heard;

static void write_file(const char *name, const void *octets, size_t size)
{
	char path[2 * CONFIG_PATH];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", base, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, octets, size), size);
	close(fd);
}

static void name_identity(struct config *c, const char *name)
{
	c->nts.certificates = c->nts.keys = 1;
	snprintf(c->nts.certificate[0], CONFIG_PATH, "%s/%s.crt", base, name);
	snprintf(c->nts.key[0], CONFIG_PATH, "%s/%s.key", base, name);
}

static int setup(void **state)
{
	char text[512];
	int pair[2];

	(void)state;
	memset(&config, 0, sizeof(config));
	memset(&nts, 0, sizeof(nts));
	config.nts.rotate_s = 604800;
	name_identity(&config, "a");
	write_file("a.crt", "a", 1);
	write_file("a.key", "a", 1);
	write_file("b.crt", "b", 1);
	write_file("b.key", "b", 1);
	if (!nts_take(&nts, &config, base, text, sizeof(text)) ||
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return -1;
	nts.channel = pair[0];
	daemon_end = pair[1];
	nts.ready = true;
	nts_apply(&nts); /* what is there is known */
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (daemon_end >= 0)
		close(daemon_end);
	nts_leave(&nts);
	return 0;
}

/* What the supervisor has sent next; 0 for nothing. */
static int hear(void)
{
	ke_message_drop(&heard);
	return ke_channel_take(daemon_end, &heard) == 1 ? (int)heard.type : 0;
}

static void assert_identities_of(const char *name)
{
	char path[2 * CONFIG_PATH];

	assert_int_equal(hear(), KE_MESSAGE_IDENTITIES);
	assert_int_equal(heard.descriptors, 2);
	snprintf(path, sizeof(path), "%s/%s.crt", base, name);
	assert_string_equal((const char *)heard.body, path);
}

static void say(enum ke_message_type type, const char *text)
{
	assert_true(ke_channel_send(daemon_end, type, text, strlen(text), NULL, 0));
}

/* While somebody waits for another reply, a refusal that nobody waits for is not lost. */
static void refusal_beside_a_question(void **state)
{
	char text[512];

	(void)state;
	assert_true(nts_send_identities(&nts, &config));
	say(KE_MESSAGE_REPLY, "a.crt is bad");
	say(KE_MESSAGE_REPLY, "");
	assert_int_equal(nts_ask(&nts, KE_MESSAGE_ROTATE, NULL, 0, text, sizeof(text)), 0);
	assert_string_equal(nts.identity_error, "a.crt is bad");
	/* Whom it is for is told himself. */
	say(KE_MESSAGE_REPLY, "b.crt is bad");
	assert_false(nts_ask_identities(&nts, &config, text, sizeof(text)));
	assert_string_equal(text, "b.crt is bad");
	assert_string_equal(nts.identity_error, "a.crt is bad");
	assert_true(nts_send_identities(&nts, &config));
	say(KE_MESSAGE_REPLY, "");
	nts_process(&nts);
	assert_string_equal(nts.identity_error, "");
}

/* A file that is not there at the moment, and comes back as it was. */
static void identities_are_sent_again(void **state)
{
	char from[2 * CONFIG_PATH], to[2 * CONFIG_PATH];

	(void)state;
	snprintf(from, sizeof(from), "%s/a.key", base);
	snprintf(to, sizeof(to), "%s/away", base);
	write_file("a.crt", "another", 7);
	assert_int_equal(rename(from, to), 0);
	nts.waiting = 1; /* so that there are no questions for the status between */
	nts_tick(&nts);
	nts_tick(&nts);
	assert_non_null(strstr(nts.identity_error, "cannot be read"));
	assert_int_equal(hear(), 0);
	assert_int_equal(rename(to, from), 0);
	nts_tick(&nts);
	nts_tick(&nts);
	assert_identities_of("a");
	nts_tick(&nts);
	assert_int_equal(hear(), 0);
	/* Nor is a change lost where the daemon takes nothing. */
	write_file("a.crt", "a third one", 11);
	nts.waiting = NTS_WAITING;
	nts_tick(&nts);
	nts_tick(&nts);
	assert_int_equal(hear(), 0);
	nts.waiting = 1;
	nts_tick(&nts);
	assert_identities_of("a");
	nts_tick(&nts);
	assert_int_equal(hear(), 0);
}

/* A reload while the daemon starts: it has been sent the certificates of the file before. */
static void reload_before_ready(void **state)
{
	struct config fresh = config;
	char text[512];

	(void)state;
	nts.ready = false;
	name_identity(&fresh, "b");
	assert_true(nts_prepare(&nts, &fresh, text, sizeof(text)));
	config = fresh;
	nts_apply(&nts);
	assert_identities_of("b");
	/* One that is ready has answered already. */
	nts.ready = true;
	nts_apply(&nts);
	assert_int_equal(hear(), 0);
}

/* A daemon that takes longer than a reload waits does not go over to what the reload was refused for. */
static void late_reload_is_undone(void **state)
{
	struct config fresh = config;
	char text[512];

	(void)state;
	name_identity(&fresh, "b");
	assert_false(nts_prepare(&nts, &fresh, text, sizeof(text)));
	assert_non_null(strstr(text, "does not answer"));
	assert_identities_of("b");
	assert_identities_of("a");
	assert_int_equal(hear(), 0);
}

/* The daemon in a thread, until it has been asked for keys: what it answers to them, and their first octets.
 */
struct answer {
	const char *text;
	size_t size;
	char keys[KEY_FILE_MAX];
};

static void *answer_keys(void *opaque)
{
	struct answer *a = opaque;
	uint8_t octets[KE_CHANNEL_BODY];
	ssize_t n;

	while ((n = recv(daemon_end, octets, sizeof(octets), 0)) > 0) {
		const bool keys = octets[0] == KE_MESSAGE_KEYS;

		say(KE_MESSAGE_REPLY, keys ? a->text : "");
		if (!keys)
			continue;
		a->size = (size_t)n - 1;
		memcpy(a->keys, octets + 1, a->size < KEY_FILE_MAX ? a->size : KEY_FILE_MAX);
		break;
	}
	return NULL;
}

/* Go over to a directory that has keys of its own, `other`, where others are in use, `own`. */
static void change_directory(
	struct answer *a, const char *own, size_t own_size, const char *other, size_t size)
{
	struct config fresh = config;
	pthread_t thread;
	char text[512];

	assert_true(key_store_keep(&nts.store, own, own_size));
	snprintf(fresh.nts.dump_dir, sizeof(fresh.nts.dump_dir), "%s/next", base);
	(void)mkdir(fresh.nts.dump_dir, 0700);
	write_file("next/" KEY_FILE_NAME, other, size);
	assert_int_equal(pthread_create(&thread, NULL, answer_keys, a), 0);
	assert_true(nts_prepare(&nts, &fresh, text, sizeof(text)));
	config = fresh;
	nts_apply(&nts);
	pthread_join(thread, NULL);
	assert_int_equal(a->size, size);
	assert_memory_equal(a->keys, other, size);
}

/* The daemon has taken the keys of the new directory before a reload goes on, which may restart it. */
static void keys_of_a_directory(void **state)
{
	char own[KEY_FILE_MAX], other[KEY_FILE_MAX];
	const size_t own_size = key_files_make(own, 1), size = key_files_make(other, 2);
	struct answer a = {.text = ""};

	(void)state;
	change_directory(&a, own, own_size, other, size);
	assert_int_equal(nts.waiting, 0);
	assert_string_equal(nts.keys_error, "");
	assert_int_equal(nts.store.size, size);
	assert_memory_equal(nts.store.text, other, size);
}

/* It goes on with those that it has where it cannot use them, and so does the directory. */
static void refused_keys_of_a_directory(void **state)
{
	char own[KEY_FILE_MAX], other[KEY_FILE_MAX];
	const size_t own_size = key_files_make(own, 1), size = key_files_make(other, 2);
	struct answer a = {.text = "they have all ended"};

	(void)state;
	change_directory(&a, own, own_size, other, size);
	assert_non_null(strstr(nts.keys_error, "they have all ended"));
	assert_int_equal(nts.store.size, own_size);
	assert_memory_equal(nts.store.text, own, own_size);
	assert_true(nts.store.unsaved);
}

/* A directory of ours under another name is not taken for another instance's. */
static void same_directory(void **state)
{
	struct config fresh = config;
	char text[512];

	(void)state;
	snprintf(config.nts.dump_dir, sizeof(config.nts.dump_dir), "%s/same", base);
	assert_true(key_store_open(&nts.store, config.nts.dump_dir, true, text, sizeof(text)));
	nts.ready = false; /* so that it is not asked */
	snprintf(fresh.nts.dump_dir, sizeof(fresh.nts.dump_dir), "%s//same/", base);
	assert_true(nts_prepare(&nts, &fresh, text, sizeof(text)));
	assert_false(nts.has_next);
	snprintf(fresh.nts.dump_dir, sizeof(fresh.nts.dump_dir), "%s/other", base);
	assert_true(nts_prepare(&nts, &fresh, text, sizeof(text)));
	assert_true(nts.has_next);
}

/* What the workers have counted is in the status, where there is one. */
static void kisses(void **state)
{
	static struct counters counters;
	json_t *off = json_null(), *on = json_object();

	(void)state;
	counters.facts.workers = 2;
	counters.worker[0].nts_kisses = 3;
	counters.worker[1].nts_kisses = 4;
	counters.worker[1].nts_kisses_withheld = 5;
	counters.worker[2].nts_kisses = 100; /* nobody's */
	status_nts_add_kisses(NULL, &counters);
	status_nts_add_kisses(off, &counters);
	assert_true(json_is_null(off));
	status_nts_add_kisses(on, &counters);
	assert_int_equal(json_integer_value(json_object_get(on, "kisses")), 7);
	assert_int_equal(json_integer_value(json_object_get(on, "kisses_withheld")), 5);
	json_decref(on);
}

static int make_base(void **state)
{
	(void)state;
	snprintf(base, sizeof(base), "/tmp/tickwire-nts-XXXXXX");
	return mkdtemp(base) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	(void)st;
	(void)kind;
	(void)place;
	return remove(path);
}

static int remove_base(void **state)
{
	(void)state;
	return nftw(base, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(refusal_beside_a_question),
		CASE(identities_are_sent_again),
		CASE(reload_before_ready),
		CASE(late_reload_is_undone),
		CASE(keys_of_a_directory),
		CASE(refused_keys_of_a_directory),
		CASE(same_directory),
		cmocka_unit_test(kisses),
	};

	return cmocka_run_group_tests(tests, make_base, remove_base);
}
