#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/monotonic.h"
#include "control/nts.h"
#include "dataplane/log.h"

enum { PATIENCE_MS = 2000 };
static_assert((int)KE_CHANNEL_DESCRIPTORS >= 2 * (int)CONFIG_IDENTITIES, "all files in one message");
static_assert(2 * (int)CONFIG_IDENTITIES * (int)CONFIG_PATH <= (int)KE_CHANNEL_BODY, "all names, too");

/* The files of the identities, opened. */
struct files {
	unsigned count;
	int fd[KE_CHANNEL_DESCRIPTORS];
	size_t used;
	char names[2 * CONFIG_IDENTITIES * CONFIG_PATH]; /* each with its NUL */
};

static void close_files(struct files *files)
{
	for (unsigned i = 0; i < files->count; i++)
		close(files->fd[i]);
	files->count = 0;
}

static void warn_of_readers(const char *path)
{
	if (file_content_is_exposed(path))
		log_warning("ntsserverkey %s: others than its owner may reach this private key; chmod 600 %s",
			path, path);
}

/* What an operator can do about a file that cannot be opened. */
static const char *remedy(int error)
{
	switch (error) {
	case ENOENT:
		return "put it there, or name the right one";
	case EISDIR:
	case EINVAL:
		return "name a file";
	default:
		return "see that root may read it";
	}
}

static bool open_file(struct files *files, const char *directive, const char *path, char *text, size_t size)
{
	const int fd = file_content_open(path);
	const size_t length = strlen(path) + 1;

	if (fd < 0) {
		snprintf(text, size, "%s %s cannot be read: %s; %s", directive, path,
			errno == EINVAL ? "it is no regular file" : strerror(errno), remedy(errno));
		return false;
	}
	files->fd[files->count++] = fd;
	memcpy(files->names + files->used, path, length);
	files->used += length;
	return true;
}

static bool open_files(struct files *files, const struct config_nts *nts, char *text, size_t size)
{
	files->count = 0;
	files->used = 0;
	for (unsigned i = 0; i < nts->certificates; i++) {
		if (!open_file(files, "ntsservercert", nts->certificate[i], text, size) ||
			!open_file(files, "ntsserverkey", nts->key[i], text, size)) {
			close_files(files);
			return false;
		}
	}
	for (unsigned i = 0; i < nts->certificates; i++)
		warn_of_readers(nts->key[i]);
	return true;
}

bool nts_identities_open(const struct config *config, char *text, size_t size)
{
	struct files files;
	const bool good = open_files(&files, &config->nts, text, size);

	close_files(&files);
	return good;
}

static bool send_with(struct nts *nts, enum ke_message_type type, const void *body, size_t size,
	const int *fds, unsigned count)
{
	if (nts->channel < 0 || nts->waiting == NTS_WAITING ||
		!ke_channel_send(nts->channel, type, body, size, fds, count))
		return false;
	nts->question[nts->waiting++] = (struct nts_question){type, monotonic_ms()};
	nts->asked++;
	return true;
}

bool nts_send(struct nts *nts, enum ke_message_type type, const void *body, size_t size)
{
	return send_with(nts, type, body, size, NULL, 0);
}

bool nts_send_keys(struct nts *nts)
{
	return nts_send(nts, KE_MESSAGE_KEYS, nts->store.text, nts->store.size);
}

bool nts_send_identities(struct nts *nts, const struct config *config)
{
	struct files files;
	bool sent;

	if (config->nts.certificates == 0)
		return true;
	if (!open_files(&files, &config->nts, nts->identity_error, sizeof(nts->identity_error)))
		return false;
	sent = send_with(nts, KE_MESSAGE_IDENTITIES, files.names, files.used, files.fd, files.count);
	if (!sent)
		snprintf(nts->identity_error, sizeof(nts->identity_error),
			"tickwire-ke takes no certificates at the moment");
	close_files(&files);
	return sent;
}

/* A refusal, or "" where all went well. */
static void note_refusal(char error[NTS_TEXT], const char *reply, const char *what)
{
	if (reply[0] && strcmp(error, reply) != 0)
		log_error("%s", reply);
	else if (!reply[0])
		log_notice("%s", what);
	snprintf(error, NTS_TEXT, "%.*s", NTS_TEXT - 1, reply);
}

static void note_status(struct nts *nts, const struct ke_message *message)
{
	json_t *status = json_loadb((const char *)message->body, message->size, 0, NULL);

	if (!json_is_object(status)) {
		json_decref(status);
		return;
	}
	json_decref(nts->status);
	nts->status = status;
}

/* Who waits for a refusal is told himself, and what is in use stays as it is. */
static void take_reply(struct nts *nts, const struct ke_message *message)
{
	const char *text = (const char *)message->body;
	enum ke_message_type type;

	if (nts->waiting == 0)
		return;
	type = nts->question[0].type;
	nts->waiting--;
	memmove(nts->question, nts->question + 1, nts->waiting * sizeof(nts->question[0]));
	if (type == KE_MESSAGE_STATUS)
		note_status(nts, message);
	else if (text[0] && nts->asked - nts->waiting == nts->awaited)
		return;
	else if (type == KE_MESSAGE_IDENTITIES)
		note_refusal(nts->identity_error, text, "certificates are in use");
	else if (type == KE_MESSAGE_KEYS)
		note_refusal(nts->keys_error, text, "keys are in use");
}

/* Keys that somebody else keeps are not written: the daemon has them from the file. */
static void save(struct nts *nts, const struct ke_message *message)
{
	char before[sizeof(nts->store.error)];

	if (!nts->on || nts->config->nts.rotate_s == 0)
		return;
	nts->keys_error[0] = '\0';
	memcpy(before, nts->store.error, sizeof(before));
	if (!key_store_keep(&nts->store, message->body, message->size))
		log_error("tickwire-ke sends a key file of %zu octets, which is none", message->size);
	else if (!key_store_write(&nts->store) && strcmp(before, nts->store.error) != 0)
		log_error("%s; this is tried again each second, and a restart before that loses them",
			nts->store.error);
}

static void take_in(struct nts *nts, const struct ke_message *message)
{
	if (message->type == KE_MESSAGE_READY)
		nts->ready = true;
	else if (message->type == KE_MESSAGE_SAVE)
		save(nts, message);
	else if (message->type == KE_MESSAGE_REPLY)
		take_reply(nts, message);
}

/* One message, whose body is then still there. False where there is none. */
static bool take_one(struct nts *nts)
{
	int taken = nts->channel >= 0 ? ke_channel_take(nts->channel, &nts->message) : 0;

	if (taken < 0) {
		/* It has ended, or will be killed for its silence; its end is noted where it is reaped. */
		close(nts->channel);
		nts->channel = -1;
	}
	if (taken <= 0)
		return false;
	take_in(nts, &nts->message);
	return true;
}

void nts_process(struct nts *nts)
{
	while (take_one(nts))
		ke_message_drop(&nts->message);
}

/* Take in messages until the question that is awaited is answered; its reply is then in nts->message. */
static bool wait_for_reply(struct nts *nts)
{
	const int64_t end = monotonic_ms() + PATIENCE_MS;

	while (nts->channel >= 0) {
		struct pollfd fd = {.fd = nts->channel, .events = POLLIN};
		const int64_t left = end - monotonic_ms();

		if (left <= 0 || poll(&fd, 1, (int)left) <= 0)
			return false;
		if (!take_one(nts))
			continue;
		if (nts->message.type == KE_MESSAGE_REPLY && nts->asked - nts->waiting == nts->awaited)
			return true;
		ke_message_drop(&nts->message);
	}
	return false;
}

static ptrdiff_t finish_asking(struct nts *nts, bool sent, char *reply, size_t size)
{
	ptrdiff_t used = -1;

	nts->awaited = nts->asked;
	sent = sent && wait_for_reply(nts);
	nts->awaited = 0;
	if (!sent) {
		snprintf(reply, size,
			"tickwire-ke does not answer; it may be starting: try again in a few seconds, "
			"`tickwire status` shows it");
		return -1;
	}
	if (nts->message.size < size) {
		used = (ptrdiff_t)nts->message.size;
		memcpy(reply, nts->message.body, nts->message.size);
		reply[used] = '\0';
	} else {
		snprintf(reply, size, "tickwire-ke's answer is too long");
	}
	ke_message_drop(&nts->message);
	return used;
}

ptrdiff_t nts_ask(struct nts *nts, enum ke_message_type type, const void *body, size_t body_size, char *reply,
	size_t size)
{
	return finish_asking(nts, nts_send(nts, type, body, body_size), reply, size);
}

/* A daemon that owes an answer already is not waited for. */
void nts_refresh_status(struct nts *nts)
{
	static char text[KE_CHANNEL_BODY + 1];

	nts_process(nts);
	if (nts->ready && nts->waiting == 0)
		(void)nts_ask(nts, KE_MESSAGE_STATUS, NULL, 0, text, sizeof(text));
}

bool nts_ask_identities(struct nts *nts, const struct config *config, char *text, size_t size)
{
	struct files files;
	bool sent;

	if (!open_files(&files, &config->nts, text, size))
		return false;
	sent = send_with(nts, KE_MESSAGE_IDENTITIES, files.names, files.used, files.fd, files.count);
	close_files(&files);
	return finish_asking(nts, sent, text, size) == 0;
}
