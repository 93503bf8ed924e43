#include "control/nts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/file_content.h"
#include "control/monotonic.h"
#include "dataplane/log.h"
#include "ntp/shm.h"
#include "nts/keyring.h"

enum { SILENCE_MS = 3000 };

static uint64_t identities_stamp(const struct config_nts *c)
{
	uint64_t stamp = 0;

	for (unsigned i = 0; i < c->certificates; i++)
		stamp = file_content_stamp(file_content_stamp(stamp, c->certificate[i]), c->key[i]);
	return stamp;
}

static uint64_t keys_stamp(const struct key_store *store)
{
	char path[CONFIG_PATH + sizeof(KEY_FILE_NAME) + 1];

	snprintf(path, sizeof(path), "%s/" KEY_FILE_NAME, store->dir);
	return file_content_stamp(0, path);
}

static bool make_segment(struct nts *nts, char *text, size_t size)
{
	struct shm segment = {0};
	const enum shm_error error = shm_create(&segment, nts->run_dir, &KEYRING_CONTRACT);

	if (error != SHM_OK) {
		shm_explain(error, nts->run_dir, &KEYRING_CONTRACT, text, size);
		return false;
	}
	nts->segment_made = true;
	shm_close(&segment);
	return true;
}

/* Nobody else writes it now: the daemon has ended. Twice, for there are two copies. */
static void wipe_segment(struct nts *nts)
{
	static const struct keyring empty;
	struct shm segment = {0};

	if (!nts->segment_made || shm_create(&segment, nts->run_dir, &KEYRING_CONTRACT) != SHM_OK)
		return;
	shm_publish(&segment, &empty);
	shm_publish(&segment, &empty);
	shm_close(&segment);
}

/* Our own file is never like that, but copies that somebody brings may be. */
static void warn_of_readers(const struct key_store *store)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" KEY_FILE_NAME, store->dir);
	if (store->dir[0] && file_content_is_exposed(path))
		log_warning("%s: others than its owner may reach the keys in it; chmod 600 %s", path, path);
}

/* Take the directory of a configuration, and what is in it. Keys that cannot be read end it only where no
 * other ones may be made. */
static bool open_store(struct key_store *store, const struct config *config, char *text, size_t size)
{
	const bool ours = config->nts.rotate_s != 0;

	/* Keys are in no core file. */
	prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L);
	if (!key_store_open(store, config->nts.dump_dir, ours, text, size))
		return false;
	if (key_store_read(store, nts_period(config))) {
		warn_of_readers(store);
		return true;
	}
	if (ours) {
		log_error("%s", store->error);
		return true;
	}
	snprintf(text, size, "%s; with `ntsrotate 0` somebody else has to put the keys there", store->error);
	key_store_close(store);
	return false;
}

bool nts_take(struct nts *nts, const struct config *config, const char *run_dir, char *text, size_t size)
{
	*nts = (struct nts){.config = config,
		.run_dir = run_dir,
		.channel = -1,
		.on = CONFIG_NTS_IS_ON(config),
		.store = {.lock = -1},
		.next = {.lock = -1}};
	return make_segment(nts, text, size) && (!nts->on || open_store(&nts->store, config, text, size));
}

/* What does not go is tried again with each look at the files, and told once. */
static void send_identities(struct nts *nts, const char *consequence)
{
	char before[NTS_TEXT];

	memcpy(before, nts->identity_error, sizeof(before));
	if (nts_send_identities(nts, nts->config))
		return;
	file_watch_again(&nts->identities);
	if (strcmp(before, nts->identity_error) != 0)
		log_error("%s%s", nts->identity_error, consequence);
}

static void close_channel(struct nts *nts)
{
	if (nts->channel >= 0)
		close(nts->channel);
	nts->channel = -1;
	nts->waiting = 0;
	nts->ready = false;
}

/* All that the daemon has to know. Without keys it would never be ready: it ends where the channel does. */
static void send_all(struct nts *nts)
{
	file_watch_begin(&nts->identities, identities_stamp(&nts->config->nts));
	file_watch_begin(&nts->keys, keys_stamp(&nts->store));
	send_identities(nts, "");
	if (nts_send_keys(nts))
		return;
	log_error("tickwire-ke takes no keys: %s", strerror(errno));
	close_channel(nts);
}

bool nts_start(struct nts *nts, char *text, size_t size)
{
	int pair[2];

	close_channel(nts);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) {
		snprintf(text, size, "cannot start tickwire-ke: socketpair: %s", strerror(errno));
		return false;
	}
	nts->ke.passed = pair[1];
	if (!daemon_start(&nts->ke, text, size)) {
		close(pair[0]);
		close(pair[1]);
		return false;
	}
	close(pair[1]);
	nts->channel = pair[0];
	nts->identity_error[0] = '\0';
	send_all(nts);
	return true;
}

void nts_note_end(struct nts *nts)
{
	close_channel(nts);
	if (!nts->on)
		wipe_segment(nts);
}

bool nts_is_silent(const struct nts *nts)
{
	return nts->ke.told_to_end || nts->channel < 0 ||
	       (nts->waiting > 0 && monotonic_ms() - nts->question[0].asked_ms > SILENCE_MS);
}

static void look_at_identities(struct nts *nts)
{
	if (nts->config->nts.certificates > 0 &&
		file_watch_look(&nts->identities, identities_stamp(&nts->config->nts)))
		send_identities(nts, "; the certificates before stay in use");
}

/* Somebody else keeps the keys. */
static void look_at_keys(struct nts *nts)
{
	char before[sizeof(nts->store.error)];

	if (nts->config->nts.rotate_s != 0 || !file_watch_look(&nts->keys, keys_stamp(&nts->store)))
		return;
	memcpy(before, nts->store.error, sizeof(before));
	if (key_store_read(&nts->store, nts_period(nts->config)) && nts_send_keys(nts)) {
		warn_of_readers(&nts->store);
		return;
	}
	file_watch_again(&nts->keys);
	if (nts->store.error[0] && strcmp(before, nts->store.error) != 0)
		log_error("%s; the keys before stay in use", nts->store.error);
}

static void try_to_save(struct nts *nts)
{
	if (nts->store.unsaved && key_store_write(&nts->store))
		log_notice("the keys are kept in %s again", nts->store.dir);
}

void nts_tick(struct nts *nts)
{
	if (!nts->on)
		return;
	try_to_save(nts);
	if (!nts->ready || nts->ke.told_to_end)
		return;
	look_at_identities(nts);
	look_at_keys(nts);
	/* One question at a time: a daemon that hangs is not asked more and more. */
	if (nts->waiting == 0)
		(void)nts_send(nts, KE_MESSAGE_STATUS, NULL, 0);
}

/* Whether the daemon that runs takes them; where none is ready, whether they are there at all. */
static bool try_identities(struct nts *nts, const struct config *fresh, char *text, size_t size)
{
	if (fresh->nts.certificates == 0)
		return true;
	if (!nts->ready || nts->ke.told_to_end)
		return nts_identities_open(fresh, text, size);
	if (nts_ask_identities(nts, fresh, text, size))
		return true;
	/* Those that it takes too late are followed by the ones before. */
	if (nts->waiting > 0 && nts->channel >= 0)
		send_identities(nts, "");
	return false;
}

/* By whatever name: we hold its lock ourselves. */
static bool is_same_directory(const char *a, const char *b)
{
	struct stat first, second;

	return strcmp(a, b) == 0 || (stat(a, &first) == 0 && stat(b, &second) == 0 &&
					    first.st_dev == second.st_dev && first.st_ino == second.st_ino);
}

static bool is_same_store(const struct nts *nts, const struct config *fresh)
{
	return nts->on && is_same_directory(nts->store.dir, fresh->nts.dump_dir) &&
	       nts->store.ours == (fresh->nts.rotate_s != 0);
}

static void drop_next(struct nts *nts)
{
	key_store_close(&nts->next);
	nts->has_next = false;
}

bool nts_prepare(struct nts *nts, const struct config *fresh, char *text, size_t size)
{
	drop_next(nts);
	if (!CONFIG_NTS_IS_ON(fresh))
		return true;
	nts->has_next = !is_same_store(nts, fresh);
	if (nts->has_next && !open_store(&nts->next, fresh, text, size)) {
		nts->has_next = false;
		return false;
	}
	if (try_identities(nts, fresh, text, size))
		return true;
	drop_next(nts);
	return false;
}

/* Give the daemon the keys of the store that comes. False where it refuses them. The reply is waited for:
 * where the daemon is restarted next, it goes on with what it has published. */
static bool hand_over(struct nts *nts)
{
	const struct key_store *next = &nts->next;
	char text[NTS_TEXT];
	ptrdiff_t refusal;

	if (!nts->ready) {
		(void)nts_send(nts, KE_MESSAGE_KEYS, next->text, next->size);
		return true;
	}
	refusal = nts_ask(nts, KE_MESSAGE_KEYS, next->text, next->size, text, sizeof(text));
	if (refusal != 0) {
		snprintf(nts->keys_error, sizeof(nts->keys_error), "%.127s: %.255s", next->dir, text);
		log_error("%s", nts->keys_error);
	}
	return refusal <= 0;
}

/* To the new directory, where the keys go that are in use unless it has its own. */
static void change_store(struct nts *nts)
{
	const bool has_keys = nts->next.size > 0 && hand_over(nts);

	if (!has_keys && nts->store.size > 0)
		(void)key_store_keep(&nts->next, nts->store.text, nts->store.size);
	key_store_close(&nts->store);
	nts->store = nts->next;
	nts->next.lock = -1;
	drop_next(nts);
}

static void switch_off(struct nts *nts)
{
	nts->on = false;
	key_store_close(&nts->store);
	json_decref(nts->status);
	nts->status = NULL;
	nts->identity_error[0] = nts->keys_error[0] = '\0';
	if (nts->ke.pid)
		daemon_restart(&nts->ke);
	else
		wipe_segment(nts);
}

void nts_apply(struct nts *nts)
{
	if (!CONFIG_NTS_IS_ON(nts->config)) {
		if (nts->on)
			switch_off(nts);
		return;
	}
	if (nts->has_next)
		change_store(nts);
	if (!nts->on) {
		nts->on = true;
		nts->ke.restart_ms = 0;
	}
	file_watch_begin(&nts->identities, identities_stamp(&nts->config->nts));
	file_watch_begin(&nts->keys, keys_stamp(&nts->store));
	/* A daemon that is ready has been given them by nts_prepare. */
	if (nts->channel >= 0 && !nts->ready)
		send_identities(nts, "");
}

void nts_stop(struct nts *nts, int patience_ms)
{
	nts_process(nts);
	daemon_stop(&nts->ke, patience_ms);
	nts_process(nts);
	close_channel(nts);
}

void nts_leave(struct nts *nts)
{
	close_channel(nts);
	wipe_segment(nts);
	nts->segment_made = false;
	if (nts->store.unsaved && !key_store_write(&nts->store))
		log_error("%s; the keys are lost", nts->store.error);
	key_store_close(&nts->store);
	drop_next(nts);
	json_decref(nts->status);
	nts->status = NULL;
}

const char *nts_dump_error(const struct nts *nts)
{
	return nts->store.dir[0] ? nts->store.error : "";
}
