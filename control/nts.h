/*
 * The supervisor's hand for network time security: tickwire-ke and the channel to it (control/ke_channel.h),
 * the files that it must not touch itself, and the segment `keyring` before and after it. Root; one thread.
 *
 * What the daemon is sent: identities and keys at each of its starts, identities again when a file of theirs
 * has changed, keys again when somebody else keeps them (ntsrotate 0) and has. What it sends: each new
 * keyring, which is kept in memory and in ntsdumpdir.
 */
#ifndef CONTROL_NTS_H
#define CONTROL_NTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/config.h"
#include "control/daemon.h"
#include "control/file_content.h"
#include "control/ke_channel.h"
#include "control/key_store.h"

enum { NTS_WAITING = 16, NTS_TEXT = 512 };

/* A message that the daemon owes a reply. */
struct nts_question {
	enum ke_message_type type;
	int64_t asked_ms;
};

struct nts {
	const struct config *config;
	const char *run_dir;
	bool segment_made; /* so that it is ours to wipe */
	bool on;           /* the daemon is to run */
	bool ready;        /* it has said so since its last start */
	int channel;       /* our end, or -1 */
	struct daemon ke;
	struct key_store store;
	struct key_store next; /* another one, of a configuration that is being applied */
	bool has_next;
	struct file_watch identities, keys;
	char identity_error[NTS_TEXT]; /* why files cannot be used, the ones before are; "" else */
	char keys_error[NTS_TEXT];     /* likewise of keys that the daemon has refused */
	json_t *status;                /* its last word, or NULL */
	unsigned waiting;              /* in use below, the oldest first */
	struct nts_question question[NTS_WAITING];
	uint64_t asked;   /* questions ever, numbered from 1; the oldest that waits is asked - waiting + 1 */
	uint64_t awaited; /* the one whose reply somebody waits for, in nts_ask; 0: nobody */
	struct ke_message message;
};

/* control/nts.c: the daemon's life. */

/*
 * Make the segment, and where NTS is on take ntsdumpdir and read the keys. False with a sentence in
 * text[size]; nts_leave undoes what was done.
 */
bool nts_take(struct nts *nts, const struct config *config, const char *run_dir, char *text, size_t size);

/*
 * Start the daemon, whose arguments are set, and send it identities and keys. False with a sentence in
 * text[size] where it could not be started; files that cannot be used are in nts->identity_error.
 */
bool nts_start(struct nts *nts, char *text, size_t size);

/* The daemon has ended: forget what it said. */
void nts_note_end(struct nts *nts);

/* Whether it owes an answer for longer than a daemon that lives needs, has closed the channel, or has been
 * told to end: all of them pass within a tick or two. */
bool nts_is_silent(const struct nts *nts);

/* Once a second: ask for its status, look at files, write what could not be written. */
void nts_tick(struct nts *nts);

/*
 * Whether a new configuration can be applied: its directory is free, its keys can be read, its identities can
 * be used (a daemon that is ready has them from then on). False with a sentence in text[size] and nothing
 * changed.
 */
bool nts_prepare(struct nts *nts, const struct config *fresh, char *text, size_t size);

/*
 * Go over to what nts_prepare has prepared; nts->config holds the new values now. Where NTS is switched off
 * the daemon is told to end. The caller sets its arguments and restarts it where they have changed.
 */
void nts_apply(struct nts *nts);

/* Stop the daemon; wait at most `patience_ms` and then kill it. */
void nts_stop(struct nts *nts, int patience_ms);

/* At the end, the dataplane gone: erase all keys. Harmless at any point. */
void nts_leave(struct nts *nts);

/* Why keys are not safe on the disk, or "". */
const char *nts_dump_error(const struct nts *nts);

/* Seconds between rotations in units of 2^-32 s, as nts/key_file.h wants them. */
static inline uint64_t nts_period(const struct config *config)
{
	return (uint64_t)config->nts.rotate_s << 32;
}

/* control/nts_talk.c: the conversation. */

/* Send the identities of a configuration, if it has any. False, with the sentence in nts->identity_error,
 * where a file cannot be opened or the daemon takes none at the moment. */
bool nts_send_identities(struct nts *nts, const struct config *config);

/* Whether the files of a configuration's identities can be opened. False with a sentence in text[size]. */
bool nts_identities_open(const struct config *config, char *text, size_t size);

/* Send the keys that are known. */
bool nts_send_keys(struct nts *nts);

/* Send something that is replied to. */
bool nts_send(struct nts *nts, enum ke_message_type type, const void *body, size_t size);

/* Take in what the daemon has said. */
void nts_process(struct nts *nts);

/*
 * Send and wait for the reply, two seconds at most; what else the daemon says meanwhile is taken in. The
 * reply's size, in reply[size] with a NUL behind it; -1 with a sentence there instead.
 */
ptrdiff_t nts_ask(struct nts *nts, enum ke_message_type type, const void *body, size_t body_size, char *reply,
	size_t size);

/* Have nts->status as it is now, where the daemon answers in time. */
void nts_refresh_status(struct nts *nts);

/* As nts_ask, with KE_MESSAGE_IDENTITIES: "" in text[size] where they are in use now. */
bool nts_ask_identities(struct nts *nts, const struct config *config, char *text, size_t size);

#endif
