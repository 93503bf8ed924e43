#include "control/nts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* Take the directory of a configuration, and what is in it. Keys that cannot be read end it only where no
 * other ones may be made. */
static bool open_store(struct key_store *store, const struct config *config, char *text, size_t size)
{
	const bool ours = config->nts.rotate_s != 0;

	if (!key_store_open(store, config->nts.dump_dir, ours, text, size))
		return false;
	if (key_store_read(store, nts_period(config)))
		return true;
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

static void close_channel(struct nts *nts)
{
	if (nts->channel >= 0)
		close(nts->channel);
	nts->channel = -1;
	nts->waiting = 0;
	nts->ready = false;
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
	file_watch_begin(&nts->identities, identities_stamp(&nts->config->nts));
	file_watch_begin(&nts->keys, keys_stamp(&nts->store));
	nts->identity_error[0] = '\0';
	if (nts->config->nts.certificates > 0 && !nts_send_identities(nts, nts->config))
		log_error("%s", nts->identity_error);
	if (!nts_send_keys(nts))
		log_error("tickwire-ke takes no keys: %s", strerror(errno));
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
	       (nts->waiting > 0 && daemon_now_ms() - nts->question[0].asked_ms > SILENCE_MS);
}

static void look_at_identities(struct nts *nts)
{
	if (nts->config->nts.certificates == 0 ||
		!file_watch_look(&nts->identities, identities_stamp(&nts->config->nts)))
		return;
	if (!nts_send_identities(nts, nts->config))
		log_error("%s; the certificates before stay in use", nts->identity_error);
}

/* Somebody else keeps the keys. */
static void look_at_keys(struct nts *nts)
{
	if (nts->config->nts.rotate_s != 0 || !file_watch_look(&nts->keys, keys_stamp(&nts->store)))
		return;
	if (!key_store_read(&nts->store, nts_period(nts->config)))
		log_error("%s; the keys before stay in use", nts->store.error);
	else if (!nts_send_keys(nts))
		log_error("tickwire-ke takes no keys at the moment");
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
	return nts_ask_identities(nts, fresh, text, size);
}

static bool is_same_store(const struct nts *nts, const struct config *fresh)
{
	return nts->on && strcmp(nts->store.dir, fresh->nts.dump_dir) == 0 &&
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

/* To the new directory, where the keys go that are in use unless it has its own. */
static void change_store(struct nts *nts)
{
	if (nts->next.size == 0 && nts->store.size > 0)
		(void)key_store_keep(&nts->next, nts->store.text, nts->store.size);
	key_store_close(&nts->store);
	nts->store = nts->next;
	nts->next.lock = -1;
	drop_next(nts);
	if (nts->ready)
		(void)nts_send_keys(nts);
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
