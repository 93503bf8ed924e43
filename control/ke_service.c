#include "control/ke_service.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "dataplane/log.h"

enum { SENTENCE = 512, SECOND_MS = 1000 };

static ntp64 realtime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return ntp64_from_timespec(t);
}

/* A reply that is lost would put all later ones out of step, so that this ends the daemon. */
static bool reply(struct ke_service *s, const void *body, size_t size)
{
	if (ke_channel_send(s->channel, KE_MESSAGE_REPLY, body, size, NULL, 0))
		return true;
	log_error("the supervisor takes no reply: %s", strerror(errno));
	return false;
}

static bool reply_text(struct ke_service *s, const char *text)
{
	return reply(s, text, strlen(text));
}

/* Keys. */

static void publish(struct ke_service *s)
{
	if (s->published == s->keys.changes)
		return;
	ke_keys_publish(&s->keys, &s->segment);
	ke_server_keyring(s->server, &s->keys.ring);
	s->published = s->keys.changes;
}

/* Have the ring kept, unless it is somebody else's. What could not be sent is sent with the next tick. */
static void save(struct ke_service *s)
{
	char text[KEY_FILE_MAX];
	size_t size;

	if (s->keys.period == 0 || s->saved == s->keys.changes)
		return;
	size = ke_keys_write(&s->keys, text, realtime());
	if (size > 0 && ke_channel_send(s->channel, KE_MESSAGE_SAVE, text, size, NULL, 0))
		s->saved = s->keys.changes;
	OPENSSL_cleanse(text, sizeof(text));
}

static bool listen_now(struct ke_service *s)
{
	char text[SENTENCE];

	if (!s->keys.in_use || ke_server_listen(s->server, text, sizeof(text)))
		return true;
	log_error("%s", text);
	return false;
}

static bool announce(struct ke_service *s)
{
	if (s->ready)
		return true;
	s->ready = ke_channel_send(s->channel, KE_MESSAGE_READY, NULL, 0, NULL, 0);
	if (!s->ready)
		log_error("the supervisor does not hear that this daemon is ready: %s", strerror(errno));
	return s->ready;
}

static const char *const origins[] = {[KE_KEYS_FRESH] = "made here, new",
	[KE_KEYS_FILE] = "from the key file",
	[KE_KEYS_SEGMENT] = "those of the run before"};

static bool begin_keys(struct ke_service *s, char text[SENTENCE])
{
	const struct ke_message *m = &s->message;
	enum ke_keys_origin origin;
	struct keyring left;
	const bool there = shm_read(&s->segment, &left) != 0;
	const bool good = ke_keys_begin(&s->keys, there ? &left : NULL, (const char *)m->body, m->size,
		realtime(), &origin, text, SENTENCE);

	OPENSSL_cleanse(&left, sizeof(left));
	if (s->keys.in_use)
		log_notice("keys: %s", origins[origin]);
	if (s->keys.in_use && s->keys.period == 0 && origin == KE_KEYS_FRESH)
		log_warning(
			"there is no key file, and `ntsrotate 0` says that somebody else keeps it: no other "
			"server knows the keys of this one");
	return good;
}

/* The order is the supervisor's: it hears that a file was bad before it is given another to be kept. */
static bool take_keys(struct ke_service *s)
{
	const struct ke_message *m = &s->message;
	char text[SENTENCE] = "";
	const bool first = !s->keys.in_use;
	const bool good = first ? begin_keys(s, text)
				: ke_keys_import(&s->keys, (const char *)m->body, m->size, realtime(), text,
					  sizeof(text));

	if (good && !first)
		log_notice("keys: %s", origins[KE_KEYS_FILE]);
	publish(s);
	if (!listen_now(s) || !reply_text(s, good ? "" : text))
		return false;
	save(s);
	return !s->keys.in_use || announce(s);
}

static void note_turn(const struct ke_service *s)
{
	log_notice("keys have turned: %08X is the next one", (unsigned)s->keys.ring.key[0].id);
}

static bool rotate(struct ke_service *s)
{
	char text[SENTENCE] = "";
	const bool good = ke_keys_rotate(&s->keys, realtime(), text, sizeof(text));

	if (good)
		note_turn(s);
	publish(s);
	if (!reply_text(s, good ? "" : text))
		return false;
	save(s);
	return true;
}

static bool export(struct ke_service *s)
{
	char text[KEY_FILE_MAX];
	const size_t size = ke_keys_write(&s->keys, text, realtime());
	const bool done = reply(s, text, size);

	OPENSSL_cleanse(text, sizeof(text));
	return done;
}

int ke_service_tick(struct ke_service *s)
{
	const ntp64 now = realtime();
	const unsigned news = ke_keys_tick(&s->keys, now);

	if (news & KE_KEYS_ROTATED)
		note_turn(s);
	if (news & KE_KEYS_RENEWED)
		log_warning(
			"all keys had ended, as after a jump of the clock: there are new ones, and clients "
			"have to come for other cookies");
	if (news & KE_KEYS_ENDED)
		log_error(
			"all keys have ended, and `ntsrotate 0` says that somebody else makes them: bring a "
			"newer key file");
	publish(s);
	save(s);
	return news & KE_KEYS_FAILED ? SECOND_MS : ke_keys_due_ms(&s->keys, now, SECOND_MS);
}

/* Identities. */

struct identities {
	size_t count;
	struct tls_identity identity[TLS_IDENTITIES];
	uint8_t *octets[KE_CHANNEL_DESCRIPTORS];
	size_t size[KE_CHANNEL_DESCRIPTORS];
};

/* At most `most` octets of a file, which had better have no more. */
static bool read_file(int fd, uint8_t *octets, size_t most, size_t *size)
{
	ssize_t n = 1;

	*size = 0;
	while (n > 0 && *size < most) {
		n = read(fd, octets + *size, most - *size);
		if (n > 0)
			*size += (size_t)n;
		else if (n < 0 && errno == EINTR)
			n = 1;
	}
	return n == 0;
}

static bool read_identity_file(
	struct identities *set, unsigned i, int fd, const char *name, char *text, size_t size)
{
	const size_t most = i % 2 ? KE_KEY_MAX : KE_CERTIFICATE_MAX;

	errno = 0;
	set->octets[i] = malloc(most + 1);
	if (set->octets[i] && read_file(fd, set->octets[i], most + 1, &set->size[i]))
		return true;
	if (set->size[i] > most)
		snprintf(text, size, "%.255s: longer than %zu octets; is it the right file?", name, most);
	else
		snprintf(text, size, "%.255s: cannot be read: %s", name, strerror(errno));
	return false;
}

static bool read_identities(struct identities *set, const struct ke_message *m, char *text, size_t size)
{
	const char *name = (const char *)m->body, *end = name + m->size;
	unsigned i = 0;

	for (; i < m->descriptors && name < end; i++, name += strlen(name) + 1) {
		struct tls_identity *identity = &set->identity[i / 2];

		if (!read_identity_file(set, i, m->descriptor[i], name, text, size))
			return false;
		if (i % 2) {
			identity->key_name = name;
			identity->key = set->octets[i];
			identity->key_size = set->size[i];
		} else {
			identity->certificate_name = name;
			identity->certificate = set->octets[i];
			identity->certificate_size = set->size[i];
		}
	}
	set->count = i / 2;
	if (i > 0 && i % 2 == 0 && i == m->descriptors && name >= end)
		return true;
	snprintf(text, size,
		"not every certificate and key has come with an open file; is this process out of "
		"descriptors (LimitNOFILE= of the service)?");
	return false;
}

static void free_identities(struct identities *set)
{
	for (unsigned i = 0; i < KE_CHANNEL_DESCRIPTORS; i++) {
		if (set->octets[i])
			OPENSSL_cleanse(set->octets[i], set->size[i]);
		free(set->octets[i]);
	}
}

static void forget_names(struct ke_service *s)
{
	for (unsigned i = 0; i < TLS_IDENTITIES; i++) {
		free(s->certificate[i]);
		s->certificate[i] = NULL;
	}
}

/* It is used all the same: a certificate that clients refuse is no worse than none. */
static void warn_of_dates(const char *name, const struct tls_identity_facts *facts)
{
	const time_t now = time(NULL);

	if (facts->not_after < now)
		log_warning("certificate %s has expired, and clients refuse it; renew it", name);
	else if (facts->not_before > now)
		log_warning(
			"certificate %s is not valid yet, and clients refuse it; is this host's clock right?",
			name);
}

static void use_identities(struct ke_service *s, const struct identities *set, struct tls_server *server)
{
	ke_server_identities(s->server, server);
	if (s->identities)
		tls_server_release(s->identities);
	s->identities = server;
	forget_names(s);
	for (size_t i = 0; i < set->count; i++) {
		s->certificate[i] = strdup(set->identity[i].certificate_name);
		log_notice("certificate %s: %s, for %s", set->identity[i].certificate_name,
			tls_server_facts(server, i)->kind, tls_server_facts(server, i)->subject);
		warn_of_dates(set->identity[i].certificate_name, tls_server_facts(server, i));
	}
}

static bool take_identities(struct ke_service *s)
{
	struct identities set = {0};
	struct tls_server *server = NULL;
	char text[SENTENCE] = "";

	if (read_identities(&set, &s->message, text, sizeof(text)))
		server = tls_server_new(set.identity, set.count, text, sizeof(text));
	if (server)
		use_identities(s, &set, server);
	free_identities(&set);
	/* Who has the reply finds the ports open. */
	return (!server || listen_now(s)) && reply_text(s, server ? "" : text);
}

/* The channel. */

static bool report(struct ke_service *s)
{
	char *text = ke_status_text(s);
	const bool done = reply_text(s, text ? text : "{}");

	free(text);
	return done;
}

static bool answer(struct ke_service *s)
{
	switch (s->message.type) {
	case KE_MESSAGE_IDENTITIES:
		return take_identities(s);
	case KE_MESSAGE_KEYS:
		return take_keys(s);
	case KE_MESSAGE_ROTATE:
		return rotate(s);
	case KE_MESSAGE_EXPORT:
		return export(s);
	case KE_MESSAGE_STATUS:
		return report(s);
	case KE_MESSAGE_READY:
	case KE_MESSAGE_SAVE:
	case KE_MESSAGE_REPLY:
		break;
	}
	return true;
}

bool ke_service_hear(struct ke_service *s)
{
	int taken;

	while ((taken = ke_channel_take(s->channel, &s->message)) == 1) {
		const bool good = answer(s);

		ke_message_drop(&s->message);
		if (!good)
			return false;
	}
	if (taken < 0)
		log_notice("the supervisor has closed the channel");
	return taken == 0;
}

void ke_service_end(struct ke_service *s)
{
	if (s->identities)
		tls_server_release(s->identities);
	s->identities = NULL;
	forget_names(s);
	ke_keys_end(&s->keys);
}
